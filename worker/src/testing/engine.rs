//! The test engine: what it knows, and how runs are asked of it.

use std::{
    any::type_name,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use piton_shared::{
    codec,
    ids::{RunId, uuid_v7},
    name::Queue,
    time::Timestamp,
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    chance::Chance,
    keys::Keys,
    on::On,
    script::{Play, Script},
    sessions::{Session, Sessions},
    start::{TestRun, TestStart},
};
use crate::{
    Call, Register, Registry, Resource, WorkerBuilder,
    definition::{Function, Journaled, Workflow},
    registry::Registration,
};

/// 2026-01-01, midnight: when time begins for an engine unless it is told otherwise.
const BEGINNING: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// How long functions that wait for something real are waited for, unless said otherwise.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs workflows without servers: a journal in memory, a clock that jumps, and faults at will.
///
/// It decides nothing by itself: the same code as in a worker says what is executed, written and waited for. Only the
/// world around that is another, so what a workflow does here it does there.
///
/// - **Functions** are real where they are [registered](Self::register), with the [resources](Self::resource) they take,
///   and [scripted](Self::on) where a test says so.
/// - **Time** is virtual. A sleep, a wait between tries and a timeout are over at once, to the microsecond. A function
///   that waits for something real (a socket, a timer of tokio) is waited for, and takes no virtual time; after the
///   engine's [patience](Self::patience) time passes it by. Without jitter every wait is as long as its policy says.
/// - **Faults** are [said of a run](TestStart): its worker crashes, it is paused, cancelled or killed, at a moment of choice.
///   [`Trial`](super::Trial) lets them come at every moment in turn.
/// - When a run has ended, its journal is replayed once more, and has to lead to the same end: a workflow that reads the
///   clock or walks over a `HashMap` fails here.
///
/// ```
/// use std::time::Duration;
///
/// use piton::{prelude::*, testing::TestEngine};
///
/// #[function]
/// async fn remind(user: String) -> Result<String> {
///     Ok(format!("{user} was reminded"))
/// }
///
/// #[workflow]
/// async fn follow_up(ctx: &WorkflowContext, user: String) -> Result<String> {
///     ctx.sleep_named("wait_3_days", Duration::from_secs(3 * 86_400)).await?;
///     Ok(ctx.step(remind(user)).await?)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let engine = TestEngine::new().register(remind);
/// let run = engine.run(follow_up("ada".into())).await;
/// assert_eq!(run.story.duration(), Duration::from_secs(3 * 86_400));
/// assert_eq!(run.output(), "ada was reminded");
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an engine does nothing until it runs a workflow"]
pub struct TestEngine {
    builder: WorkerBuilder,
    patience: Duration,
    jitter: Option<u64>,
    seed: u64,
    scripts: Mutex<BTreeMap<&'static str, Script>>,
    clock: Mutex<Timestamp>,
    runs: AtomicU64,
    pub(super) keys: Keys,
    sessions: Sessions,
    #[cfg(feature = "test-triggers")]
    pub(super) events: Mutex<super::triggers::Events>,
}

impl TestEngine {
    /// One that knows nothing yet.
    pub fn new() -> Self {
        Self::of(WorkerBuilder::default())
    }

    /// One that knows what a worker knows: the same builder that `main` connects. Resources that it was given may be
    /// replaced with [`resource`](Self::resource).
    pub fn of(worker: WorkerBuilder) -> Self {
        Self {
            builder: worker,
            patience: PATIENCE,
            jitter: None,
            seed: 1,
            scripts: Mutex::default(),
            clock: Mutex::new(BEGINNING),
            runs: AtomicU64::new(0),
            keys: Keys::default(),
            sessions: Sessions::default(),
            #[cfg(feature = "test-triggers")]
            events: Mutex::default(),
        }
    }

    /// Adds a function, to be executed as it is, or a workflow. A workflow that is only run by its call needs none.
    pub fn register<Inputs, Item: Register<Inputs>>(mut self, item: Item) -> Self {
        self.builder = self.builder.register(item);
        self
    }

    /// Gives its functions a resource, in place of one of the same type.
    pub fn resource<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.shared_resource(Arc::new(value))
    }

    /// Gives its functions a resource that is shared already, such as an `Arc<dyn Mailer>` for `Resource<dyn Mailer>`.
    pub fn shared_resource<T: ?Sized + Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.builder = self.builder.with_resource(value);
        self
    }

    /// Begins time then, in place of 2026-01-01.
    pub fn starting_at(self, beginning: Timestamp) -> Self {
        *self.clock.lock() = beginning;
        self
    }

    /// Spreads the waits between tries as their policies say, in the same way for the same seed. Without, every wait is
    /// the longest that its policy allows.
    pub fn jitter(mut self, seed: u64) -> Self {
        self.jitter = Some(seed);
        self
    }

    /// What a workflow's randomness and ids come from. The same seed leads to the same ones; 1 unless said otherwise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How long functions that wait for something real are waited for before time passes them by: 1 s unless said
    /// otherwise.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Scripts a function: from now on its tries do what is said of it. A second script replaces the first.
    pub fn on<Inputs, Item>(&self, _function: Item) -> On<'_, Item::Defined, Item::Arguments>
    where
        Item: Register<Inputs>,
        Item::Defined: Function,
    {
        On::new(self)
    }

    /// Runs a workflow to its end: `engine.run(order(…)).await`, or `.blocking()` outside of async code. What is to
    /// befall it is said in between.
    ///
    /// # Panics
    ///
    /// When the input cannot be journaled.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "a call is made where it is used up, as in a workflow")]
    pub fn run<W: Workflow>(&self, call: Call<W>) -> TestStart<'_, W::Output> {
        let Registration::Workflow(workflow) = W::registration() else {
            unreachable!("what an attribute calls a workflow is registered as one");
        };
        let input = call.input.encode();
        let input = input.unwrap_or_else(|error| panic!("the input of `{}` cannot be journaled: {error}", W::NAME));
        TestStart::new(self, workflow, input)
    }

    /// The same by wire name and with any input, as callers of the API start a run; the workflow has to be registered.
    ///
    /// # Panics
    ///
    /// When it is not, and when the input cannot be journaled.
    #[track_caller]
    pub fn run_named<T: Journaled>(&self, workflow: &str, input: &impl Serialize) -> TestStart<'_, T> {
        let Some(registered) = self.registry().workflow(workflow) else {
            panic!("there is no workflow `{workflow}` in this engine: add it with `.register({workflow})`");
        };
        let input = codec::encode(input);
        let input = input.unwrap_or_else(|error| panic!("the input of `{workflow}` cannot be journaled: {error}"));
        TestStart::new(self, *registered, input)
    }

    /// The same without async code around it. A run with faults or a session is written `engine.run(…).blocking()`.
    ///
    /// # Panics
    ///
    /// When it is called within an async runtime.
    pub fn run_blocking<W: Workflow>(&self, call: Call<W>) -> TestRun<W::Output> {
        self.run(call).blocking()
    }

    /// The virtual time: when the last run ended.
    pub fn now(&self) -> Timestamp {
        *self.clock.lock()
    }

    /// Lets time pass between two runs.
    pub fn advance(&self, time: Duration) {
        let mut now = self.clock.lock();
        *now = now.plus(time);
    }

    /// A resource that it was given.
    ///
    /// # Panics
    ///
    /// When it was not.
    #[track_caller]
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Resource<T> {
        let wanted = type_name::<T>();
        let found = self.registry().resources().get();
        found.unwrap_or_else(|| panic!("`Resource<{wanted}>` was not given to this engine: add it with `.resource(…)`"))
    }

    /// What it knows.
    pub fn registry(&self) -> &Registry {
        self.builder.registry()
    }

    /// Refuses what no worker would start with, but for resources: they may be lacking where functions are scripted.
    #[track_caller]
    pub(super) fn check(&self) {
        if let Some(problem) = self.builder.problems().first() {
            let below = std::error::Error::source(problem).map_or_else(String::new, |source| format!(": {source}"));
            panic!("the engine cannot run this: {problem}{below}");
        }
    }

    pub(super) fn patience_now(&self) -> Duration {
        self.patience
    }

    pub(super) fn chance(&self, run_seed: Uuid) -> Chance {
        match self.jitter {
            None => Chance::None,
            Some(seed) => Chance::Seeded(seed ^ run_seed.as_u64_pair().1),
        }
    }

    pub(super) fn script(&self, function: &'static str, change: impl FnOnce(&mut Script)) {
        change(self.scripts.lock().entry(function).or_default());
    }

    pub(super) fn play(&self, function: &str, try_number: u32) -> Play {
        self.scripts.lock().get(function).map(|script| script.play(try_number).clone()).unwrap_or_default()
    }

    /// The id of the next run, and what its randomness comes from: the same for the same runs in the same order.
    pub(super) fn next_run(&self) -> (RunId, Uuid) {
        let number = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let millis = u64::try_from(self.now().as_micros() / 1000).unwrap_or(0);
        let mut bits = [0; 10];
        bits[2..].copy_from_slice(&number.to_be_bytes());
        let seed = Uuid::from_u64_pair(self.seed, number);
        (RunId::new(uuid_v7(millis, bits)), seed)
    }

    pub(super) fn session(&self, id: &str) -> Session {
        self.sessions.of(id)
    }

    /// Its workers listen on these.
    pub(super) fn queues(&self) -> Arc<[Queue]> {
        self.builder.queues().into()
    }

    /// A run has ended then.
    pub(super) fn ended_at(&self, at: Timestamp) {
        let mut now = self.clock.lock();
        *now = at.max(*now);
    }
}

impl Default for TestEngine {
    fn default() -> Self {
        Self::new()
    }
}
