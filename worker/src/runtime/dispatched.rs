//! Executing dispatched work: one try under a hold of its own, then a report.
//!
//! The hold is known here until the report is answered, so that nobody takes back what is only waiting to be told.

use std::sync::Arc;

use piton_shared::{
    ids::HoldId,
    message::{
        claim::HandBackReason,
        dispatch::{DispatchId, FinishAnswer, StepEnd, StepEnding, StepGrant},
    },
    time::Timestamp,
};
use piton_telemetry::metrics::Retried;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::Instrument as _;

use super::{
    attempt::{AfterTry, Bounds, EndedTry, after_try},
    execution::{self, Invocation},
    failpoint::failpoint,
    finisher::Job,
    holdings::{Begun, Executed, StepPlace},
    member::Member,
    read::{self, NotHeld},
};
use crate::{FunctionContext, RegisteredFunction, Try};

/// Holds dispatched work until what became of it is written, or it is lost.
pub(super) async fn hold(
    member: Arc<Member>,
    function: RegisteredFunction,
    grant: StepGrant,
    slot: OwnedSemaphorePermit,
    place: StepPlace,
) {
    let span = tracing::info_span!(
        "dispatched",
        run = %grant.dispatch.run,
        step = %grant.dispatch.step_key(),
        hold = %grant.hold,
        epoch = %grant.epoch,
        org = %member.door.org,
    );
    if let Some(trace) = &grant.trace {
        piton_telemetry::trace::set_parent(&span, trace);
    }
    let _held = member.door.metrics.dispatches_held.enter();
    let StepPlace { lost, gone, before } = place;
    let _gone = gone;
    // However this ends.
    let _removed = Removed { member: &member, dispatch: grant.dispatch.clone(), hold: grant.hold };
    let living = async {
        if let Some(before) = before {
            // What runs under an older hold is being dropped: never two at a time here.
            before.cancelled().await;
        }
        tokio::select! {
            biased;
            () = lost.cancelled() => tracing::debug!("dispatched work is lost to this worker"),
            () = live(&member, &function, grant, slot) => {}
        }
    };
    living.instrument(span).await;
}

/// Takes dispatched work out of the holdings when its task ends.
struct Removed<'a> {
    member: &'a Member,
    dispatch: DispatchId,
    hold: HoldId,
}

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        self.member.holdings.remove_step(&self.dispatch, self.hold);
    }
}

async fn live(member: &Arc<Member>, function: &RegisteredFunction, mut grant: StepGrant, slot: OwnedSemaphorePermit) {
    let bounds = Bounds {
        try_timeout: grant.terms.try_timeout,
        timeout: grant.terms.timeout,
        first_started: grant.first_started_at,
    };
    let now = member.clock.now();
    if bounds.over_at(now) {
        let ending = StepEnding::Done {
            outcome: Err(bounds.out_of_time()),
            try_number: (grant.try_number - 1).max(1),
            started_at: grant.first_started_at.unwrap_or(now),
            finished_at: now,
        };
        return report(member, &grant, ending).await;
    }
    let input = match grant.input.take() {
        Some(input) => input,
        None => match read::step_input(member, &grant).await {
            Ok(input) => input,
            Err(NotHeld) => return,
        },
    };
    failpoint!("dispatched-begin");
    if grant.try_number > 1 {
        member.door.metrics.retries.at(Retried::Step).inc();
    }
    let invocation = Invocation { function: function.clone(), input, bounds };
    let Some((ended, slot)) = execute(member, &grant, invocation, slot).await else {
        // The lease has lapsed, or the run is paused: others may do what was not done here.
        let ending = StepEnding::Returned { reason: HandBackReason::Released };
        return report(member, &grant, ending).await;
    };
    failpoint!("dispatched-ended");
    // Results that nobody takes are bounded: beyond that the slot stays taken.
    let room = Arc::clone(&member.reports).acquire_owned().await;
    drop(slot);
    report(member, &grant, ending(&grant, bounds, ended)).await;
    drop(room);
}

