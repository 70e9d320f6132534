//! Scripts as tests write them: typed by the function they stand in for.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use piton_shared::failure::Failure;

use super::{
    engine::TestEngine,
    script::{Act, Play},
};
use crate::{
    FunctionContext, Outcome,
    definition::{Function, Journaled},
};

/// Says what a function's tries do in place of its own code. Begun by [`TestEngine::on`].
///
/// Tries are counted for each step: `fails_times(2, …)` has tries 1 and 2 of every step of this function fail. What
/// comes after the last word is the function itself, if it is registered.
///
/// ```
/// use std::time::Duration;
///
/// use piton::{prelude::*, testing::TestEngine};
///
/// #[function]
/// async fn charge(cents: u64) -> Result<String> {
///     Ok(format!("ch_{cents}"))
/// }
///
/// #[workflow]
/// async fn pay(ctx: &WorkflowContext, cents: u64) -> Result<String> {
///     let policy = RetryPolicy::constant(Duration::from_secs(30));
///     Ok(ctx.step(charge(cents).retry(policy).try_timeout(Duration::from_secs(10))).await?)
/// }
///
/// let engine = TestEngine::new();
/// engine.on(charge).fails_times(1, "the provider is down").never_ends_times(1).returns("ch_1".into());
/// let run = engine.run(pay(100)).blocking();
/// assert_eq!(run.story.tries_of("charge#1").count(), 3);
/// // Two waits of 30 s, and the 10 s that the second try was given.
/// assert_eq!(run.story.duration(), Duration::from_secs(70));
/// assert_eq!(run.output(), "ch_1");
/// ```
///
/// A result of another type does not compile:
///
/// ```compile_fail,E0308
/// # use piton::{prelude::*, testing::TestEngine};
/// # #[function]
/// # async fn charge(cents: u64) -> Result<String> { Ok(format!("ch_{cents}")) }
/// TestEngine::new().on(charge).returns(7);
/// ```
pub struct On<'a, F: Function, A> {
    engine: &'a TestEngine,
    takes: Duration,
    function: PhantomData<fn(A) -> F>,
}

impl<'a, F: Function, A: 'static> On<'a, F, A> {
    pub(super) fn new(engine: &'a TestEngine) -> Self {
        engine.script(F::NAME, |script| *script = super::script::Script::default());
        Self { engine, takes: Duration::ZERO, function: PhantomData }
    }

    /// What is said from here on takes so long on the virtual clock, and so runs into timeouts. At first: no time.
    #[must_use = "it says nothing yet: go on with `.returns(…)` or the like"]
    pub fn takes(mut self, takes: Duration) -> Self {
        self.takes = takes;
        self
    }

    /// The next `times` tries fail; whether another is made depends on the failure and on the step's policy.
    #[expect(clippy::return_self_not_must_use, reason = "what is said holds; the function itself comes after it")]
    pub fn fails_times(self, times: u32, failure: impl Into<Failure>) -> Self {
        self.then(times, Act::End(Err(failure.into())))
    }

    /// The next `times` tries panic.
    #[expect(clippy::return_self_not_must_use, reason = "what is said holds; the function itself comes after it")]
    pub fn panics_times(self, times: u32, message: impl Into<String>) -> Self {
        self.then(times, Act::Panic(message.into()))
    }

    /// The next `times` tries go on until their time is over: the step needs a timeout.
    #[expect(clippy::return_self_not_must_use, reason = "what is said holds; the function itself comes after it")]
    pub fn never_ends_times(self, times: u32) -> Self {
        self.then(times, Act::Never)
    }

    /// Every other try returns this.
    #[expect(clippy::needless_pass_by_value, reason = "tests write the value here, and would have to borrow it")]
    pub fn returns(self, result: F::Output) {
        self.rest(Act::End(encoded::<F>(&result)));
    }

    /// Every other try fails; with [`Failure::permanent`] the step gives up at the first.
    pub fn fails(self, failure: impl Into<Failure>) {
        self.rest(Act::End(Err(failure.into())));
    }

    /// Every other try panics.
    pub fn panics(self, message: impl Into<String>) {
        self.rest(Act::Panic(message.into()));
    }

    /// Every other try goes on until its time is over, or until the run is cancelled or killed.
    pub fn never_ends(self) {
        self.rest(Act::Never);
    }

    /// Every other try is the function itself, which has to be registered.
    pub fn executes(self) {
        self.rest(Act::Real);
    }

    /// Every other try calls this with the function's input and the try.
    ///
    /// Of a function with several inputs they come as a tuple: `|(item, cents), attempt|`.
    ///
    /// ```
    /// use piton::{prelude::*, testing::TestEngine};
    ///
    /// #[function]
    /// async fn double(number: u64) -> Result<u64> {
    ///     Ok(number * 2)
    /// }
    ///
    /// #[workflow]
    /// async fn doubled(ctx: &WorkflowContext, number: u64) -> Result<u64> {
    ///     Ok(ctx.step(double(number)).await?)
    /// }
    ///
    /// let engine = TestEngine::new();
    /// engine.on(double).with(|number, attempt| match attempt.try_number() {
    ///     1 => Err(Failure::new("not at the first try")),
    ///     _ => Ok(number + 1),
    /// });
    /// assert_eq!(engine.run(doubled(6)).blocking().output(), 7);
    /// ```
    pub fn with<R: Outcome<Ok = F::Output>>(self, play: impl Fn(A, &FunctionContext) -> R + Send + Sync + 'static) {
        self.rest(Act::Call(Arc::new(move |context, input| {
            let ended = decoded::<F, A>(input)
                .and_then(|input| play(input, &context).into_outcome())
                .and_then(|result| encoded::<F>(&result));
            Box::pin(std::future::ready(ended))
        })));
    }

    /// The same with a future.
    pub fn with_async<R: Outcome<Ok = F::Output>, Fut: Future<Output = R> + Send + 'static>(
        self,
        play: impl Fn(A, FunctionContext) -> Fut + Send + Sync + 'static,
    ) {
        self.rest(Act::Call(Arc::new(move |context, input| {
            let playing = decoded::<F, A>(input).map(|input| play(input, context));
            Box::pin(async move { encoded::<F>(&playing?.await.into_outcome()?) })
        })));
    }

    fn then(self, times: u32, act: Act) -> Self {
        let play = Play { takes: self.takes, act };
        self.engine.script(F::NAME, |script| script.then(times, &play));
        self
    }

    fn rest(self, act: Act) {
        let play = Play { takes: self.takes, act };
        self.engine.script(F::NAME, |script| script.rest(play));
    }
}

fn decoded<F: Function, A: 'static>(input: &[u8]) -> Result<A, Failure> {
    let input = F::Input::decode(input).map_err(|error| Failure::from(error).into_permanent())?;
    Ok(*F::arguments(input).downcast().expect("the script was begun with these very arguments"))
}

/// As a function's own result is encoded.
fn encoded<F: Function>(result: &F::Output) -> Result<Vec<u8>, Failure> {
    crate::registry::encode_result::<F>(result)
}

impl<F: Function, A> fmt::Debug for On<'_, F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("On").field("function", &F::NAME).field("takes", &self.takes).finish_non_exhaustive()
    }
}
