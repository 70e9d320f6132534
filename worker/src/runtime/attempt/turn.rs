//! What a workflow's turn leads to, and what leads to its next turn.

use std::time::Duration;

use piton_shared::{
    codec,
    failure::Failure,
    journal::{Entry, Kind, StepKey},
    limits,
    message::append::{FailedTry, NewWait, Next},
    replay::{Call, Request, SleepCall, StepCall, Turn},
    retry::{Decision, Jitter},
    time::Timestamp,
};

use super::{
    Attempt, Cancel, Effect, EndedTry, Intent, Lease, Moved, Stage, Start, end_of_failure,
    left::{LeftTimer, LeftTries, retried},
    outside::NextOutside,
    step::{Step, StepStage},
};

impl Attempt {
    /// Takes up what the workflow asks for.
    pub(super) fn turn(&mut self, turn: Turn, now: Timestamp, effects: &mut Vec<Effect>) {
        match turn {
            Turn::Waiting(requests) => {
                for request in requests {
                    match request {
                        Request::Start(Call::Step(call)) => self.ask_step(call, now),
                        Request::Start(Call::Sleep(call)) => self.ask_sleep(&call),
                        Request::Start(Call::Batch(_) | Call::Race(_) | Call::State(_))
                        | Request::Items(_)
                        | Request::Write(_)
                        | Request::Fetch(_) => {}
                        Request::Withdraw(key) => self.withdraw(&key, effects),
                    }
                }
            }
            Turn::Ended(Ok(result)) => self.close(Next::Complete(result), effects),
            Turn::Ended(Err(failure)) => {
                self.close(end_of_failure(failure, self.cancel), effects);
            }
            Turn::Parked(reason) => self.close(Next::Park(reason), effects),
        }
    }

    fn ask_step(&mut self, call: StepCall, now: Timestamp) {
        let blocked = StepStage::Blocked { until: self.told_own() };
        let mut step = match self.steps.set_aside_step(&call.key) {
            Some(step) => Step { call, ..step },
            None => self.left_step(call, now),
        };
        let may_begin = match step.stage {
            StepStage::Running => false,
            StepStage::Blocked { .. } | StepStage::Ready => true,
            StepStage::Waiting { .. } | StepStage::Timer => self.left.is_over(&step.call.key, step.next_try),
        };
        if may_begin {
            step.stage = blocked;
        }
        self.steps.insert(step);
    }

    /// A step as earlier attempts left it.
    fn left_step(&mut self, call: StepCall, now: Timestamp) -> Step {
        let left = self.left.tries(&call.key);
        let mut step = Step {
            call,
            stage: StepStage::Ready,
            failed: left.failed,
            next_try: left.last + 1,
            first_started: left.first_started,
        };
        step.stage = match left.timer {
            LeftTimer::Stands => StepStage::Timer,
            LeftTimer::None if left.failed > 0 => StepStage::Waiting { due: self.rest_of_wait(&step, left, now) },
            LeftTimer::None => StepStage::Ready,
        };
        step
    }

    /// When the wait is over that an earlier attempt kept in memory.
    fn rest_of_wait(&self, step: &Step, left: LeftTries, now: Timestamp) -> Timestamp {
        let policy = step.policy();
        let delay = policy.delay(left.failed);
        let delay = match policy.jitter {
            Jitter::Full => delay.mul_f64(self.random.clamp(0.0, 1.0)),
            Jitter::None => delay,
        };
        let due = left.last_failed.unwrap_or(now).plus(delay);
        due.min(now.plus(limits::RETRY_IN_MEMORY))
    }

    fn ask_sleep(&mut self, call: &SleepCall) {
        if !self.left.sleeps(&call.key) {
            self.outbox.wait(NewWait {
                key: call.key.clone(),
                kind: Kind::Sleep,
                name: call.name.clone().into_owned(),
                input: codec::UNIT.to_vec(),
                after: call.duration,
            });
        }
    }

    fn withdraw(&mut self, key: &StepKey, effects: &mut Vec<Effect>) {
        if self.steps.get(key).is_some() {
            self.withdraw_step(key, effects);
        } else {
            self.left.forget(key);
            self.outbox.withdraw(key.clone());
        }
    }

    fn withdraw_step(&mut self, key: &StepKey, effects: &mut Vec<Effect>) {
        let Some(step) = self.steps.remove(key) else {
            return;
        };
        match step.stage {
            StepStage::Running => effects.push(Effect::Abort(key.clone())),
            StepStage::Timer => self.outbox.withdraw(key.retry(step.next_try)),
            StepStage::Blocked { .. } | StepStage::Ready | StepStage::Waiting { .. } => {}
        }
    }

