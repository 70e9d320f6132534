//! What follows from all that was learned so far, and where the run goes.

use piton_shared::{
    journal::StepKey,
    limits,
    message::{
        append::{Append, AppendAnswer, Next},
        claim::HandBackReason,
    },
    parked::Parked,
    time::Timestamp,
};

use super::{Attempt, Effect, Intent, Moved, Stage, outbox::Aim};

impl Attempt {
    pub(super) fn proceed(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        loop {
            let moved = [
                self.tell_own(now, effects),
                self.compute_state(now, effects),
                self.want_items(now, effects),
                self.tell_outside(now, effects),
                self.begin_write(now),
                self.begin_steps(now, effects),
            ];
            if moved == [Moved::No; 6] {
                break;
            }
            // Where news came, more may be on their way.
            self.idle_since = None;
        }
        match self.stage {
            Stage::Live(_) => {
                self.idle(now);
                if self.drained(effects) == Moved::No {
                    self.send(self.aim(now), effects);
                }
            }
            Stage::Closing => self.send(Aim::GoOn, effects),
            Stage::Stale if self.outbox.is_quiet() => {
                self.stage = Stage::Reading;
                effects.push(Effect::Replay);
            }
            Stage::Reading | Stage::Replaying { .. } if self.intent != Intent::Working => {
                self.over(Effect::HandBack(HandBackReason::Released), effects);
            }
            Stage::Stale | Stage::Reading | Stage::Replaying { .. } | Stage::Over => {}
        }
    }

    /// Notes since when nothing here can move the run.
    pub(super) fn idle(&mut self, now: Timestamp) {
        let moves = self.steps.busy() > 0 || self.batches.is_giving() || self.state.is_moving();
        if self.is_written() && !moves && self.fetches.is_empty() {
            self.idle_since.get_or_insert(now);
        } else {
            self.idle_since = None;
        }
    }

    pub(super) fn aim(&self, now: Timestamp) -> Aim {
        match (self.idle_since, self.intent, self.outside_known()) {
            (Some(since), Intent::Working, Some(seen_outside)) if since.plus(limits::SUSPEND_GRACE) <= now => {
                Aim::Suspend { seen_outside }
            }
            (Some(_), Intent::Pausing | Intent::Draining, Some(seen_outside)) => Aim::Suspend { seen_outside },
            (_, Intent::Working | Intent::Pausing | Intent::Draining, _) => Aim::GoOn,
        }
    }

    /// Whether all that was learned is written.
    pub(super) fn is_written(&self) -> bool {
        self.outbox.is_empty() && self.outbox.is_quiet() && self.untold.is_empty()
    }

    /// Whether nothing may be told: a write of state is under way, or something is read that no row holds.
    pub(super) fn hushed(&self) -> bool {
        self.state.is_writing() || !self.fetches.is_empty()
    }

    pub(super) fn pause(&mut self, not_begun: &[StepKey]) {
        for key in not_begun {
            self.steps.take_back(key);
        }
        match self.intent {
            Intent::Working => self.intent = Intent::Pausing,
            Intent::Pausing | Intent::Draining => {}
        }
    }

    pub(super) fn unpause(&mut self) {
        match self.intent {
            Intent::Pausing => self.intent = Intent::Working,
            Intent::Working | Intent::Draining => {}
        }
    }

    /// Gives the run back once nothing of it runs or is to be written, if the worker drains or the run is paused.
    pub(super) fn drained(&mut self, effects: &mut Vec<Effect>) -> Moved {
        let quiet = self.is_written() && self.steps.running() == 0;
        if self.intent != Intent::Working && quiet && self.idle_since.is_none() {
            self.over(Effect::HandBack(HandBackReason::Released), effects);
            return Moved::Yes;
        }
        Moved::No
    }

    pub(super) fn send(&mut self, aim: Aim, effects: &mut Vec<Effect>) {
        if let Some(append) = self.outbox.next(self.hold, aim) {
            effects.push(Effect::Append(Box::new(append)));
        }
    }

    pub(super) fn answered(&mut self, answer: AppendAnswer, append: Append, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(flight) = self.outbox.landed() else {
            return;
        };
        match answer {
            AppendAnswer::Accepted => {
                self.outbox.accepted(&flight);
                self.left.set(&append);
                self.batches.written(&append);
                if flight.leaves() {
                    self.over(Effect::Drop, effects);
                } else {
                    self.state_written(&append, now, effects);
                }
            }
            AppendAnswer::Overtaken { outside } => {
                self.outbox.accepted(&flight);
                self.left.set(&append);
                self.outside.read(outside);
            }
            AppendAnswer::Fenced => self.over(Effect::Drop, effects),
            AppendAnswer::Conflict { current } => self.state_conflict(append, current),
            AppendAnswer::Superseded => {
                let unwritten = self.outbox.superseded(append);
                self.stale(unwritten);
            }
            AppendAnswer::Invalid { reason } => {
                if flight.parks() {
                    // Not even that can be written: another worker may fare better, but not at once.
                    self.over(Effect::HandBack(HandBackReason::Lacking), effects);
                } else {
                    let message = format!("its results cannot be written: {reason}");
                    self.outbox.clear();
                    self.close(Next::Park(Parked::Limit { message }), effects);
                }
            }
        }
    }
}
