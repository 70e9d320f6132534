//! Several things at once, collected by name.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use piton_shared::failure::StepError;

use crate::{
    WorkflowContext,
    parallel::{Branches, Running, Until},
};

/// Runs branches beside each other, as [`WorkflowContext::parallel`] does, and collects them by name: into a value with a
/// field for each.
///
/// `.await?` gives every value, or the first failure that the journal has, and what still runs then is withdrawn;
/// [`.settled().await`](Gather::settled) gives a value whose fields are results.
///
/// ```
/// use piton::prelude::*;
///
/// #[function]
/// async fn fetch_revenue() -> Result<u64> { Ok(12) }
/// #[function]
/// async fn fetch_active_users() -> Result<Vec<String>> { Ok(vec!["Ada".into()]) }
///
/// #[workflow]
/// async fn dashboard(ctx: &WorkflowContext) -> Result<u64> {
///     let data = gather!(ctx, revenue: fetch_revenue(), users: fetch_active_users()).await?;
///     Ok(data.revenue / data.users.len() as u64)
/// }
/// ```
///
/// The names are part of the step keys (`gather#1/revenue/fetch_revenue#1`): a run that is under way parks if one changes.
#[macro_export]
macro_rules! gather {
    ($($part:tt)*) => { $crate::__private::gather!($crate; $($part)*) };
}

/// What [`gather!`](crate::gather) makes.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Gather<B: Branches, V, O> {
    running: B::Running,
    values: fn(B::Values) -> V,
    outcomes: fn(B::Outcomes) -> O,
}

impl<B: Branches, V, O> Gather<B, V, O> {
    #[doc(hidden)]
    pub fn __new(
        ctx: &WorkflowContext,
        labels: &[&'static str],
        branches: B,
        values: fn(B::Values) -> V,
        outcomes: fn(B::Outcomes) -> O,
    ) -> Self {
        let fan = ctx.within(ctx.scope().fan_out("gather"));
        Self { running: branches.start(&fan, labels), values, outcomes }
    }

    /// Waits for all of them; each field is a result.
    pub fn settled(self) -> GatherSettled<B, O> {
        GatherSettled { running: self.running, outcomes: self.outcomes }
    }
}

impl<B: Branches, V, O> Future for Gather<B, V, O> {
    type Output = Result<V, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.running.poll(Until::FirstFailure, cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => Poll::Ready(self.running.values().map(self.values)),
        }
    }
}

/// What [`Gather::settled`] makes.
#[must_use = "nothing is asked for until this is awaited"]
pub struct GatherSettled<B: Branches, O> {
    running: B::Running,
    outcomes: fn(B::Outcomes) -> O,
}

impl<B: Branches, O> Future for GatherSettled<B, O> {
    type Output = O;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.running.poll(Until::AllEnded, cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(_) => Poll::Ready((self.outcomes)(self.running.outcomes())),
        }
    }
}

impl<B: Branches, V, O> fmt::Debug for Gather<B, V, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").finish_non_exhaustive()
    }
}

impl<B: Branches, O> fmt::Debug for GatherSettled<B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherSettled").finish_non_exhaustive()
    }
}
