//! One open step of a run.

use std::time::Duration;

use piton_shared::{failure::Failure, replay::StepCall, retry::RetryPolicy, time::Timestamp};

/// A step that the workflow waits for.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) call: StepCall,
    pub(super) stage: StepStage,
    /// Tries that failed, of all attempts.
    pub(super) failed: u32,
    /// The number of the next try: more than those that failed, where some were interrupted.
    pub(super) next_try: u32,
    pub(super) first_started: Option<Timestamp>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepStage {
    /// It may begin once own rows up to this number are acknowledged.
    Blocked { until: u32 },
    /// It may begin.
    Ready,
    /// Its function is executed, or waits for a slot.
    Running,
    /// Its next try begins then.
    Waiting { due: Timestamp },
    /// A timer stands for its next try, or is about to be set.
    Timer,
}

impl Step {
    pub(super) fn policy(&self) -> RetryPolicy {
        self.call.options.retry.clone().unwrap_or_default()
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            try_timeout: self.call.options.try_timeout,
            timeout: self.call.options.timeout,
            first_started: self.first_started,
        }
    }

    /// Tries there may be: those that were interrupted use none up.
    pub(super) fn max_tries(&self) -> u32 {
        let interrupted = self.next_try - 1 - self.failed;
        self.policy().max_tries.max(1).saturating_add(interrupted)
    }
}

/// How long a try may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Of one try.
    pub(crate) try_timeout: Option<Duration>,
    /// Of all tries together.
    pub(crate) timeout: Option<Duration>,
    /// When the first one began, unless this is it.
    pub(crate) first_started: Option<Timestamp>,
}

impl Bounds {
    /// How long a try may take that begins at `start`, and how it fails if it takes longer.
    pub(crate) fn of_try(&self, start: Timestamp) -> Option<(Duration, Failure)> {
        let of_try =
            self.try_timeout.map(|limit| (limit, Failure::timeout(format_args!("the try took longer than {limit:?}"))));
        let of_step = self.step_deadline(start).map(|deadline| (deadline.since(start), self.out_of_time()));
        match (of_try, of_step) {
            (Some(one), Some(all)) => Some(if all.0 <= one.0 { all } else { one }),
            (one, all) => one.or(all),
        }
    }

    /// Whether the step's time is over before a try that would begin at `start`.
    pub(crate) fn over_at(&self, start: Timestamp) -> bool {
        self.step_deadline(start).is_some_and(|deadline| deadline <= start) && self.first_started.is_some()
    }

    /// The failure of a step that had no more time.
    pub(crate) fn out_of_time(&self) -> Failure {
        let timeout = self.timeout.unwrap_or_default();
        Failure::timeout(format_args!("the step took longer than {timeout:?}")).into_permanent()
    }

    fn step_deadline(&self, start: Timestamp) -> Option<Timestamp> {
        let timeout = self.timeout?;
        Some(self.first_started.unwrap_or(start).plus(timeout))
    }
}
