//! Declared schedules, fired by tests.

use std::future::IntoFuture;

use piton_schedule::Rhythm;
use piton_shared::time::Timestamp;

use super::{
    declared::{schedules, unfit},
    error::FireError,
};
use crate::{
    BoxFuture, Register,
    definition::{Definition, Journaled, Workflow},
    testing::{
        TestEngine, TestRun, block_on,
        drive::{Asked, Driven, drive},
        fault::Faults,
    },
};

/// A schedule that is about to fire. Await it, or call [`blocking`](Self::blocking).
#[derive(Debug)]
#[must_use = "nothing fires until it is awaited, or `.blocking()` is called"]
pub struct Fire<'a> {
    engine: &'a TestEngine,
    schedule: String,
}

/// A schedule that fired, and the run that it started.
#[derive(Debug, Clone)]
#[must_use = "a run that failed says so here only"]
pub struct Fired {
    workflow: String,
    occurrence: Timestamp,
    local: String,
    driven: Driven,
}

impl Fire<'_> {
    /// Fires it without async code around.
    ///
    /// # Errors
    ///
    /// Says why it does not fire.
    ///
    /// # Panics
    ///
    /// When it is called within an async runtime.
    pub fn blocking(self) -> Result<Fired, FireError> {
        block_on(self.into_future())
    }

    async fn fire(self) -> Result<Fired, FireError> {
        let Self { engine, schedule: name } = self;
        engine.check();
        let all = schedules(engine.registry());
        let found: Vec<_> = all.iter().filter(|(declared, ..)| *declared == name).collect();
        let (workflow, cron) = match found.as_slice() {
            [] => return Err(FireError::Unknown { name, known: all.into_iter().map(|(name, ..)| name).collect() }),
            [(_, workflow, cron)] => (*workflow, cron),
            several => {
                let workflows = several.iter().map(|(_, workflow, _)| format!("`{}`", workflow.name())).collect();
                return Err(FireError::Twice { name, workflows });
            }
        };
        let rhythm = Rhythm::parse(&cron.expression, &cron.time_zone);
        let rhythm = rhythm.map_err(|wrong| FireError::Rhythm { name: name.clone(), wrong })?;
        if let Some(wrong) = unfit(&workflow, &cron.input) {
            return Err(FireError::Input { name, wrong });
        }
        let Some(occurrence) = rhythm.next_after(engine.now()) else {
            return Err(FireError::Over { name });
        };
        engine.ended_at(occurrence);
        let (run_id, seed) = engine.next_run();
        let (input, tags, faults) = (cron.input.clone(), vec![format!("schedule:{name}")], Faults::default());
        let asked = Asked { run_id, workflow, input, seed, tags, session: None, started_at: occurrence, faults };
        let driven = drive(engine, asked).await;
        engine.ended_at(driven.story.ended_at());
        let (workflow, local) = (workflow.name().to_owned(), rhythm.local(occurrence));
        Ok(Fired { workflow, occurrence, local, driven })
    }
}

impl<'a> IntoFuture for Fire<'a> {
    type Output = Result<Fired, FireError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.fire())
    }
}

impl Fired {
    /// When it fired, on the virtual clock.
    pub fn at(&self) -> Timestamp {
        self.occurrence
    }

    /// The same as the clocks of its time zone show it: `Mon 2026-01-05 09:00:00 +01:00`.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The run that it started: `fired.run(digest)`.
    ///
    /// # Panics
    ///
    /// When it is a schedule of another workflow.
    #[track_caller]
    pub fn run<Inputs, Item>(&self, _workflow: Item) -> TestRun<<Item::Defined as Definition>::Output>
    where
        Item: Register<Inputs>,
        Item::Defined: Workflow,
    {
        self.run_named(Item::Defined::NAME)
    }

    /// The same by wire name and with any result.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn run_named<T: Journaled>(&self, workflow: &str) -> TestRun<T> {
        assert_eq!(workflow, self.workflow, "the schedule starts another workflow");
        TestRun::of(self.driven.clone())
    }
}

impl TestEngine {
    /// Lets time pass until this declared schedule fires next, and runs to its end what it starts, with the input that is
    /// declared. A schedule without a name has its workflow's. Fired again, it is the next occurrence after that run's end.
    ///
    /// One at a time: no firing is missed here and none comes while the last run goes on, so the policies for that, and the
    /// jitter, have nothing to decide; no other schedule fires on the way.
    ///
    /// ```
    /// use piton::{prelude::*, testing::TestEngine};
    ///
    /// #[workflow(triggers(cron("0 9 * * 1-5", tz = "Europe/Berlin", input = r#""orders""#)))]
    /// async fn digest(ctx: &WorkflowContext, topic: String) -> Result<String> {
    ///     # let _ = ctx;
    ///     Ok(format!("news of {topic}"))
    /// }
    ///
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// let engine = TestEngine::new().register(digest);
    /// let thursday = engine.fire("digest").blocking()?;
    /// assert_eq!(thursday.local(), "Thu 2026-01-01 09:00:00 +01:00");
    /// assert_eq!(thursday.run(digest).output(), "news of orders");
    /// engine.fire("digest").blocking()?;
    /// assert_eq!(engine.fire("digest").blocking()?.local(), "Mon 2026-01-05 09:00:00 +01:00");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`FireError`] where no registered workflow declares it, or no scheduler would take it.
    pub fn fire(&self, schedule: impl Into<String>) -> Fire<'_> {
        Fire { engine: self, schedule: schedule.into() }
    }
}
