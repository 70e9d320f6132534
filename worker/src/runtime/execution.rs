//! Executing a function: one try.

use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use futures::FutureExt as _;
use piton_shared::{
    failure::{Cause, Failure},
    ids::{AttemptId, Epoch, RunId},
    journal::{Outcome, Payload},
    time::Timestamp,
};
use piton_telemetry::metrics::{StepOutcome, WorkerMetrics};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::Instrument as _;

use super::{
    attempt::{Bounds, EndedTry, Start},
    failpoint::failpoint,
    holdings::{Begun, Executed},
    member::Member,
    polls::{Code, Watched},
    run::Letter,
};
use crate::{FunctionContext, RegisteredFunction, Resources, Try};

/// The hold on a run whose function it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub(super) run: RunId,
    pub(super) attempt: AttemptId,
    pub(super) epoch: Epoch,
}

/// A function and what it is called with.
pub(super) struct Invocation {
    pub(super) function: RegisteredFunction,
    pub(super) input: Payload,
    pub(super) bounds: Bounds,
}

/// Begins a try of a run that is held here, in a task of its own; its end comes as a letter, unless it is dropped.
pub(super) fn begin(
    member: &Arc<Member>,
    owner: Owner,
    function: &RegisteredFunction,
    start: Start,
    slot: OwnedSemaphorePermit,
    letters: mpsc::Sender<Letter>,
) -> Begun {
    let Start { key, input, try_number, max_tries, bounds, .. } = start;
    let of = Try { run_id: owner.run, step_key: key, epoch: owner.epoch, number: try_number, max: max_tries };
    let span = span(member, function, &of);
    let (context, handle) = FunctionContext::begin(of.clone());
    let started_at = member.clock.now();
    let invocation = Invocation { function: function.clone(), input, bounds };
    let shared = Arc::clone(member);
    let code = code(function, &of);
    let task = async move {
        // The slot is free again when the task has ended, however it ends.
        let _slot = slot;
        let outcome = execute(&shared, invocation, context, started_at, code).await;
        shared.holdings.ended(owner.run, owner.attempt, &of.step_key, try_number);
        let finished_at = shared.clock.now();
        let ended = EndedTry { key: of.step_key, try_number, outcome, started_at, finished_at };
        // Nobody listens any more when the run is lost.
        let _ = letters.send(Letter::Ended(ended)).await;
    };
    let executed = Executed::new(handle, started_at);
    member.holdings.begin(owner.attempt, executed, || member.tasks.spawn(task.instrument(span)).abort_handle())
}

/// What a try is called when it does not return.
pub(super) fn code(function: &RegisteredFunction, of: &Try) -> Code {
    Code { run: of.run_id, name: function.name().to_owned(), step: Some(of.step_key.clone()) }
}

/// Under which a try is traced.
pub(super) fn span(member: &Member, function: &RegisteredFunction, of: &Try) -> tracing::Span {
    tracing::info_span!(
        "try",
        run = %of.run_id,
        step = %of.step_key,
        org = %member.door.org,
        function = function.name(),
        try_number = of.number,
    )
}

/// One try, to its end by itself, by its bounds or in a panic.
pub(super) async fn execute(
    member: &Member,
    invocation: Invocation,
    context: FunctionContext,
    started_at: Timestamp,
    code: Code,
) -> Outcome {
    failpoint!("try-begin");
    let mut timed = Timed::new(&member.door.metrics);
    let watched = member.polls.of(code);
    let outcome = bounded(&invocation, context, member.registry.resources(), started_at, &watched).await;
    timed.outcome = outcome_of(&outcome);
    drop(timed);
    if let Err(failure) = &outcome {
        tracing::debug!(cause = ?failure.cause, retry = ?failure.retry, "the try failed");
    }
    failpoint!("try-ended");
    outcome
}

async fn bounded(
    invocation: &Invocation,
    context: FunctionContext,
    resources: &Resources,
    started_at: Timestamp,
    watched: &Watched,
) -> Outcome {
    let Invocation { function, input, bounds } = invocation;
    let called = catch_unwind(AssertUnwindSafe(|| {
        let _inside = watched.enter();
        function.call(context, resources, input)
    }));
    let mut caught = match called {
        Ok(future) => AssertUnwindSafe(future).catch_unwind(),
        Err(panic) => return Err(panicked(panic.as_ref())),
    };
    let caught = poll_fn(|cx| {
        let _inside = watched.enter();
        caught.poll_unpin(cx)
    });
    let ended = match bounds.of_try(started_at) {
        None => caught.await,
        Some((limit, failure)) => match tokio::time::timeout(limit, caught).await {
            Ok(ended) => ended,
            Err(_) => return Err(failure),
        },
    };
    ended.unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
}

/// How a try ends that panicked.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let message = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
    Failure::panic(message.unwrap_or_else(|| "a panic without a text".to_owned()))
}

fn outcome_of(outcome: &Outcome) -> StepOutcome {
    match outcome {
        Ok(_) => StepOutcome::Completed,
        Err(failure) => match failure.cause {
            Cause::Error | Cause::Cancelled => StepOutcome::Failed,
            Cause::Panic => StepOutcome::Panicked,
            Cause::Timeout => StepOutcome::TimedOut,
        },
    }
}

/// Notes how long a try took and how it ended, also if it is dropped.
struct Timed<'a> {
    metrics: &'a WorkerMetrics,
    began: Instant,
    outcome: StepOutcome,
}

impl<'a> Timed<'a> {
    fn new(metrics: &'a WorkerMetrics) -> Self {
        metrics.steps_running.add(1);
        Self { metrics, began: Instant::now(), outcome: StepOutcome::Dropped }
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.metrics.steps_running.add(-1);
        self.metrics.step_time.at(self.outcome).seconds(self.began.elapsed());
    }
}
