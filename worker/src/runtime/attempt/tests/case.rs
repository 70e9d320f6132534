//! An attempt, step by step.

use std::{sync::Arc, time::Duration};

use piton_shared::{
    codec,
    failure::Failure,
    ids::{AttemptId, RunId},
    journal::{Entry, Kind, Outcome, Place, StepKey},
    message::{
        append::{Append, AppendAnswer},
        claim::{OpenCall, Waiting},
    },
    replay::{Machine, Scope},
    time::Timestamp,
};
use uuid::Uuid;

use super::{
    plan::{Boxed, Plan},
    world::worker,
};
use crate::runtime::attempt::{Attempt, Effect, EndedTry, Hold, Input, Start};

pub(super) const STEP: Plan = Plan::Step { failures: 0, wait: Duration::ZERO };

/// An attempt and a clock.
pub(super) struct Case {
    pub(super) attempt: Attempt,
    pub(super) now: Timestamp,
}

impl Case {
    pub(super) fn of(plan: Plan) -> (Self, Vec<Effect>) {
        Self::with(plan.workflow(), Vec::new(), Vec::new())
    }

    pub(super) fn with(
        workflow: impl FnOnce(Scope) -> Boxed<Result<Vec<u8>, Failure>> + Send + 'static,
        entries: Vec<Entry>,
        open: Vec<OpenCall>,
    ) -> (Self, Vec<Effect>) {
        let hold = Hold { run: RunId::new(Uuid::nil()), attempt: AttemptId::new(Uuid::nil()), worker: worker() };
        let mut case = Self { attempt: Attempt::new(hold, open, Arc::default()), now: Timestamp::from_micros(0) };
        let machine = Box::new(Machine::new(Uuid::nil(), Timestamp::EPOCH, workflow));
        let effects = case.on(Input::Journal { machine, entries });
        (case, effects)
    }

    /// The journal is read again.
    pub(super) fn journal(&mut self, plan: Plan, entries: Vec<Entry>) -> Vec<Effect> {
        let machine = Box::new(Machine::new(Uuid::nil(), Timestamp::EPOCH, plan.workflow()));
        self.on(Input::Journal { machine, entries })
    }

    pub(super) fn on(&mut self, input: Input) -> Vec<Effect> {
        self.attempt.on(input, self.now, 1.0)
    }

    pub(super) fn end(&mut self, start: &Start, outcome: Outcome) -> Vec<Effect> {
        self.on(Input::Ended(EndedTry {
            key: start.key.clone(),
            try_number: start.try_number,
            outcome,
            started_at: self.now,
            finished_at: self.now,
        }))
    }

    pub(super) fn answer(&mut self, append: &Append, answer: AppendAnswer) -> Vec<Effect> {
        self.on(Input::Answered { answer, append: Box::new(append.clone()) })
    }

    pub(super) fn after(&mut self, time: Duration) -> Vec<Effect> {
        self.now = self.now.plus(time);
        self.on(Input::Tick)
    }
}

pub(super) fn start(effects: &[Effect]) -> &Start {
    let [Effect::Start(start)] = effects else {
        panic!("one start, not {effects:?}");
    };
    start
}

pub(super) fn append(effects: &[Effect]) -> &Append {
    let [.., Effect::Append(append)] = effects else {
        panic!("an append at last, not {effects:?}");
    };
    append
}

pub(super) fn fails() -> Outcome {
    Err(Failure::new("not this time"))
}

pub(super) fn fired(key: &str, kind: Kind, number: u32) -> Entry {
    Entry {
        key: StepKey::new(key),
        kind,
        name: if kind == Kind::Sleep { "nap" } else { key }.to_owned(),
        input: codec::UNIT.to_vec(),
        outcome: Ok(codec::UNIT.to_vec()),
        place: Place::Outside { number },
        started_at: Timestamp::EPOCH,
        finished_at: Timestamp::EPOCH,
        worker: None,
        try_number: 1,
    }
}

pub(super) fn left(key: &str, failed_tries: u32, waiting: Option<Waiting>) -> OpenCall {
    let tried = (failed_tries > 0).then_some(Timestamp::EPOCH);
    OpenCall {
        key: StepKey::new(key),
        failed_tries,
        last_try: failed_tries,
        first_started_at: tried,
        last_failed_at: tried,
        waiting,
    }
}
