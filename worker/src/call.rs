//! Calls: a function or workflow with its inputs, not yet asked for.

use std::{
    borrow::Cow,
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use piton_shared::{name::Queue, replay::StepOptions, retry::RetryPolicy};

use crate::{
    FunctionContext, Result,
    definition::{Definition, Function},
    outcome::Unmade,
    resource::Resources,
};

/// A function or workflow with its inputs, not yet asked for. Inert, like a future.
///
/// Calling what an attribute defined makes one. A workflow makes it happen with
/// [`ctx.step(call).await`](crate::WorkflowContext::step); until then it is a value, which can be given
/// options, kept and passed on.
///
/// What is said here wins over the function's attribute, and that over the defaults.
///
/// ```
/// use std::time::Duration;
///
/// use piton::prelude::*;
///
/// #[function(retries = 5)]
/// async fn charge_card(cents: u64) -> Result<String> {
///     Ok(format!("charged {cents}"))
/// }
///
/// #[workflow]
/// async fn pay(ctx: &WorkflowContext, cents: u64) -> Result<String> {
///     let call = charge_card(cents)
///         .named("charge")
///         .retry(RetryPolicy::default().max_tries(3))
///         .try_timeout(Duration::from_secs(10))
///         .timeout(Duration::from_secs(60));
///     Ok(ctx.step(call).await?)
/// }
/// ```
#[must_use = "a call does nothing by itself: make it in a workflow, `ctx.step(call).await`"]
pub struct Call<D: Definition> {
    pub(crate) input: D::Input,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) options: StepOptions,
}

impl<D: Definition> Call<D> {
    #[doc(hidden)]
    pub fn __new(input: D::Input) -> Self {
        Self { input, name: None, options: StepOptions::default() }
    }

    /// Names the step in the journal and on the timeline, in place of the function's name.
    ///
    /// Worth it where a workflow calls one function in several places: the steps of a function are counted in
    /// the order they are asked for, so a call added before another shifts the numbers of those that follow,
    /// and a run that began before parks. Letters, digits, `_`, `-`, `.`; any other name parks the run.
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl<F: Function> Call<F> {
    /// When a failed try is tried again. Default: the function's `retries`, else 5 tries,
    /// 0.5 s doubling to 60 s with full jitter.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry = Some(policy);
        self
    }

    /// Bounds the step: all tries and the waits between them. Default: the function's, else none.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Bounds one try; one that takes longer has failed and may be tried again. Default: the function's,
    /// else none.
    pub fn try_timeout(mut self, timeout: Duration) -> Self {
        self.options.try_timeout = Some(timeout);
        self
    }

    /// Has it executed only by a worker that listens on this queue. Default: the function's; else the worker that holds
    /// the run, and in a fan-out any worker of the run's queue.
    ///
    /// A worker that holds the run and does not listen on it gives the step away. Until a worker listens that knows the
    /// function the step waits, and the run with it, in no memory.
    ///
    /// # Panics
    ///
    /// When the name is none (letters, digits, `_`, `-`). In a workflow that parks the run.
    pub fn queue(mut self, queue: impl Into<Cow<'static, str>>) -> Self {
        match Queue::new(queue) {
            Ok(queue) => self.options.queue = Some(queue),
            Err(error) => panic!("no queue: {error}"),
        }
        self
    }

    /// Runs the function's body here and now, once, with no journal and no retry: for its unit test.
    ///
    /// ```
    /// use piton::prelude::*;
    ///
    /// #[function]
    /// async fn greet(greeting: Resource<String>, ctx: &FunctionContext, name: String) -> Result<String> {
    ///     Ok(format!("{}, {name}! (try {})", *greeting, ctx.try_number()))
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let resources = Resources::new().with("Hello".to_owned());
    /// let text = greet("Ada".into()).run_direct(&FunctionContext::for_test(), &resources).await;
    /// assert_eq!(text.unwrap(), "Hello, Ada! (try 1)");
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// The function's own, or a permanent failure that names a resource which was not given.
    pub async fn run_direct(self, context: &FunctionContext, resources: &Resources) -> Result<F::Output> {
        F::call(context.clone(), resources.clone(), self.input).await
    }
}

impl<D: Definition> fmt::Debug for Call<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("of", &D::NAME)
            .field("named", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Nothing is this: it stands in the way of awaiting a bare call, and says what to write instead.
#[diagnostic::on_unimplemented(
    message = "a call does nothing by itself: write `ctx.step(call).await`",
    label = "only a workflow's context makes a call",
    note = "in a unit test of the function alone: `call.run_direct(&FunctionContext::for_test(), &resources).await`"
)]
pub trait Awaitable: Definition {
    #[doc(hidden)]
    fn poll() -> Poll<std::result::Result<Self::Output, Unmade>>;
}

/// Never the case, since nothing is [`Awaitable`]: it is here for the compiler's message.
impl<D: Awaitable> Future for Call<D> {
    type Output = std::result::Result<D::Output, Unmade>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        D::poll()
    }
}
