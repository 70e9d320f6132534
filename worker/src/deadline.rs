//! A bound on the time of one branch.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use piton_shared::{
    failure::StepError,
    replay::{Durable, Race, Road},
};

use crate::{
    WorkflowContext,
    branch::{Branch, Label},
};

impl WorkflowContext {
    /// Bounds the time of a branch by a durable timer: whichever is first stands in the journal, the other is withdrawn.
    ///
    /// For one call, [`Call::timeout`](crate::Call::timeout) is cheaper. This one bounds several steps, waits and batches
    /// together.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use piton::{DeadlineError, prelude::*};
    ///
    /// #[function]
    /// async fn negotiate(round: u32) -> Result<bool> { Ok(round > 2) }
    ///
    /// #[workflow]
    /// async fn deal(ctx: &WorkflowContext) -> Result<Option<u32>> {
    ///     let talks = ctx.branch("talks", async move |ctx: WorkflowContext| {
    ///         let mut round = 1;
    ///         while !ctx.step(negotiate(round)).await? {
    ///             round += 1;
    ///         }
    ///         Ok(round)
    ///     });
    ///     match ctx.deadline(Duration::from_secs(3600), talks).await {
    ///         Ok(rounds) => Ok(Some(rounds)),
    ///         Err(DeadlineError::Elapsed { .. }) => Ok(None),
    ///         Err(error) => Err(error.into()),
    ///     }
    /// }
    /// ```
    pub fn deadline<B: Branch>(&self, after: Duration, branch: B) -> Deadline<B> {
        let race = self.scope().race("deadline", Road::Here);
        let within = self.within(race.scope().clone());
        let timer = Timer::Set(within.scope().sleep("timer", after));
        let running = branch.start(&within, Label::Place(0));
        Deadline { after, stage: Stage::Running { race, running, timer } }
    }
}

/// Why a branch under a deadline has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeadlineError {
    /// The time was over first. What the branch still ran is withdrawn.
    #[error("it was not done within {after:?}")]
    Elapsed {
        /// The time it had.
        after: Duration,
    },
    /// The branch failed first.
    #[error(transparent)]
    Failed(#[from] StepError),
}

/// What [`WorkflowContext::deadline`] makes.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Deadline<B: Branch> {
    after: Duration,
    stage: Stage<B>,
}

enum Stage<B: Branch> {
    Running { race: Race, running: B::Running, timer: Timer },
    Pinning { pin: Durable<u32>, outcome: Result<B::Output, DeadlineError> },
    Over,
}

enum Timer {
    Set(Durable<()>),
    /// The run was cancelled: the branch makes good what it did, in its own time.
    Cancelled,
}

impl Timer {
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Self::Set(timer) = self else { return false };
        match Pin::new(timer).poll(cx) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(_)) => {
                *self = Self::Cancelled;
                false
            }
        }
    }
}

/// What it holds is moved out of it and never pinned.
impl<B: Branch> Unpin for Deadline<B> {}

const BRANCH: u32 = 0;
const TIMER: u32 = 1;

impl<B: Branch> Future for Deadline<B> {
    type Output = Result<B::Output, DeadlineError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let after = self.after;
        loop {
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Running { race, mut running, mut timer } => {
                    let (winner, outcome) = if let Poll::Ready(outcome) = Pin::new(&mut running).poll(cx) {
                        (BRANCH, outcome.map_err(DeadlineError::Failed))
                    } else if timer.is_over(cx) {
                        (TIMER, Err(DeadlineError::Elapsed { after }))
                    } else {
                        self.stage = Stage::Running { race, running, timer };
                        return Poll::Pending;
                    };
                    // The loser is withdrawn before anything rests on the winner.
                    drop((running, timer));
                    self.stage = Stage::Pinning { pin: race.pin(winner), outcome };
                }
                Stage::Pinning { mut pin, outcome } => {
                    // Cancelled meanwhile, the winner has won all the same.
                    if Pin::new(&mut pin).poll(cx).is_ready() {
                        return Poll::Ready(outcome);
                    }
                    self.stage = Stage::Pinning { pin, outcome };
                    return Poll::Pending;
                }
                Stage::Over => return Poll::Pending,
            }
        }
    }
}

impl<B: Branch> fmt::Debug for Deadline<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline").field("after", &self.after).finish_non_exhaustive()
    }
}
