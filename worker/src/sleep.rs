//! Waiting, durably.

use std::{
    borrow::Cow,
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use piton_shared::{
    failure::StepError,
    replay::{Durable, Scope},
};

use crate::WorkflowContext;

impl WorkflowContext {
    /// Waits for so long, durably: a worker may stop meanwhile, and only the time that remains is waited. A long wait
    /// costs no memory.
    ///
    /// A duration of zero still makes a row in the journal.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use piton::prelude::*;
    ///
    /// #[workflow]
    /// async fn cool_off(ctx: &WorkflowContext) -> Result<()> {
    ///     ctx.sleep(Duration::from_secs(24 * 60 * 60)).named("wait_24h").await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn sleep(&self, duration: Duration) -> Sleep {
        Sleep { stage: Stage::Made { scope: self.scope().clone(), name: Cow::Borrowed("sleep") }, duration }
    }

    /// [`sleep`](Self::sleep) under a name of its own, which stands on the timeline.
    pub fn sleep_named(&self, name: impl Into<Cow<'static, str>>, duration: Duration) -> Sleep {
        self.sleep(duration).named(name)
    }
}

/// A durable timer, set when it is first awaited.
#[must_use = "nothing is waited for until this is awaited"]
pub struct Sleep {
    stage: Stage,
    duration: Duration,
}

enum Stage {
    Made { scope: Scope, name: Cow<'static, str> },
    Set(Durable<()>),
}

impl Sleep {
    /// Names the timer on the timeline, in place of `sleep`. Changes nothing once it is set.
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        if let Stage::Made { name: known, .. } = &mut self.stage {
            *known = name.into();
        }
        self
    }
}

impl Future for Sleep {
    type Output = Result<(), StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { stage, duration } = &mut *self;
        loop {
            match stage {
                Stage::Made { scope, name } => *stage = Stage::Set(scope.sleep(std::mem::take(name), *duration)),
                Stage::Set(timer) => return Pin::new(timer).poll(cx),
            }
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("duration", &self.duration).finish_non_exhaustive()
    }
}
