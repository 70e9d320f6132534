//! One hold on a run, decided: what was learned goes in, what is to be done comes out.
//!
//! [`Attempt`] owns the replay machine and decides what is executed, written, waited for and given back. It reads no
//! clock, spawns nothing and sends nothing; `runtime::run` does what it says. The rules it keeps:
//!
//! - A result is told to the workflow at once and travels in the next append, together with all that the workflow asked
//!   for on the strength of it. At most one append is under way; the next one collects meanwhile.
//! - A function begins only when every own row that had been told before it was asked for is acknowledged.
//! - Rows from outside are told strictly by their numbers; a gap is read first.
//! - A run that waits for timers only leaves memory after a grace, unless more came from outside than it was told.
//! - Once the lease has lapsed nothing begins, and what ran is dropped: it begins anew under the next try number, so
//!   that (epoch, try) fences it from a remnant of the first. That is no failed try and uses none up.

mod effect;
mod input;
mod left;
mod outbox;
mod outside;
mod resume;
mod step;
mod steps;
mod turn;

#[cfg(test)]
mod tests;

use piton_shared::{
    failure::Failure,
    ids::{AttemptId, RunId, WorkerId},
    journal::Entry,
    limits,
    message::{
        append::{Append, AppendAnswer, Next},
        claim::{HandBackReason, OpenCall},
    },
    parked::Parked,
    replay::Machine,
    time::Timestamp,
};

pub(crate) use self::{
    effect::{Effect, Start},
    input::{EndedTry, Input},
    left::retried,
    outbox::weight,
};
use self::{
    left::Left,
    outbox::{Aim, Outbox},
    outside::OutsideRows,
    steps::Steps,
};

/// Whose hold on what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) run: RunId,
    pub(crate) attempt: AttemptId,
    pub(crate) worker: WorkerId,
}

/// The decisions of one hold on a run.
#[derive(Debug)]
pub(crate) struct Attempt {
    hold: Hold,
    stage: Stage,
    steps: Steps,
    left: Left,
    outside: OutsideRows,
    outbox: Outbox,
    lease: Lease,
    intent: Intent,
    cancel: Cancel,
    idle_since: Option<Timestamp>,
    /// Tries that ended while the journal was read again.
    early: Vec<EndedTry>,
    /// Results that were told and could not be written as they were told, in their order: no reason to compute them
    /// again.
    unwritten: Vec<Entry>,
    /// What spreads the wait before the next try, from 0 to 1.
    random: f64,
}

#[derive(Debug)]
enum Stage {
    /// The journal is on its way.
    Reading,
    /// The workflow waits.
    Live(Box<Machine>),
    /// Others' results stand where ours should: once no append is under way the journal is read again.
    Stale,
    /// The workflow ended or is parked; the append that says so is not acknowledged yet.
    Closing,
    /// Nothing more comes of this attempt.
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lease {
    Held,
    Lapsed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    Working,
    Draining,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    NotTold,
    Told,
}

impl Attempt {
    /// Begins with what earlier attempts left open; [`Input::Journal`] comes first.
    pub(crate) fn new(hold: Hold, open: Vec<OpenCall>) -> Self {
        Self {
            hold,
            stage: Stage::Reading,
            steps: Steps::default(),
            left: Left::new(open),
            outside: OutsideRows::default(),
            outbox: Outbox::default(),
            lease: Lease::Held,
            intent: Intent::Working,
            cancel: Cancel::NotTold,
            idle_since: None,
            early: Vec::new(),
            unwritten: Vec::new(),
            random: 1.0,
        }
    }

    /// Takes what was learned at `now` and says what is to be done, in this order. `random`, from 0 to 1, spreads the
    /// wait before a next try.
    pub(crate) fn on(&mut self, input: Input, now: Timestamp, random: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Stage::Over = self.stage {
            return effects;
        }
        self.random = random;
        match input {
            Input::Journal { machine, entries } => self.resume(*machine, entries, now, &mut effects),
            Input::Ended(ended) => self.ended(ended, now, &mut effects),
            Input::Answered { answer, append } => self.answered(answer, *append, &mut effects),
            Input::Woken(entries) => self.outside.woken(entries),
            Input::OutsideRead(entries) => self.outside.read(entries),
            Input::Unfit(reason) => self.close(Next::Park(reason), &mut effects),
            Input::Lapsed => self.lapsed(&mut effects),
            Input::Renewed => self.lease = Lease::Held,
            Input::Drain => self.intent = Intent::Draining,
            Input::Lost => self.over(Effect::Drop, &mut effects),
            Input::Tick => {}
        }
        self.proceed(now, &mut effects);
        effects
    }