/// One try in a task of its own; none if it did not begin, or was dropped.
async fn execute(
    member: &Arc<Member>,
    grant: &StepGrant,
    invocation: Invocation,
    slot: OwnedSemaphorePermit,
) -> Option<(EndedTry, OwnedSemaphorePermit)> {
    let try_number = grant.try_number;
    let of = Try {
        run_id: grant.dispatch.run,
        step_key: grant.dispatch.step_key(),
        epoch: grant.epoch,
        number: try_number,
        max: max_tries(grant),
    };
    let span = execution::span(member, &invocation.function, &of);
    let key = of.step_key.clone();
    let code = execution::code(&invocation.function, &of);
    let (context, handle) = FunctionContext::begin(of);
    let started_at = member.clock.now();
    let (sender, ended) = oneshot::channel();
    let (shared, dispatch, hold) = (Arc::clone(member), grant.dispatch.clone(), grant.hold);
    let task = async move {
        let outcome = execution::execute(&shared, invocation, context, started_at, code).await;
        shared.holdings.step_ended(&dispatch, hold);
        let finished_at = shared.clock.now();
        // Nobody listens any more when the hold is lost.
        let _ = sender.send((EndedTry { key, try_number, outcome, started_at, finished_at }, slot));
    };
    let executed = Executed::new(handle, started_at);
    let spawn = || member.tasks.spawn(task.instrument(span)).abort_handle();
    match member.holdings.begin_step(&grant.dispatch, grant.hold, executed, spawn) {
        Begun::Yes => ended.await.ok(),
        Begun::No => None,
    }
}

/// Tries there may be: those that were interrupted use none up.
fn max_tries(grant: &StepGrant) -> u32 {
    let interrupted = (grant.try_number.saturating_sub(1)).saturating_sub(grant.failed_tries);
    grant.terms.retry.clone().unwrap_or_default().max_tries.max(1).saturating_add(interrupted)
}

/// What the end of a try means for the work.
fn ending(grant: &StepGrant, bounds: Bounds, ended: EndedTry) -> StepEnding {
    let EndedTry { try_number, outcome, started_at, finished_at, .. } = ended;
    let policy = grant.terms.retry.clone().unwrap_or_default();
    let bounds = Bounds { first_started: bounds.first_started.or(Some(started_at)), ..bounds };
    match after_try(outcome, &policy, &bounds, grant.failed_tries, finished_at, rand::random()) {
        AfterTry::Over(outcome) => StepEnding::Done { outcome, try_number, started_at, finished_at },
        AfterTry::Again { failure, after } => StepEnding::Again { failure, try_number, started_at, finished_at, after },
    }
}

/// Reports an end until it is answered. A result that can never be written is a failure of the step.
async fn report(member: &Member, grant: &StepGrant, ending: StepEnding) {
    let mut next = Some(ending);
    while let Some(ending) = next.take() {
        let times = times_of(&ending);
        let (reply, answered) = oneshot::channel();
        let end = StepEnd { dispatch: grant.dispatch.clone(), hold: grant.hold, ending };
        if member.finishes.send(Job { end: Box::new(end), reply }).await.is_err() {
            return;
        }
        // None when the registration is over.
        match answered.await {
            Ok(FinishAnswer::Accepted) | Err(_) => {}
            Ok(FinishAnswer::Fenced) => tracing::debug!("dispatched work was given to another meanwhile"),
            Ok(FinishAnswer::Invalid { reason }) => {
                tracing::error!(reason, "what became of dispatched work cannot be written");
                next = times.map(|times| times.unwritable(&reason));
            }
        }
    }
}

/// When the try was executed whose value may turn out not to be writable.
#[derive(Debug, Clone, Copy)]
struct Times {
    try_number: u32,
    started_at: Timestamp,
    finished_at: Timestamp,
}

impl Times {
    fn unwritable(self, reason: &str) -> StepEnding {
        let Self { try_number, started_at, finished_at } = self;
        let failure = piton_shared::failure::Failure::permanent(format_args!("its result cannot be written: {reason}"));
        StepEnding::Done { outcome: Err(failure), try_number, started_at, finished_at }
    }
}

fn times_of(ending: &StepEnding) -> Option<Times> {
    match ending {
        StepEnding::Done { outcome: Ok(_), try_number, started_at, finished_at } => {
            Some(Times { try_number: *try_number, started_at: *started_at, finished_at: *finished_at })
        }
        StepEnding::Done { outcome: Err(_), .. } | StepEnding::Again { .. } | StepEnding::Returned { .. } => None,
    }
}
