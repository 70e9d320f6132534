//! What a workflow's turn leads to, and what leads to its next turn.

use piton_shared::{
    codec,
    journal::{Entry, Kind, StepKey},
    limits,
    message::append::{NewWait, Next},
    replay::{Call, Request, SleepCall, StepCall, Turn},
    retry::Jitter,
    time::Timestamp,
};

use super::{
    Attempt, Cancel, Effect, Moved, Stage, end_of_failure,
    left::{LeftTimer, LeftTries, Standing, retried},
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
                        Request::Start(Call::Batch(call)) => self.ask_batch(call),
                        Request::Start(Call::Race(call)) => self.ask_race(call, now),
                        Request::Start(Call::State(call)) => self.ask_state(call, now, effects),
                        Request::Items(items) => self.give_items(items),
                        Request::Write(write) => self.computed(write),
                        Request::Fetch(fetch) => self.ask_fetch(fetch, effects),
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
        if self.left.standing(&call.key) == Some(Standing::Away) {
            return;
        }
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
        if may_begin && self.goes_away(&step.call) {
            return self.give_away(step);
        }
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
        if self.left.standing(&call.key).is_none() {
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
        self.untold.forget(key);
        if self.steps.get(key).is_some() {
            self.withdraw_step(key, effects);
        } else if self.state.has(key) {
            self.state.withdraw(key);
        } else {
            self.batches.remove(key);
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
            if self.outbox.suspends() || self.state.is_writing() || !self.fetches.is_empty() {
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
            Kind::Step => {
                self.withdraw_step(&entry.key, effects);
                self.fired(&entry.key);
            }
            Kind::Batch => {
                self.batches.remove(&entry.key);
                self.fired(&entry.key);
            }
            Kind::Sleep => self.fired(&entry.key),
            Kind::Race | Kind::State => {}
            Kind::Cancel => self.cancel = Cancel::Told,
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

    /// What the workflow computed stands on rows that are not in the journal: it has to be told anew.
    pub(super) fn stale(&mut self, unwritten: Vec<Entry>) {
        let behind = self.outbox.forget_computed();
        self.unwritten.extend(unwritten.into_iter().chain(behind));
        self.untold.keep_tries();
        self.batches.clear();
        self.state.clear();
        self.fetches.clear();
        self.stage = Stage::Stale;
    }

    /// What stood outside for this call, or was about to, is over.
    fn fired(&mut self, key: &StepKey) {
        self.left.forget(key);
        self.outbox.fired(key);
    }

    fn told_own(&mut self) -> u32 {
        self.machine().map_or(0, |machine| machine.told().own)
    }
}
