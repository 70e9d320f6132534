//! The tries of a step that is executed here: how they begin, and what follows their end.

use std::time::Duration;

use piton_shared::{
    codec,
    journal::{Entry, Kind},
    limits,
    message::append::{FailedTry, NewWait},
    time::Timestamp,
};

use super::{AfterTry, Attempt, Effect, EndedTry, Intent, Lease, Moved, Stage, Start, after_try, step::StepStage};

impl Attempt {
    /// Begins what may begin; a step whose time is over fails here, and one that goes away is given away.
    pub(super) fn begin_steps(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> Moved {
        let mut moved = Moved::No;
        while let (Stage::Live(_), Lease::Held, Intent::Working) = (&self.stage, self.lease, self.intent)
            && !self.hushed()
            && let Some(key) = self.steps.next_ready(self.outbox.acknowledged(), now)
        {
            let Some(step) = self.steps.get(&key) else {
                continue;
            };
            if step.bounds().over_at(now) {
                moved = Moved::Yes;
                let ended = EndedTry {
                    try_number: (step.next_try - 1).max(1),
                    outcome: Err(step.bounds().out_of_time()),
                    started_at: step.first_started.unwrap_or(now),
                    finished_at: now,
                    key,
                };
                self.settle(ended, now, effects);
            } else if self.goes_away(&step.call) {
                if let Some(step) = self.steps.remove(&key) {
                    self.give_away(step);
                }
            } else {
                effects.push(Effect::Start(Box::new(Start {
                    key: key.clone(),
                    function: step.call.function.clone(),
                    input: step.call.input.clone(),
                    try_number: step.next_try,
                    max_tries: step.max_tries(),
                    bounds: step.bounds(),
                })));
                self.steps.set(&key, StepStage::Running);
            }
        }
        moved
    }

    /// Takes the end of a try. One that was interrupted or withdrawn meanwhile is nobody's.
    pub(super) fn ended(&mut self, ended: EndedTry, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(step) = self.steps.get_mut(&ended.key) else {
            return;
        };
        if step.stage != StepStage::Running || step.next_try != ended.try_number {
            return;
        }
        step.first_started.get_or_insert(ended.started_at);
        let EndedTry { key, try_number, outcome, started_at, finished_at } = ended;
        match after_try(outcome, &step.policy(), &step.bounds(), step.failed, now, self.random) {
            AfterTry::Over(outcome) => {
                self.settle(EndedTry { key, try_number, outcome, started_at, finished_at }, now, effects);
            }
            AfterTry::Again { failure, after } => {
                let name = step.call.function.clone().into_owned();
                let failed = FailedTry { key, try_number, name, failure, started_at, finished_at };
                self.retry(failed, after, now);
            }
        }
    }

    fn retry(&mut self, failed: FailedTry, after: Duration, now: Timestamp) {
        let Some(step) = self.steps.get_mut(&failed.key) else {
            return;
        };
        step.failed += 1;
        step.next_try += 1;
        let (key, name) = (failed.key.clone(), failed.name.clone());
        let timer = key.retry(step.next_try);
        self.outbox.failed_try(failed);
        if after <= limits::RETRY_IN_MEMORY {
            self.steps.set(&key, StepStage::Waiting { due: now.plus(after) });
        } else {
            let input = codec::UNIT.to_vec();
            self.outbox.wait(NewWait { key: timer, kind: Kind::Retry, name, input, after });
            self.steps.set(&key, StepStage::Timer);
        }
    }

    /// A step has its result: the workflow is told at once, the row travels.
    pub(super) fn settle(&mut self, ended: EndedTry, now: Timestamp, effects: &mut Vec<Effect>) {
        let (Some(step), Stage::Live(machine)) = (self.steps.remove(&ended.key), &mut self.stage) else {
            return;
        };
        let entry = Entry {
            key: ended.key,
            kind: Kind::Step,
            name: step.call.function.into_owned(),
            input: step.call.input,
            outcome: ended.outcome,
            place: machine.told().next_own(),
            started_at: ended.started_at,
            finished_at: ended.finished_at,
            worker: Some(self.hold.worker),
            try_number: ended.try_number,
        };
        match machine.deliver(&entry) {
            Ok(turn) => {
                self.outbox.row(entry);
                self.turn(turn, now, effects);
            }
            Err(_) => self.stale(vec![entry]),
        }
    }

    /// Results that could not be written before are told again, where nobody else's stands in their place.
    pub(super) fn tell_unwritten(&mut self) {
        let unwritten = std::mem::take(&mut self.unwritten);
        let open = unwritten.into_iter().filter(|entry| self.steps.get(&entry.key).is_some());
        let outcomes = open.map(|entry| EndedTry {
            key: entry.key,
            try_number: entry.try_number,
            outcome: entry.outcome,
            started_at: entry.started_at,
            finished_at: entry.finished_at,
        });
        self.untold.again(outcomes.collect());
    }
}
