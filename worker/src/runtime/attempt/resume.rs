//! Brings a machine to where the journal is, for the first time or again.

use std::collections::BTreeMap;

use piton_shared::{
    journal::{Entry, Kind, Place, in_order},
    message::append::Next,
    parked::Parked,
    replay::{FetchedResults, Machine, Replayed},
    time::Timestamp,
};

use tracing::subscriber::{NoSubscriber, with_default};

use super::{Attempt, Cancel, Effect, Stage, left::retried, step::StepStage};

impl Attempt {
    /// Replays the journal. Functions that run for steps that are still open go on; their results are told to the new
    /// machine.
    pub(super) fn resume(
        &mut self,
        machine: Box<Machine>,
        entries: Vec<Entry>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Stage::Reading = self.stage else {
            return;
        };
        let (entries, later) = without_gaps(entries);
        self.outside.read(later);
        self.left.read(&entries);
        if entries.iter().any(|entry| entry.kind == Kind::Cancel) {
            self.cancel = Cancel::Told;
        }
        self.steps.set_aside();
        self.replay(machine, in_order(entries), now, effects);
    }

    /// What held up the replay was read.
    pub(super) fn go_on_replaying(
        &mut self,
        id: u64,
        results: FetchedResults,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if let Stage::Replaying { mut machine, rest } = std::mem::replace(&mut self.stage, Stage::Reading) {
            // What it asks for now may be answered by the rest, which returns what is still open behind it.
            with_default(NoSubscriber::default(), || drop(machine.supply(id, results)));
            self.replay(machine, rest, now, effects);
        }
    }

    fn replay(
        &mut self,
        mut machine: Box<Machine>,
        mut entries: Vec<Entry>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        // What the workflow logs now was logged before.
        let replayed = if entries.is_empty() {
            machine.replay(&entries)
        } else {
            with_default(NoSubscriber::default(), || machine.replay(&entries))
        };
        match replayed {
            Ok(Replayed::Stopped(stopped)) => {
                let rest = entries.split_off(stopped.taken);
                self.stage = Stage::Replaying { machine, rest };
                self.ask_fetch(stopped.fetch, effects);
            }
            Ok(Replayed::All(turn)) => {
                self.outbox.acknowledge(machine.told().own);
                self.stage = Stage::Live(machine);
                self.turn(turn, now, effects);
                self.go_live(effects);
            }
            Err(error) => {
                let message = format!("its journal cannot be replayed: {error}");
                self.close(Next::Park(Parked::Limit { message }), effects);
            }
        }
    }

    fn go_live(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.steps.drop_set_aside().into_iter().map(Effect::Abort));
        let steps = &self.steps;
        self.outbox.keep_waits(|key| match retried(key) {
            Some((step, _)) => steps.stage(&step) == Some(StepStage::Timer),
            None => true,
        });
        if let Stage::Live(machine) = &self.stage {
            // Whoever gave these away did not come to take them back.
            let unwanted = self.left.unless(|key| machine.is_open(key));
            for key in unwanted {
                self.outbox.withdraw(key);
            }
        }
        self.tell_unwritten();
    }
}

/// Own rows, and rows from outside up to the first that is missing: a journal is read in pages by key, so a row that
/// was written meanwhile may have been passed by. What comes after it is told later.
fn without_gaps(entries: Vec<Entry>) -> (Vec<Entry>, Vec<Entry>) {
    let mut kept = Vec::with_capacity(entries.len());
    let mut outside = BTreeMap::new();
    for entry in entries {
        match entry.place {
            Place::Own { .. } => kept.push(entry),
            Place::Outside { number } => {
                outside.insert(number, entry);
            }
        }
    }
    let mut later = Vec::new();
    let mut known = 0;
    for (number, entry) in outside {
        if number == known + 1 {
            known = number;
            kept.push(entry);
        } else {
            later.push(entry);
        }
    }
    (kept, later)
}