    /// When [`Input::Tick`] is due, unless something else comes before.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        match (&self.stage, self.lease) {
            (Stage::Live(_), Lease::Held) => {}
            (Stage::Reading | Stage::Live(_) | Stage::Stale | Stage::Closing | Stage::Over, _) => {
                return None;
            }
        }
        let grace = self.idle_since.map(|since| since.plus(limits::SUSPEND_GRACE));
        [grace, self.steps.first_due()].into_iter().flatten().min()
    }

    /// Rows from outside that were told or wait to be told, to ask for what came after.
    pub(crate) fn outside_known(&self) -> Option<u32> {
        match &self.stage {
            Stage::Live(machine) => Some(machine.told().outside),
            Stage::Reading | Stage::Stale | Stage::Closing | Stage::Over => None,
        }
    }

    fn proceed(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        loop {
            let told = self.tell_outside(now, effects);
            let given_up = self.begin_steps(now, effects);
            if told == Moved::No && given_up == Moved::No {
                break;
            }
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
            Stage::Reading if self.intent == Intent::Draining => {
                self.over(Effect::HandBack(HandBackReason::Released), effects);
            }
            Stage::Stale | Stage::Reading | Stage::Over => {}
        }
    }

    /// Notes since when nothing here can move the run.
    fn idle(&mut self, now: Timestamp) {
        if self.outbox.is_empty() && self.outbox.is_quiet() && self.steps.busy() == 0 {
            self.idle_since.get_or_insert(now);
        } else {
            self.idle_since = None;
        }
    }

    fn aim(&self, now: Timestamp) -> Aim {
        match (self.idle_since, self.intent, self.outside_known()) {
            (Some(since), Intent::Working, Some(seen_outside)) if since.plus(limits::SUSPEND_GRACE) <= now => {
                Aim::Suspend { seen_outside }
            }
            (Some(_), Intent::Draining, Some(seen_outside)) => Aim::Suspend { seen_outside },
            (_, Intent::Working | Intent::Draining, _) => Aim::GoOn,
        }
    }

    /// Gives the run back once nothing of it runs or is to be written, if the worker drains.
    fn drained(&mut self, effects: &mut Vec<Effect>) -> Moved {
        let quiet = self.outbox.is_empty() && self.outbox.is_quiet() && self.steps.running() == 0;
        if self.intent == Intent::Draining && quiet && self.idle_since.is_none() {
            self.over(Effect::HandBack(HandBackReason::Released), effects);
            return Moved::Yes;
        }
        Moved::No
    }

    fn send(&mut self, aim: Aim, effects: &mut Vec<Effect>) {
        if let Some(append) = self.outbox.next(self.hold, aim) {
            effects.push(Effect::Append(Box::new(append)));
        }
    }

    fn answered(&mut self, answer: AppendAnswer, append: Append, effects: &mut Vec<Effect>) {
        let Some(flight) = self.outbox.landed() else {
            return;
        };
        match answer {
            AppendAnswer::Accepted => {
                self.outbox.accepted(&flight);
                self.left.set(&append);
                if flight.leaves() {
                    self.over(Effect::Drop, effects);
                }
            }
            AppendAnswer::Overtaken { outside } => {
                self.outbox.accepted(&flight);
                self.left.set(&append);
                self.outside.read(outside);
            }
            AppendAnswer::Fenced => self.over(Effect::Drop, effects),
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

    fn lapsed(&mut self, effects: &mut Vec<Effect>) {
        self.lease = Lease::Lapsed;
        effects.extend(self.steps.interrupt().into_iter().map(Effect::Abort));
    }

    /// The workflow is over; what it came to goes with the last append.
    fn close(&mut self, next: Next, effects: &mut Vec<Effect>) {
        effects.extend(self.steps.clear().into_iter().map(Effect::Abort));
        self.outbox.close(next);
        self.stage = Stage::Closing;
        self.idle_since = None;
    }

    fn over(&mut self, last: Effect, effects: &mut Vec<Effect>) {
        effects.extend(self.steps.clear().into_iter().map(Effect::Abort));
        effects.push(last);
        self.stage = Stage::Over;
    }

    fn machine(&mut self) -> Option<&mut Machine> {
        match &mut self.stage {
            Stage::Live(machine) => Some(machine),
            Stage::Reading | Stage::Stale | Stage::Closing | Stage::Over => None,
        }
    }
}

/// Whether something changed that may lead to more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    Yes,
    No,
}

/// How a run ends whose workflow ended with a failure.
fn end_of_failure(failure: Failure, cancel: Cancel) -> Next {
    use piton_shared::failure::Cause;
    match (failure.cause, cancel) {
        (Cause::Cancelled, Cancel::Told) => Next::Cancel(failure),
        (Cause::Cancelled, Cancel::NotTold) | (Cause::Error | Cause::Panic | Cause::Timeout, _) => Next::Fail(failure),
    }
}
