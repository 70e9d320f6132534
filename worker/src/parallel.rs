//! Several things at once, collected in order.

use std::{
    fmt,
    iter::Map,
    pin::Pin,
    task::{Context, Poll},
};

use futures::{StreamExt, stream::FuturesUnordered};
use piton_shared::failure::StepError;

use crate::{
    WorkflowContext,
    branch::{Branch, Label},
};

/// Branches that run beside each other: a tuple of up to 12, or a `Vec`, an array or a mapped iterator of any number of
/// one kind.
#[diagnostic::on_unimplemented(
    message = "several branches are expected here, not `{Self}`",
    label = "not a tuple of branches",
    note = "give a tuple of up to 12 branches, `ctx.parallel((a(x), b(y)))`, or a `Vec` of any number of one kind",
    note = "for many items of one function, a bounded number of them at once: `ctx.batch(items.into_iter().map(function))`"
)]
pub trait Branches: Sized {
    /// The values, in order: a tuple, or a `Vec`.
    type Values;
    /// How each one ended, in order: a tuple of results, or a `Vec` of them.
    type Outcomes;

    #[doc(hidden)]
    type Running: Running<Values = Self::Values, Outcomes = Self::Outcomes>;

    #[doc(hidden)]
    fn start(self, fan: &WorkflowContext, labels: &[&'static str]) -> Self::Running;
}

/// Branches that were started.
#[doc(hidden)]
pub trait Running: Send + Unpin {
    type Values;
    type Outcomes;

    /// Ready once all have ended, or with the first failure if `until` says so; the others are withdrawn then.
    fn poll(&mut self, until: Until, cx: &mut Context<'_>) -> Poll<Result<(), StepError>>;

    /// The values, once all have ended well.
    fn values(&mut self) -> Result<Self::Values, StepError>;

    /// The outcomes, once all have ended.
    fn outcomes(&mut self) -> Self::Outcomes;
}

/// How long branches are waited for.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until one fails.
    FirstFailure,
    /// Until all have ended.
    AllEnded,
}

impl WorkflowContext {
    /// Runs branches beside each other and collects them in order. Their functions are executed wherever there is room, not
    /// only by the worker that holds the run.
    ///
    /// `.await?` gives every value, or the first failure that the journal has: what still runs then is withdrawn.
    /// [`.settled().await`](Parallel::settled) waits for all and gives every outcome.
    ///
    /// ```
    /// use piton::prelude::*;
    ///
    /// #[function]
    /// async fn fetch_sales(report: u64) -> Result<u64> { Ok(report) }
    /// #[function]
    /// async fn fetch_stock(report: u64) -> Result<Vec<String>> { Ok(vec![report.to_string()]) }
    ///
    /// #[workflow]
    /// async fn report(ctx: &WorkflowContext, report: u64) -> Result<u64> {
    ///     let (sales, stock) = ctx.parallel((fetch_sales(report), fetch_stock(report))).await?;
    ///
    ///     // Any number of one kind, as a `Vec` of values.
    ///     let years: Vec<u64> = ctx.parallel((2020..2026).map(fetch_sales)).await?;
    ///
    ///     // Every outcome, whatever fails.
    ///     let (again, _) = ctx.parallel((fetch_sales(1), fetch_stock(1))).settled().await;
    ///     Ok(sales + stock.len() as u64 + years.iter().sum::<u64>() + again.unwrap_or_default())
    /// }
    /// ```
    pub fn parallel<B: Branches>(&self, branches: B) -> Parallel<B> {
        let fan = self.within(self.scope().fan_out("parallel"));
        Parallel { running: branches.start(&fan, &[]) }
    }
}

/// What [`WorkflowContext::parallel`] makes.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Parallel<B: Branches> {
    running: B::Running,
}

impl<B: Branches> Parallel<B> {
    /// Waits for all of them and gives every outcome, in order.
    pub fn settled(self) -> Settled<B> {
        Settled { running: self.running }
    }
}

impl<B: Branches> Future for Parallel<B> {
    type Output = Result<B::Values, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.running.poll(Until::FirstFailure, cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => Poll::Ready(self.running.values()),
        }
    }
}

/// What [`Parallel::settled`] makes.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Settled<B: Branches> {
    running: B::Running,
}

impl<B: Branches> Future for Settled<B> {
    type Output = B::Outcomes;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Waiting for all, it never is ready with a failure.
        match self.running.poll(Until::AllEnded, cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(_) => Poll::Ready(self.running.outcomes()),
        }
    }
}

impl<B: Branches> fmt::Debug for Parallel<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parallel").finish_non_exhaustive()
    }
}

impl<B: Branches> fmt::Debug for Settled<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settled").finish_non_exhaustive()
    }
}

/// One branch of a tuple.
#[doc(hidden)]
pub enum Slot<B: Branch> {
    Running(B::Running),
    Ended(Result<B::Output, StepError>),
    Gone,
}

/// What it holds is moved out of it and never pinned.
impl<B: Branch> Unpin for Slot<B> {}

