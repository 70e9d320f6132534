//! Brings a machine to where the journal is, for the first time or again.

use std::collections::BTreeMap;

use piton_shared::{
    journal::{Entry, Kind, Place, in_order},
    message::{append::Next, claim::HandBackReason},
    parked::Parked,
    replay::{Machine, Replayed},
    time::Timestamp,
};

use tracing::subscriber::{NoSubscriber, with_default};

use super::{Attempt, Cancel, Effect, Stage, left::retried, step::StepStage};

impl Attempt {
    /// Replays the journal. Functions that run for steps that are still open go on; their results are told to the new
    /// machine.
    pub(super) fn resume(
        &mut self,
        mut machine: Machine,
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
        let entries = in_order(entries);
        // What the workflow logs now was logged before.
        let turn = if entries.is_empty() {
            machine.replay(&entries)
        } else {
            with_default(NoSubscriber::default(), || machine.replay(&entries))
        };
        self.outbox.acknowledge(machine.told().own);
        self.stage = Stage::Live(Box::new(machine));
        match turn {
            Ok(Replayed::All(turn)) => self.turn(turn, now, effects),
            Ok(Replayed::Stopped(_)) => self.over(Effect::HandBack(HandBackReason::Lacking), effects),
            Err(error) => {
                let message = format!("its journal cannot be replayed: {error}");
                self.close(Next::Park(Parked::Limit { message }), effects);
            }
        }
        effects.extend(self.steps.drop_set_aside().into_iter().map(Effect::Abort));
        let steps = &self.steps;
        self.outbox.keep_waits(|key| match retried(key) {
            Some((step, _)) => steps.stage(&step) == Some(StepStage::Timer),
            None => true,
        });
        self.tell_unwritten(now, effects);
        for ended in std::mem::take(&mut self.early) {
            self.ended(ended, now, effects);
        }
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
