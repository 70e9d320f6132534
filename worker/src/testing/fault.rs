//! What befalls a run, and when.

use std::{fmt, time::Duration};

use piton_shared::{failure::Failure, journal::StepKey};

/// A moment in the life of a run. Each comes once: a fault that has struck strikes no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// A try of this step is about to begin.
    Begins(String),
    /// A try of this step is executed: its function was called and has not ended.
    Executes(String),
    /// This step has its result, and the journal does not have it yet: a crash here repeats the step.
    Ended(String),
    /// The journal has this step's result, and the worker has not learned of it yet.
    Written(String),
    /// The append of this number, counted from 1 over the run's whole life, is about to be written.
    BeforeAppend(u32),
    /// It was written, and the worker has not learned of it yet.
    AfterAppend(u32),
    /// So long after the run's start, on the virtual clock. [`Duration::ZERO`]: before any worker has it.
    After(Duration),
}

impl When {
    /// A try of the step `charge_card#1` is about to begin.
    pub fn begins(step: impl Into<String>) -> Self {
        Self::Begins(step.into())
    }

    /// A try of the step is executed: its function was called and has not ended.
    pub fn executes(step: impl Into<String>) -> Self {
        Self::Executes(step.into())
    }

    /// The step has its result, and the journal does not have it yet.
    pub fn ended(step: impl Into<String>) -> Self {
        Self::Ended(step.into())
    }

    /// The journal has the step's result, and the worker has not learned of it yet.
    pub fn written(step: impl Into<String>) -> Self {
        Self::Written(step.into())
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begins(step) => write!(f, "when `{step}` begins"),
            Self::Executes(step) => write!(f, "while `{step}` is executed"),
            Self::Ended(step) => write!(f, "when `{step}` has ended and is not written"),
            Self::Written(step) => write!(f, "when `{step}` is written"),
            Self::BeforeAppend(number) => write!(f, "before append {number}"),
            Self::AfterAppend(number) => write!(f, "after append {number}"),
            Self::After(time) => write!(f, "{time:?} after the start"),
        }
    }
}

/// What happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blow {
    /// Its worker is gone without a word; another takes the run over at once.
    Crash,
    /// Its worker is told to stop: it finishes what runs and gives the run back.
    Drain,
    /// Somebody asks that it be cancelled.
    Cancel,
    /// Somebody ends it by force.
    Kill,
    /// Somebody asks that nothing new of it begins.
    Pause,
    /// Somebody lets it go on.
    Resume,
}

/// What is to befall a run, until it has.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    coming: Vec<(When, Blow)>,
    failing: Vec<(StepKey, Failure)>,
}

impl Faults {
    pub(super) fn add(&mut self, when: When, blow: Blow) {
        self.coming.push((when, blow));
    }

    /// Every try of this step fails.
    pub(super) fn fail(&mut self, step: StepKey, failure: Failure) {
        self.failing.push((step, failure));
    }

    pub(super) fn failure_of(&self, step: &StepKey) -> Option<&Failure> {
        self.failing.iter().find(|(failing, _)| failing == step).map(|(_, failure)| failure)
    }

    /// Takes what comes at a moment that `is_now`. What was said twice comes at two such moments.
    pub(super) fn take(&mut self, is_now: impl Fn(&When) -> bool) -> Vec<Blow> {
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for fault in self.coming.drain(..) {
            let group = if is_now(&fault.0) && !taken.contains(&fault) { &mut taken } else { &mut left };
            group.push(fault);
        }
        self.coming = left;
        taken.into_iter().map(|(_, blow)| blow).collect()
    }

    /// The first moment on the clock at which something comes.
    pub(super) fn first_time(&self) -> Option<Duration> {
        self.coming.iter().filter_map(|(when, _)| when.time()).min()
    }

    /// What never came, for people.
    pub(super) fn left(&self) -> impl Iterator<Item = &When> {
        self.coming.iter().map(|(when, _)| when)
    }
}

impl When {
    pub(super) fn time(&self) -> Option<Duration> {
        match self {
            Self::After(time) => Some(*time),
            Self::Begins(_)
            | Self::Executes(_)
            | Self::Ended(_)
            | Self::Written(_)
            | Self::BeforeAppend(_)
            | Self::AfterAppend(_) => None,
        }
    }
}
