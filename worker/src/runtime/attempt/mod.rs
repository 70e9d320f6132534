//! One hold on a run, decided: what was learned goes in, what is to be done comes out.
//!
//! [`Attempt`] owns the replay machine and decides what is executed, written, waited for and given back. It reads no
//! clock, spawns nothing and sends nothing; `runtime::run` does what it says. The rules it keeps:
//!
//! - A result is told to the workflow at once and travels in the next append, together with all that the workflow asked
//!   for on the strength of it. At most one append is under way; the next one collects meanwhile.
//! - A function begins only when every own row that had been told before it was asked for is acknowledged.
//! - Rows from outside are told strictly by their numbers; a gap is read first.
//! - A step of a fan-out, and one that asks for a queue that is not served here, is given away with the append that
//!   holds what led to it; so are the items of a batch, chunk by chunk. What was given away is waited for.
//! - While a write of state is under way, or something is read that no row holds, nothing is told to the workflow.
//! - A run that waits for what stands outside leaves memory after a grace, unless more came from outside than it was
//!   told.
//! - Once the lease has lapsed nothing begins, and what ran is dropped: it begins anew under the next try number, so
//!   that (epoch, try) fences it from a remnant of the first. That is no failed try and uses none up.

mod after_try;
mod away;
mod batch;
mod effect;
mod fetch;
mod given;
mod input;
mod left;
mod outbox;
mod outside;
mod proceed;
mod resume;
mod state;
mod step;
mod steps;
mod tries;
mod turn;
mod untold;
mod weight;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use piton_shared::{
    failure::Failure,
    ids::{AttemptId, RunId, WorkerId},
    journal::Entry,
    limits,
    message::{append::Next, claim::OpenCall},
    name::Queue,
    replay::Machine,
    time::Timestamp,
};

pub(crate) use self::{
    after_try::{AfterTry, after_try},
    effect::{Effect, Start},
    input::{EndedTry, Input},
    left::retried,
    step::Bounds,
    weight::{of_failure, of_outcome, rows, weight},
};
use self::{
    batch::Batches,
    fetch::Fetches,
    left::Left,
    outbox::Outbox,
    outside::OutsideRows,
    state::StateCalls,
    steps::Steps,
    untold::{News, Untold},
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
    /// Those that this worker listens on.
    queues: Arc<[Queue]>,
    stage: Stage,
    steps: Steps,
    batches: Batches,
    state: StateCalls,
    fetches: Fetches,
    left: Left,
    outside: OutsideRows,
    untold: Untold,
    outbox: Outbox,
    lease: Lease,
    intent: Intent,
    cancel: Cancel,
    idle_since: Option<Timestamp>,
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
    /// The journal is being told; something that the workflow wants read holds up the rest of it.
    Replaying { machine: Box<Machine>, rest: Vec<Entry> },
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
    /// The run is paused.
    Pausing,
    /// The worker leaves.
    Draining,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    NotTold,
    Told,
}

impl Attempt {
    /// Begins with what earlier attempts left open, on a worker that listens on these queues; [`Input::Journal`] comes
    /// first.
    pub(crate) fn new(hold: Hold, open: Vec<OpenCall>, queues: Arc<[Queue]>) -> Self {
        Self {
            hold,
            queues,
            stage: Stage::Reading,
            steps: Steps::default(),
            batches: Batches::default(),
            state: StateCalls::default(),
            fetches: Fetches::default(),
            left: Left::new(open),
            outside: OutsideRows::default(),
            untold: Untold::default(),
            outbox: Outbox::default(),
            lease: Lease::Held,
            intent: Intent::Working,
            cancel: Cancel::NotTold,
            idle_since: None,
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
            Input::Journal { machine, entries } => self.resume(machine, entries, now, &mut effects),
            Input::Ended(ended) => self.untold.push(News::Ended(ended)),
            Input::Answered { answer, append } => self.answered(answer, *append, now, &mut effects),
            Input::StateRead { key, value } => self.state_read(&key, value),
            Input::Fetched { fetch, results } => self.fetched(&fetch, results, now, &mut effects),
            Input::Woken(entries) => self.outside.woken(entries),
            Input::OutsideRead(entries) => self.outside.read(entries),
            Input::Unfit(reason) => self.close(Next::Park(reason), &mut effects),
            Input::Lapsed => self.lapsed(&mut effects),
            Input::Renewed => self.lease = Lease::Held,
            Input::Drain => self.intent = Intent::Draining,
            Input::Pause { not_begun } => self.pause(&not_begun),
            Input::Unpause => self.unpause(),
            Input::Lost => self.over(Effect::Drop, &mut effects),
            Input::Tick => {}
        }
        self.proceed(now, &mut effects);
        effects
    }

    /// When [`Input::Tick`] is due, unless something else comes before.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        match (&self.stage, self.lease, self.intent) {
            (Stage::Live(_), Lease::Held, Intent::Working) if !self.hushed() => {}
            // What is due could not begin: something else comes first.
            (_, Lease::Held | Lease::Lapsed, Intent::Working | Intent::Pausing | Intent::Draining) => return None,
        }
        let grace = self.idle_since.map(|since| since.plus(limits::SUSPEND_GRACE));
        [grace, self.steps.first_due()].into_iter().flatten().min()
    }

    /// Rows from outside that were told or wait to be told, to ask for what came after.
    pub(crate) fn outside_known(&self) -> Option<u32> {
        match &self.stage {
            Stage::Live(machine) => Some(machine.told().outside),
            Stage::Reading | Stage::Replaying { .. } | Stage::Stale | Stage::Closing | Stage::Over => None,
        }
    }

    fn lapsed(&mut self, effects: &mut Vec<Effect>) {
        self.lease = Lease::Lapsed;
        effects.extend(self.steps.interrupt().into_iter().map(Effect::Abort));
    }

    /// The workflow is over; what it came to goes with the last append.
    fn close(&mut self, next: Next, effects: &mut Vec<Effect>) {
        effects.extend(self.steps.clear().into_iter().map(Effect::Abort));
        self.untold.clear();
        self.batches.clear();
        self.state.clear();
        self.fetches.clear();
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
            Stage::Reading | Stage::Replaying { .. } | Stage::Stale | Stage::Closing | Stage::Over => None,
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
