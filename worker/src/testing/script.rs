//! What stands in for a function: what each of its tries does.

use std::{fmt, sync::Arc, time::Duration};

use piton_shared::{failure::Failure, journal::Outcome};

use crate::{Ended, FunctionContext};

/// A function's script: what its first tries do, each in its turn, and what all later ones do.
///
/// It counts by the try's number and keeps no count of its own, so a try that a crash repeats does the same again.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    first: Vec<Play>,
    rest: Play,
}

/// What one try does.
#[derive(Debug, Clone, Default)]
pub(super) struct Play {
    /// How long it takes on the virtual clock.
    pub(super) takes: Duration,
    pub(super) act: Act,
}

/// What a try does when it is executed.
#[derive(Clone, Default)]
pub(super) enum Act {
    /// The function itself.
    #[default]
    Real,
    /// It ends so.
    End(Outcome),
    /// It panics with this text.
    Panic(String),
    /// It goes on until it is stopped.
    Never,
    /// Something else is called in its place.
    Call(Arc<Stand>),
}

/// What stands in for a function.
pub(super) type Stand = dyn Fn(FunctionContext, &[u8]) -> Ended + Send + Sync;

impl Script {
    /// The next `times` tries do this.
    pub(super) fn then(&mut self, times: u32, play: &Play) {
        self.first.extend((0..times).map(|_| play.clone()));
    }

    /// All tries after those do this.
    pub(super) fn rest(&mut self, play: Play) {
        self.rest = play;
    }

    /// What try `number`, from 1, does.
    pub(super) fn play(&self, number: u32) -> &Play {
        let index = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        self.first.get(index).unwrap_or(&self.rest)
    }
}

impl Act {
    /// How it ends that is known before it begins, if it is.
    pub(super) fn end(&self) -> Option<Outcome> {
        match self {
            Self::End(outcome) => Some(outcome.clone()),
            Self::Panic(message) => Some(Err(Failure::panic(message))),
            Self::Real | Self::Never | Self::Call(_) => None,
        }
    }
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real => f.write_str("Real"),
            Self::End(outcome) => f.debug_tuple("End").field(outcome).finish(),
            Self::Panic(message) => f.debug_tuple("Panic").field(message).finish(),
            Self::Never => f.write_str("Never"),
            Self::Call(_) => f.write_str("Call"),
        }
    }
}
