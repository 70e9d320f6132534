//! The first of several to end.

use std::{
    fmt,
    iter::Map,
    pin::Pin,
    task::{Context, Poll},
};

use piton_shared::{
    failure::StepError,
    parked::Parked,
    replay::{Durable, Race, Road},
};

use crate::{
    WorkflowContext,
    branch::Branch,
    parallel::{Branches, Many, Slot},
};

/// Branches of which one may win: a tuple of 2 to 8, or a `Vec`, an array or a mapped iterator of any
/// number of one kind.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no race",
    label = "not a tuple of several branches",
    note = "a race is between 2 to 8 branches in a tuple, `ctx.race((a(x), b(y)))`, or a `Vec` of any number of one kind",
    note = "for one branch and a bound on its time: `ctx.deadline(duration, branch)`"
)]
pub trait Racers: Branches {
    /// Which one was first, and its value: [`Race2`] and so on, or the index beside the value.
    type Winner: Send;

    #[doc(hidden)]
    fn poll_first(running: &mut Self::Running, cx: &mut Context<'_>) -> Poll<First<Self::Winner>>;

    #[doc(hidden)]
    fn is_empty(running: &Self::Running) -> bool;
}

/// The number of a winner, from 0, and how it ended.
pub(crate) type First<W> = (u32, Result<W, StepError>);

impl WorkflowContext {
    /// The first branch to end, with a value or a failure; the others are withdrawn.
    ///
    /// The winner stands in the journal, so a replay sees the same one. What a loser did before it was withdrawn is
    /// done: a function may have run.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use piton::prelude::*;
    ///
    /// #[function]
    /// async fn ask_model(question: String) -> Result<String> { Ok(question) }
    /// #[function]
    /// async fn ask_search(question: String) -> Result<Vec<String>> { Ok(vec![question]) }
    ///
    /// #[workflow]
    /// async fn answer(ctx: &WorkflowContext, question: String) -> Result<String> {
    ///     let first = ctx.race((
    ///         ask_model(question.clone()),
    ///         ask_search(question.clone()),
    ///         ctx.sleep(Duration::from_secs(60)),
    ///     ));
    ///     Ok(match first.await? {
    ///         Race3::First(answer) => answer,
    ///         Race3::Second(pages) => pages.join(", "),
    ///         Race3::Third(()) => "nobody knows".into(),
    ///     })
    /// }
    ///
    /// #[workflow]
    /// async fn fastest(ctx: &WorkflowContext, mirrors: Vec<String>) -> Result<String> {
    ///     let (_mirror, answer) = ctx.race(mirrors.into_iter().map(ask_model)).await?;
    ///     Ok(answer)
    /// }
    /// ```
    pub fn race<B: Racers>(&self, branches: B) -> Racing<B> {
        let race = self.scope().race("race", Road::Away);
        let running = branches.start(&self.within(race.scope().clone()), &[]);
        if B::is_empty(&running) {
            let message = "a race of nobody has no winner: give it a branch".to_owned();
            self.scope().park(Parked::Limit { message });
        }
        Racing { stage: Stage::Running { race, running } }
    }
}

/// What [`WorkflowContext::race`] makes.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Racing<B: Racers> {
    stage: Stage<B>,
}

enum Stage<B: Racers> {
    Running { race: Race, running: B::Running },
    Pinning { pin: Durable<u32>, outcome: Result<B::Winner, StepError> },
    Over,
}

/// What it holds is moved out of it and never pinned.
impl<B: Racers> Unpin for Racing<B> {}

impl<B: Racers> Future for Racing<B> {
    type Output = Result<B::Winner, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Running { race, mut running } => {
                    let Poll::Ready((winner, outcome)) = B::poll_first(&mut running, cx) else {
                        self.stage = Stage::Running { race, running };
                        return Poll::Pending;
                    };
                    // The losers are withdrawn before anything rests on the winner.
                    drop(running);
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

impl<B: Racers> fmt::Debug for Racing<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Racing").finish_non_exhaustive()
    }
}

macro_rules! many {
    ([$($generic:tt)*] $branches:ty) => {
        impl<B: Branch, $($generic)*> Racers for $branches {
            type Winner = (usize, B::Output);

            fn poll_first(running: &mut Many<B>, cx: &mut Context<'_>) -> Poll<First<Self::Winner>> {
                match running.poll_next(cx) {
                    Poll::Ready(Some((number, outcome))) => {
                        Poll::Ready((number as u32, outcome.map(|value| (number, value))))
                    }
                    Poll::Ready(None) | Poll::Pending => Poll::Pending,
                }
            }

            fn is_empty(running: &Many<B>) -> bool {
                running.is_empty()
            }
        }
    };
}

many!([] Vec<B>);
many!([const N: usize] [B; N]);
many!([I: Iterator, C: FnMut(I::Item) -> B] Map<I, C>);

macro_rules! race {
    ($(#[$doc:meta])* $name:ident $($branch:ident $place:tt $variant:ident $ordinal:literal)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name<$($branch),+> {
            $(#[doc = concat!("The ", $ordinal, " branch, with its value.")] $variant($branch),)+
        }

        impl<$($branch: Branch),+> Racers for ($($branch,)+) {
            type Winner = $name<$($branch::Output),+>;

            fn poll_first(running: &mut ($(Slot<$branch>,)+), cx: &mut Context<'_>) -> Poll<First<Self::Winner>> {
                $(if let Poll::Ready(slot) = running.$place.poll(cx) {
                    return Poll::Ready(($place, slot.take().map($name::$variant)));
                })+
                Poll::Pending
            }

            fn is_empty(_: &Self::Running) -> bool {
                false
            }
        }
    };
}

race!(
    /// Which of two branches was first.
    Race2 A 0 First "first" B 1 Second "second");
race!(
    /// Which of three branches was first.
    Race3 A 0 First "first" B 1 Second "second" C 2 Third "third");
race!(
    /// Which of four branches was first.
    Race4 A 0 First "first" B 1 Second "second" C 2 Third "third" D 3 Fourth "fourth");
race!(
    /// Which of five branches was first.
    Race5 A 0 First "first" B 1 Second "second" C 2 Third "third" D 3 Fourth "fourth" E 4 Fifth "fifth");
race!(
    /// Which of six branches was first.
    Race6 A 0 First "first" B 1 Second "second" C 2 Third "third" D 3 Fourth "fourth" E 4 Fifth "fifth"
    F 5 Sixth "sixth");
race!(
    /// Which of seven branches was first.
    Race7 A 0 First "first" B 1 Second "second" C 2 Third "third" D 3 Fourth "fourth" E 4 Fifth "fifth"
    F 5 Sixth "sixth" G 6 Seventh "seventh");
race!(
    /// Which of eight branches was first.
    Race8 A 0 First "first" B 1 Second "second" C 2 Third "third" D 3 Fourth "fourth" E 4 Fifth "fifth"
    F 5 Sixth "sixth" G 6 Seventh "seventh" H 7 Eighth "eighth");
