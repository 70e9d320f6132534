//! Trials: a workflow is run again and again, and what can befall it befalls it at each place in turn.

use std::fmt;

use piton_shared::failure::Failure;

use super::{
    engine::TestEngine,
    error::RunError,
    fault::When,
    start::{TestRun, TestStart},
};
use crate::{
    Call,
    definition::{Journaled, Workflow},
};

/// Runs a workflow once for each thing that can go wrong, each time on a new engine: every step fails in turn, every
/// step is repeated in turn, its worker crashes at every append. So no case is forgotten, and none is added by hand when
/// the workflow grows.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use piton::{prelude::*, testing::{TestEngine, Trial}};
///
/// #[derive(Default)]
/// struct Bank {
///     held: AtomicU64,
/// }
///
/// #[function]
/// async fn hold(bank: Resource<Bank>, cents: u64) -> Result<u64> {
///     // A set and not an addition, so that holding twice is holding once.
///     bank.held.store(cents, Ordering::SeqCst);
///     Ok(cents)
/// }
///
/// #[function]
/// async fn release(bank: Resource<Bank>) -> Result<()> {
///     bank.held.store(0, Ordering::SeqCst);
///     Ok(())
/// }
///
/// #[function]
/// async fn deliver() -> Result<String> {
///     Ok("delivered".into())
/// }
///
/// #[workflow]
/// async fn buy(ctx: &WorkflowContext, cents: u64) -> Result<String> {
///     ctx.step(hold(cents)).await?;
///     match ctx.step(deliver()).await {
///         Ok(receipt) => Ok(receipt),
///         Err(error) => {
///             ctx.step(release()).await?;
///             Err(error.into())
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let engine = || TestEngine::new().register(hold).register(release).register(deliver).resource(Bank::default());
/// let trial = Trial::of(engine, || buy(100));
/// trial
///     .fail_each_step(|failed| {
///         assert!(failed.run.result.is_err());
///         assert_eq!(failed.engine.get::<Bank>().held.load(Ordering::SeqCst), 0, "nothing stays held");
///     })
///     .await;
/// trial
///     .repeat_each_step(|repeated| {
///         assert_eq!(repeated.engine.get::<Bank>().held.load(Ordering::SeqCst), 100);
///     })
///     .await;
/// trial.crash_at_each_append(|_| {}).await;
/// # }
/// ```
pub struct Trial<M, C> {
    engine: M,
    call: C,
}

/// One run of a trial.
#[derive(Debug)]
#[non_exhaustive]
pub struct Tried<T> {
    /// Where it was hit: a step's key, or an append.
    pub place: String,
    /// Its engine, for the resources in it.
    pub engine: TestEngine,
    /// What came of it.
    pub run: TestRun<T>,
}

impl<M, C, W> Trial<M, C>
where
    M: Fn() -> TestEngine,
    C: Fn() -> Call<W>,
    W: Workflow,
{
    /// A trial of this call, on engines that are made anew for each run.
    pub fn of(engine: M, call: C) -> Self {
        Self { engine, call }
    }

    /// Runs it once for each of its steps, with that step failing for good, and has each run checked. Returns how many
    /// there were.
    ///
    /// # Panics
    ///
    /// When the untouched run does not end with a result or has no step; and when the check panics, with the step's key
    /// and the story on stderr.
    pub async fn fail_each_step(&self, check: impl FnMut(Tried<W::Output>)) -> usize {
        let untouched = self.untouched().await;
        let hits = steps(&untouched);
        self.each(
            hits,
            check,
            |start, step| {
                let failure = Failure::permanent(format!("`{step}` fails in this trial"));
                start.fail_step(step, failure)
            },
            |_, _| {},
        )
        .await
    }

    /// Runs it once for each of its steps, with a crash after that step was executed and before the journal has it: its
    /// function runs twice. Returns how many there were.
    ///
    /// # Panics
    ///
    /// As [`fail_each_step`](Self::fail_each_step); and when such a run does not end as the untouched one, or the two
    /// executions differ in their idempotency key.
    pub async fn repeat_each_step(&self, check: impl FnMut(Tried<W::Output>)) -> usize {
        let untouched = self.untouched().await;
        let hits = steps(&untouched);
        self.each(
            hits,
            check,
            |start, step| start.crash(When::ended(step)),
            |step, run| {
                same_end(&untouched, run);
                let story = &run.story;
                let mut keys: Vec<_> = story.tries_of(step).map(|tried| tried.idempotency_key.as_str()).collect();
                let times = keys.len();
                keys.dedup();
                assert!(times > untouched.story.tries_of(step).count(), "`{step}` was not repeated\n{story}");
                assert_eq!(keys.len(), 1, "the tries of `{step}` have several idempotency keys\n{story}");
            },
        )
        .await
    }

    /// Runs it twice for each of its appends, with a crash just before and just after it is written. Returns how many
    /// runs there were.
    ///
    /// # Panics
    ///
    /// As [`fail_each_step`](Self::fail_each_step); and when such a run does not end as the untouched one.
    pub async fn crash_at_each_append(&self, check: impl FnMut(Tried<W::Output>)) -> usize {
        let untouched = self.untouched().await;
        let numbers = 1..=untouched.story.appends();
        let hits = numbers.flat_map(|number| [When::BeforeAppend(number), When::AfterAppend(number)]);
        let hits = hits.collect();
        self.each(hits, check, |start, when: When| start.crash(when), |_, run| same_end(&untouched, run)).await
    }

    async fn untouched(&self) -> TestRun<W::Output> {
        let engine = (self.engine)();
        let run = engine.run((self.call)()).await;
        if let Err(error) = &run.result {
            panic!("the run that nothing befalls has to succeed: {error}\n{}", run.story);
        }
        run
    }

    /// `hit` says of a run what befalls it, `hold` is what has to be true of every run.
    async fn each<H: fmt::Display + Clone>(
        &self,
        hits: Vec<H>,
        mut check: impl FnMut(Tried<W::Output>),
        hit: impl for<'a> Fn(TestStart<'a, W::Output>, H) -> TestStart<'a, W::Output>,
        hold: impl Fn(&str, &TestRun<W::Output>),
    ) -> usize {
        assert!(!hits.is_empty(), "the workflow has no step: there is nothing to try");
        let runs = hits.len();
        for at in hits {
            let place = at.to_string();
            let engine = (self.engine)();
            let run = hit(engine.run((self.call)()), at).await;
            let shown = Shown { place: &place, story: run.story.to_string() };
            hold(&place, &run);
            check(Tried { place: place.clone(), engine, run });
            drop(shown);
        }
        runs
    }
}

impl<M, C> fmt::Debug for Trial<M, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").finish_non_exhaustive()
    }
}

/// Says on stderr which run it was, if its check panics.
struct Shown<'a> {
    place: &'a str,
    story: String,
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the run hit at {}:\n{}", self.place, self.story);
        }
    }
}

/// Every step that was executed, items of batches among them.
fn steps<T>(run: &TestRun<T>) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for tried in run.story.tries() {
        if !steps.contains(&tried.step) {
            steps.push(tried.step.clone());
        }
    }
    steps
}

#[track_caller]
fn same_end<T: Journaled>(untouched: &TestRun<T>, run: &TestRun<T>) {
    let (before, now) = (end(&untouched.result), end(&run.result));
    assert!(before == now, "it ended with {now}, and untouched with {before}\n{}", run.story);
}

fn end<T: Journaled>(result: &Result<T, RunError>) -> String {
    match result {
        Ok(result) => match result.encode() {
            Ok(payload) => super::story::shown(&payload).to_string(),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    }
}