    /// Tells what came from outside, in its order, unless the run may be leaving memory this instant.
    pub(super) fn tell_outside(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> Moved {
        let mut moved = Moved::No;
        while let Stage::Live(machine) = &mut self.stage {
            if self.outbox.suspends() {
                break;
            }
            let told = machine.told().outside;
            match self.outside.next(told) {
                NextOutside::Nothing => break,
                NextOutside::Missing => {
                    effects.push(Effect::ReadOutside { after: told });
                    break;
                }
                NextOutside::Row(entry) => {
                    moved = Moved::Yes;
                    match machine.deliver(&entry) {
                        Ok(turn) => {
                            self.note(&entry, effects);
                            self.turn(turn, now, effects);
                        }
                        // It answers what was answered here by a row that is not written yet.
                        Err(_) => self.stale(Vec::new()),
                    }
                }
            }
        }
        moved
    }

    fn note(&mut self, entry: &Entry, effects: &mut Vec<Effect>) {
        match entry.kind {
            // Somebody else was first: what is done here for that step is nobody's.
            Kind::Step => self.withdraw_step(&entry.key, effects),
            Kind::Batch | Kind::Race | Kind::State => {}
            Kind::Cancel => self.cancel = Cancel::Told,
            Kind::Sleep => {
                self.left.forget(&entry.key);
                self.outbox.fired(&entry.key);
            }
            Kind::Retry => {
                self.outbox.fired(&entry.key);
                let Some((key, try_number)) = retried(&entry.key) else {
                    return;
                };
                let waits = self.steps.get(&key).is_some_and(|step| {
                    step.next_try == try_number && matches!(step.stage, StepStage::Timer | StepStage::Waiting { .. })
                });
                if waits {
                    self.steps.set(&key, StepStage::Ready);
                }
            }
        }
    }

    /// Begins what may begin; a step whose time is over fails here.
    pub(super) fn begin_steps(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> Moved {
        let mut moved = Moved::No;
        while let (Stage::Live(_), Lease::Held, Intent::Working) = (&self.stage, self.lease, self.intent) {
            let Some(key) = self.steps.next_ready(self.outbox.acknowledged(), now) else {
                break;
            };
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
            } else {
                effects.push(Effect::Start(Box::new(Start {
                    key: key.clone(),
                    function: step.call.function.clone(),
                    input: step.call.input.clone(),
                    try_number: step.next_try,
                    max_tries: step.max_tries(),
                    bounds: step.bounds(),
                    queue: step.call.options.queue.clone(),
                })));
                self.steps.set(&key, StepStage::Running);
            }
        }
        moved
    }

    /// Takes the end of a try. One that was interrupted or withdrawn meanwhile is nobody's.
    pub(super) fn ended(&mut self, ended: EndedTry, now: Timestamp, effects: &mut Vec<Effect>) {
        match self.stage {
            Stage::Live(_) => {}
            Stage::Reading | Stage::Stale => return self.early.push(ended),
            Stage::Closing | Stage::Over => return,
        }
        let Some(step) = self.steps.get_mut(&ended.key) else {
            return;
        };
        if step.stage != StepStage::Running || step.next_try != ended.try_number {
            return;
        }
        let first_started = *step.first_started.get_or_insert(ended.started_at);
        match &ended.outcome {
            Ok(_) => self.settle(ended, now, effects),
            Err(failure) => {
                let bounds = step.bounds();
                let decision = step.policy().decide(failure, step.failed + 1, first_started, now, self.random);
                match decision {
                    Decision::Retry { after } if bounds.over_at(now.plus(after)) => {
                        let outcome = Err(over_with(bounds.out_of_time(), failure));
                        self.settle(EndedTry { outcome, ..ended }, now, effects);
                    }
                    Decision::Retry { after } => self.retry(ended, after, now),
                    Decision::GiveUp(_) => self.settle(ended, now, effects),
                }
            }
        }
    }

    fn retry(&mut self, ended: EndedTry, after: Duration, now: Timestamp) {
        let (Some(step), Err(failure)) = (self.steps.get_mut(&ended.key), ended.outcome) else {
            return;
        };
        step.failed += 1;
        step.next_try += 1;
        let name = step.call.function.clone().into_owned();
        let timer = ended.key.retry(step.next_try);
        self.outbox.failed_try(FailedTry {
            key: ended.key.clone(),
            try_number: ended.try_number,
            name: name.clone(),
            failure,
            started_at: ended.started_at,
            finished_at: ended.finished_at,
        });
        if after <= limits::RETRY_IN_MEMORY {
            self.steps.set(&ended.key, StepStage::Waiting { due: now.plus(after) });
        } else {
            let input = codec::UNIT.to_vec();
            self.outbox.wait(NewWait { key: timer, kind: Kind::Retry, name, input, after });
            self.steps.set(&ended.key, StepStage::Timer);
        }
    }

    /// A step has its result: the workflow is told at once, the row travels.
    fn settle(&mut self, ended: EndedTry, now: Timestamp, effects: &mut Vec<Effect>) {
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

    /// What the workflow computed stands on rows that are not in the journal: it has to be told anew.
    pub(super) fn stale(&mut self, unwritten: Vec<Entry>) {
        let behind = self.outbox.forget_computed();
        self.unwritten.extend(unwritten.into_iter().chain(behind));
        self.stage = Stage::Stale;
    }

    /// Tells results again that could not be written before, where nobody else's stands in their place.
    pub(super) fn tell_unwritten(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        for entry in std::mem::take(&mut self.unwritten) {
            if self.steps.get(&entry.key).is_none() {
                continue;
            }
            let ended = EndedTry {
                key: entry.key,
                try_number: entry.try_number,
                outcome: entry.outcome,
                started_at: entry.started_at,
                finished_at: entry.finished_at,
            };
            self.settle(ended, now, effects);
        }
    }

    fn told_own(&mut self) -> u32 {
        self.machine().map_or(0, |machine| machine.told().own)
    }
}

/// A step that ran out of time, with what its last try failed of.
fn over_with(mut over: Failure, last: &Failure) -> Failure {
    over.chain.push(last.message.clone());
    over.chain.extend(last.chain.iter().take(limits::FAILURE_CHAIN - 1).cloned());
    over
}
