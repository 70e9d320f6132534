//! What runs beside others: a call, or a block of steps with a scope of its own.

use std::{
    borrow::Cow,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use piton_shared::{
    failure::StepError,
    replay::{Durable, Scope},
};

use crate::{
    BoxFuture, Call, Gather, Result, Sleep, WorkflowContext,
    batch::Batch,
    definition::Function,
    parallel::{Branches, Parallel},
};

/// What can run beside others in [`parallel`](WorkflowContext::parallel), [`gather!`](crate::gather),
/// [`race`](WorkflowContext::race) and [`deadline`](WorkflowContext::deadline).
///
/// That is a call of a function; [`ctx.branch`](WorkflowContext::branch) for several steps after each other; a
/// [`ctx.step`](WorkflowContext::step), [`ctx.sleep`](WorkflowContext::sleep), [`ctx.batch`](WorkflowContext::batch),
/// [`ctx.parallel`](WorkflowContext::parallel) or [`gather!`](crate::gather) that was made before. Nothing else: what is
/// not durable cannot be replayed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run as a branch",
    label = "not a branch",
    note = "a branch is a call of a `#[function]`, or `ctx.branch(\"name\", async move |ctx: WorkflowContext| {{ .. }})` for several steps",
    note = "a future that is not durable cannot be replayed: what it does belongs into a `#[function]`"
)]
pub trait Branch: Sized {
    /// The value of a success.
    type Output: Send;

    #[doc(hidden)]
    type Running: Future<Output = Result<Self::Output, StepError>> + Send + Unpin;

    #[doc(hidden)]
    fn start(self, fan: &WorkflowContext, label: Label) -> Self::Running;
}

/// How a branch is told apart from those beside it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Label {
    /// By its place, from 0.
    Place(usize),
    /// By the name it was given.
    Name(&'static str),
}

impl Label {
    pub(crate) fn of(labels: &[&'static str], place: usize) -> Self {
        labels.get(place).map_or(Self::Place(place), |name| Self::Name(name))
    }

    fn text(self) -> Cow<'static, str> {
        match self {
            Self::Place(place) => Cow::Owned(place.to_string()),
            Self::Name(name) => Cow::Borrowed(name),
        }
    }
}

impl<F: Function> Branch for Call<F> {
    type Output = F::Output;
    type Running = Durable<F::Output>;

    fn start(self, fan: &WorkflowContext, label: Label) -> Self::Running {
        fan.within(fan.scope().branch(label.text())).step(self)
    }
}

impl<T: Send> Branch for Durable<T> {
    type Output = T;
    type Running = Self;

    fn start(self, fan: &WorkflowContext, _: Label) -> Self {
        self.on(fan.scope().road())
    }
}

impl Branch for Sleep {
    type Output = ();
    type Running = Self;

    fn start(self, _: &WorkflowContext, _: Label) -> Self {
        self
    }
}

impl<F: Function> Branch for Batch<F> {
    type Output = crate::BatchResult<F::Output>;
    type Running = Self;

    fn start(self, _: &WorkflowContext, _: Label) -> Self {
        self
    }
}

/// What fans out is one branch to those beside it, and fails with the first failure of its own.
impl<B: Branches<Values: Send>> Branch for Parallel<B> {
    type Output = B::Values;
    type Running = Self;

    fn start(self, _: &WorkflowContext, _: Label) -> Self {
        self
    }
}

impl<B: Branches, V: Send, O> Branch for Gather<B, V, O> {
    type Output = V;
    type Running = Self;

    fn start(self, _: &WorkflowContext, _: Label) -> Self {
        self
    }
}

impl<T: Send + 'static> Branch for Block<T> {
    type Output = T;
    type Running = Self;

    fn start(mut self, fan: &WorkflowContext, label: Label) -> Self {
        if let Stage::Made { name, body } = std::mem::replace(&mut self.stage, Stage::Over) {
            let label = match label {
                Label::Place(_) => name,
                Label::Name(name) => Cow::Borrowed(name),
            };
            self.stage = Stage::Running(body(fan.within(fan.scope().branch(label))));
        }
        self
    }
}

impl WorkflowContext {
    /// A part of the workflow with a scope of its own, to run beside others. It begins when it is awaited, or when the verb
    /// that takes it does.
    ///
    /// The closure gets a context of its own, by value, and has to use that one: what it calls is then counted apart
    /// from what other branches call, whatever order things finish in.
    ///
    /// ```
    /// use piton::prelude::*;
    ///
    /// #[function]
    /// async fn reserve(item: String) -> Result<u64> {
    ///     Ok(item.len() as u64)
    /// }
    ///
    /// #[function]
    /// async fn confirm(reservation: u64) -> Result<bool> {
    ///     Ok(reservation > 0)
    /// }
    ///
    /// #[workflow]
    /// async fn trip(ctx: &WorkflowContext) -> Result<bool> {
    ///     let flight = ctx.branch("flight", async move |ctx: WorkflowContext| {
    ///         let reservation = ctx.step(reserve("LIS".into())).await?;
    ///         Ok(ctx.step(confirm(reservation)).await?)
    ///     });
    ///     let hotel = ctx.branch("hotel", async move |ctx: WorkflowContext| {
    ///         let reservation = ctx.step(reserve("Mar".into())).await?;
    ///         Ok(ctx.step(confirm(reservation)).await?)
    ///     });
    ///     let (flight, hotel) = ctx.parallel((flight, hotel)).await?;
    ///     Ok(flight && hotel)
    /// }
    /// ```
    pub fn branch<T, Body, Running>(&self, name: impl Into<Cow<'static, str>>, body: Body) -> Block<T>
    where
        Body: FnOnce(WorkflowContext) -> Running + Send + 'static,
        Running: Future<Output = Result<T>> + Send + 'static,
    {
        let body: Begin<T> = Box::new(move |ctx| Box::pin(body(ctx)));
        Block { ctx: self.clone(), stage: Stage::Made { name: name.into(), body } }
    }
}

/// What [`WorkflowContext::branch`] makes: a part of a workflow with a scope of its own. A failure that its body returns
/// is a [`StepError`] to whoever awaits it.
#[must_use = "a branch does nothing until it is awaited or given to a verb such as `ctx.parallel`"]
pub struct Block<T> {
    ctx: WorkflowContext,
    stage: Stage<T>,
}

type Begin<T> = Box<dyn FnOnce(WorkflowContext) -> BoxFuture<'static, Result<T>> + Send>;

enum Stage<T> {
    Made { name: Cow<'static, str>, body: Begin<T> },
    Running(BoxFuture<'static, Result<T>>),
    Over,
}

impl<T> Future for Block<T> {
    type Output = Result<T, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Made { name, body } => {
                    let scope: Scope = self.ctx.scope().branch(name);
                    self.stage = Stage::Running(body(self.ctx.within(scope)));
                }
                Stage::Running(mut running) => match running.as_mut().poll(cx) {
                    Poll::Ready(outcome) => return Poll::Ready(outcome.map_err(StepError::from)),
                    Poll::Pending => {
                        self.stage = Stage::Running(running);
                        return Poll::Pending;
                    }
                },
                Stage::Over => return Poll::Pending,
            }
        }
    }
}

impl<T> fmt::Debug for Block<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").finish_non_exhaustive()
    }
}
