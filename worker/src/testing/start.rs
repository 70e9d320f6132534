//! One run: how it is started, what is to befall it, and what came of it.

use std::{
    fmt,
    future::{Future, IntoFuture},
    marker::PhantomData,
};

use piton_shared::{
    failure::Failure,
    journal::{Payload, StepKey},
};

use super::{
    drive::{Asked, Driven, drive},
    engine::TestEngine,
    error::RunError,
    fault::{Blow, Faults, When},
    story::Story,
};
use crate::{BoxFuture, RegisteredWorkflow, definition::Journaled};

/// A run to be started. Await it, or call [`blocking`](Self::blocking).
///
/// ```
/// use std::time::Duration;
///
/// use piton::{prelude::*, testing::{RunError, TestEngine, When}};
///
/// #[function]
/// async fn reserve(item: String) -> Result<u64> {
///     Ok(item.len() as u64)
/// }
///
/// #[function]
/// async fn release(reservation: u64) -> Result<()> {
///     let _ = reservation;
///     Ok(())
/// }
///
/// #[workflow]
/// async fn hold(ctx: &WorkflowContext, item: String) -> Result<()> {
///     let reservation = ctx.step(reserve(item)).await?;
///     let slept = ctx.sleep(Duration::from_secs(86_400)).await;
///     ctx.step(release(reservation)).await?;
///     Ok(slept?)
/// }
///
/// let engine = TestEngine::new().register(reserve).register(release);
/// let run = engine
///     .run(hold("tent".into()))
///     .crash(When::ended("reserve#1"))
///     .cancel(When::After(Duration::from_secs(3600)))
///     .blocking();
/// assert!(matches!(run.result, Err(RunError::Cancelled(_))));
/// assert_eq!(run.story.tries_of("reserve#1").count(), 2, "the crash repeated it");
/// assert_eq!(run.story.step_keys(), ["reserve#1", "release#1"]);
/// ```
#[must_use = "nothing runs until it is awaited, or `.blocking()` is called"]
pub struct TestStart<'a, T> {
    engine: &'a TestEngine,
    workflow: RegisteredWorkflow,
    input: Payload,
    output: PhantomData<fn() -> T>,
    key: Option<String>,
    tags: Vec<String>,
    session: Option<String>,
    faults: Faults,
}

impl<'a, T: Journaled> TestStart<'a, T> {
    pub(super) fn new(engine: &'a TestEngine, workflow: RegisteredWorkflow, input: Payload) -> Self {
        let (key, tags, session, faults) = (None, Vec::new(), None, Faults::default());
        Self { engine, workflow, input, output: PhantomData, key, tags, session, faults }
    }

    /// The start's idempotency key: within seven days of the engine's time a second start with it starts nothing, and returns
    /// the first one's run.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Starts it in this session, whose state all its runs share. Without, it is a session of its own.
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session = Some(id.into());
        self
    }

    /// Tags the run. They stand in its story.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Its worker crashes at this moment: all it has in memory is lost, and another takes the run over at once. Said
    /// twice, it happens twice.
    pub fn crash(self, when: When) -> Self {
        self.befalls(when, Blow::Crash)
    }

    /// Its worker is told to stop at this moment: it lets functions end and gives the run back, as at a deploy.
    pub fn drain(self, when: When) -> Self {
        self.befalls(when, Blow::Drain)
    }

    /// Somebody asks at this moment that it be cancelled.
    pub fn cancel(self, when: When) -> Self {
        self.befalls(when, Blow::Cancel)
    }

    /// Somebody ends it by force at this moment.
    pub fn kill(self, when: When) -> Self {
        self.befalls(when, Blow::Kill)
    }

    /// Somebody pauses it at this moment: what is executed ends and is journaled, nothing new begins, and what it gave away
    /// waits with it. Its timers go on. A run that nobody [resumes](Self::resume) waits for ever.
    pub fn pause(self, when: When) -> Self {
        self.befalls(when, Blow::Pause)
    }

    /// Somebody lets a paused run go on at this moment, usually [`When::After`] some time: nothing else comes while it is
    /// paused.
    pub fn resume(self, when: When) -> Self {
        self.befalls(when, Blow::Resume)
    }

    /// Every try of this step fails, whatever its function does elsewhere: by [`Failure::permanent`] for good.
    pub fn fail_step(mut self, step: impl Into<String>, failure: impl Into<Failure>) -> Self {
        self.faults.fail(StepKey::new(step), failure.into());
        self
    }

    /// Runs it without async code around.
    ///
    /// # Panics
    ///
    /// When it is called within an async runtime.
    pub fn blocking(self) -> TestRun<T> {
        block_on(self.into_future())
    }

    fn befalls(mut self, when: When, blow: Blow) -> Self {
        self.faults.add(when, blow);
        self
    }

    async fn run(self) -> TestRun<T> {
        let Self { engine, workflow, input, key, tags, session, faults, .. } = self;
        engine.check();
        let now = engine.now();
        let ask = |input| {
            let (run_id, seed) = engine.next_run();
            Asked { run_id, workflow, input, seed, tags, session, started_at: now, faults }
        };
        let Some(key) = key else {
            let driven = drive(engine, ask(input)).await;
            engine.ended_at(driven.story.ended_at);
            return TestRun::of(driven);
        };
        let kept = engine.keys.keep(key.clone(), now, || ask(input.clone()));
        let driven = kept.driven(engine).await;
        engine.ended_at(driven.story.ended_at);
        if kept.asked.workflow.name() != workflow.name() || kept.asked.input != input {
            return TestRun { result: Err(RunError::KeyTaken { key }), story: driven.story };
        }
        TestRun::of(driven)
    }
}

impl<'a, T: Journaled> IntoFuture for TestStart<'a, T> {
    type Output = TestRun<T>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<T> fmt::Debug for TestStart<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestStart")
            .field("workflow", &self.workflow.name())
            .field("key", &self.key)
            .field("tags", &self.tags)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// What came of a run.
#[derive(Debug)]
#[must_use = "a run that failed says so here only"]
pub struct TestRun<T> {
    /// What the workflow returned, or why it did not.
    pub result: Result<T, RunError>,
    /// All that happened.
    pub story: Story,
}

impl<T: Journaled> TestRun<T> {
    pub(super) fn of(driven: Driven) -> Self {
        let Driven { result, story } = driven;
        let result = result.and_then(|result| T::decode(&result).map_err(|error| RunError::Result(error.to_string())));
        Self { result, story }
    }
}

impl<T> TestRun<T> {
    /// What the workflow returned.
    ///
    /// # Panics
    ///
    /// When it did not return: the message says why and shows the story.
    #[track_caller]
    pub fn output(self) -> T {
        let Self { result, story } = self;
        result.unwrap_or_else(|error| panic!("{error}\n{story}"))
    }

    /// Why it did not end with a result.
    ///
    /// # Panics
    ///
    /// When it did: the message shows the story.
    #[track_caller]
    pub fn error(self) -> RunError {
        let Self { result, story } = self;
        match result {
            Ok(_) => panic!("the run ended with a result\n{story}"),
            Err(error) => error,
        }
    }
}

/// Runs a future to its end on a small runtime of its own: for tests without async code around them.
///
/// # Panics
///
/// When it is called within an async runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime of one thread starts").block_on(future)
}