impl<B: Branch> Slot<B> {
    /// Ready with the branch's outcome the first time it has one.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&mut Self> {
        match self {
            Self::Running(running) => match Pin::new(running).poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(outcome) => {
                    *self = Self::Ended(outcome);
                    Poll::Ready(self)
                }
            },
            Self::Ended(_) | Self::Gone => Poll::Ready(self),
        }
    }

    pub(crate) fn take(&mut self) -> Result<B::Output, StepError> {
        match std::mem::replace(self, Self::Gone) {
            Self::Ended(outcome) => outcome,
            Self::Running(_) | Self::Gone => panic!("a branch was taken twice: the future was polled after its end"),
        }
    }

    fn take_failure(&mut self) -> Option<StepError> {
        match self {
            Self::Ended(Err(_)) => self.take().err(),
            Self::Running(_) | Self::Ended(Ok(_)) | Self::Gone => None,
        }
    }
}

macro_rules! tuple {
    ($($branch:ident $place:tt)+) => {
        impl<$($branch: Branch),+> Branches for ($($branch,)+) {
            type Values = ($($branch::Output,)+);
            type Outcomes = ($(Result<$branch::Output, StepError>,)+);
            type Running = ($(Slot<$branch>,)+);

            fn start(self, fan: &WorkflowContext, labels: &[&'static str]) -> Self::Running {
                ($(Slot::Running(self.$place.start(fan, Label::of(labels, $place))),)+)
            }
        }

        impl<$($branch: Branch),+> Running for ($(Slot<$branch>,)+) {
            type Values = ($($branch::Output,)+);
            type Outcomes = ($(Result<$branch::Output, StepError>,)+);

            fn poll(&mut self, until: Until, cx: &mut Context<'_>) -> Poll<Result<(), StepError>> {
                let (mut waits, mut failure) = (false, None);
                $(if failure.is_none() {
                    match self.$place.poll(cx) {
                        Poll::Pending => waits = true,
                        Poll::Ready(slot) if until == Until::FirstFailure => failure = slot.take_failure(),
                        Poll::Ready(_) => {}
                    }
                })+
                if let Some(error) = failure {
                    // Dropped, the others are withdrawn.
                    $(self.$place = Slot::Gone;)+
                    return Poll::Ready(Err(error));
                }
                if waits { Poll::Pending } else { Poll::Ready(Ok(())) }
            }

            fn values(&mut self) -> Result<Self::Values, StepError> {
                Ok(($(self.$place.take()?,)+))
            }

            fn outcomes(&mut self) -> Self::Outcomes {
                ($(self.$place.take(),)+)
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0 B 1);
tuple!(A 0 B 1 C 2);
tuple!(A 0 B 1 C 2 D 3);
tuple!(A 0 B 1 C 2 D 3 E 4);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);

/// Branches of one kind. Each is polled only when it was woken.
#[doc(hidden)]
pub struct Many<B: Branch> {
    running: FuturesUnordered<Numbered<B::Running>>,
    outcomes: Vec<Option<Result<B::Output, StepError>>>,
}

/// The number of a branch, from 0, and how it ended.
pub(crate) type Ended<B> = (usize, Result<<B as Branch>::Output, StepError>);

pub(crate) struct Numbered<F> {
    number: usize,
    running: F,
}

impl<F: Future + Unpin> Future for Numbered<F> {
    type Output = (usize, F::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let number = self.number;
        Pin::new(&mut self.running).poll(cx).map(|outcome| (number, outcome))
    }
}

/// What it holds is moved out of it and never pinned.
impl<B: Branch> Unpin for Many<B> {}

impl<B: Branch> Many<B> {
    pub(crate) fn start(branches: impl Iterator<Item = B>, fan: &WorkflowContext) -> Self {
        let start =
            |(number, branch): (usize, B)| Numbered { number, running: branch.start(fan, Label::Place(number)) };
        let running: FuturesUnordered<_> = branches.enumerate().map(start).collect();
        let outcomes = (0..running.len()).map(|_| None).collect();
        Self { running, outcomes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// Ready with the next one that ends; none once all have.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Ended<B>>> {
        self.running.poll_next_unpin(cx)
    }

    /// Withdraws what still runs.
    pub(crate) fn withdraw(&mut self) {
        self.running.clear();
    }
}

impl<B: Branch> Running for Many<B> {
    type Values = Vec<B::Output>;
    type Outcomes = Vec<Result<B::Output, StepError>>;

    fn poll(&mut self, until: Until, cx: &mut Context<'_>) -> Poll<Result<(), StepError>> {
        loop {
            match self.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some((_, Err(error)))) if until == Until::FirstFailure => {
                    self.withdraw();
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(Some((number, outcome))) => self.outcomes[number] = Some(outcome),
            }
        }
    }

    fn values(&mut self) -> Result<Self::Values, StepError> {
        self.outcomes.drain(..).flatten().collect()
    }

    fn outcomes(&mut self) -> Self::Outcomes {
        self.outcomes.drain(..).flatten().collect()
    }
}

macro_rules! many {
    ([$($generic:tt)*] $branches:ty) => {
        impl<B: Branch, $($generic)*> Branches for $branches {
            type Values = Vec<B::Output>;
            type Outcomes = Vec<Result<B::Output, StepError>>;
            type Running = Many<B>;

            fn start(self, fan: &WorkflowContext, _: &[&'static str]) -> Self::Running {
                Many::start(self.into_iter(), fan)
            }
        }
    };
}

many!([] Vec<B>);
many!([const N: usize] [B; N]);
many!([I: Iterator, C: FnMut(I::Item) -> B] Map<I, C>);
