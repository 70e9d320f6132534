//! Holds a story against the promises. Each rule is a function from a story to what breaks it; [`broken`] asks them all.

mod ends;
mod executions;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use super::{
    moment::Moment,
    story::{Execution, Story},
};

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// No step begins after its own result was acknowledged.
    BegunAfterItsResult,
    /// No step begins after its run has ended.
    BegunAfterTheEnd,
    /// No step begins after a kill was confirmed.
    BegunAfterAKill,
    /// No step begins while a pause is confirmed.
    BegunInAPause,
    /// Two executions of a step do not overlap, unless the worker of the first was frozen.
    Overlap,
    /// The fencing token never goes back.
    TokenWentBack,
    /// No more items of a batch are under way than its bound allows.
    BoundExceeded,
    /// A timer never fires early.
    TimerEarly,
    /// A schedule with the overlap policy `skip` has one run at a time.
    SchedulesOverlap,
    /// One idempotency key makes one run.
    TwoRuns,
    /// A run whose start was acknowledged is there.
    Lost,
    /// It ends.
    NotEnded,
    /// It ends as it was asked to.
    EndedOtherwise,
    /// An end that was told stays.
    EndChanged,
    /// A session counts each of its runs once.
    Miscounted,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// How.
    pub what: String,
    /// The lines of the ledger that show it.
    pub lines: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)?;
        self.lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// What is granted to a machine that is not real-time. The promises name one exception: a process that is frozen between its check
/// and its call overruns by that one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// Between a check and what it allows, on a machine whose cores are all busy.
    pub jitter: Duration,
    /// After a process was continued, until its loops have noticed.
    pub thaw: Duration,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { jitter: Duration::from_millis(250), thaw: Duration::from_millis(500) }
    }
}

/// Everything that a story breaks.
pub fn broken(story: &Story, tolerance: Tolerance) -> Vec<Violation> {
    let mut found = executions::broken(story, tolerance);
    found.extend(ends::broken(story));
    found
}

/// Whether this is the one call that a process may overrun by which was frozen between its check and its call.
fn was_frozen(story: &Story, tolerance: Tolerance, execution: &Execution) -> bool {
    let about = |at: Moment, from: Moment, until: Moment| from <= at && at <= until.plus(tolerance.thaw);
    story.freezes_of(execution.process).any(|freeze| {
        about(execution.begun, freeze.from, freeze.until)
            // One of each run.
            && !story.executions.iter().any(|other| {
                other.run == execution.run
                    && other.process == execution.process
                    && other.begun < execution.begun
                    && about(other.begun, freeze.from, freeze.until)
            })
    })
}
