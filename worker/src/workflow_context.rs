//! What a workflow does goes through its context.

use std::{borrow::Cow, fmt, sync::Arc};

use piton_shared::{
    ids::RunId,
    replay::{Durable, Scope, StepOptions},
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    Call,
    definition::{Function, Journaled},
};

/// A run, from inside its workflow. Taken as `ctx: &WorkflowContext`; cheap to clone.
///
/// A workflow is replayed: after a crash, a deploy or a long wait it runs again from its start, and each call
/// that the journal has answers at once with what is pinned there. So between two calls it may only compute.
/// The time, randomness and identifiers come from here, and everything that touches the world belongs into a
/// function.
///
/// What is logged with `tracing` while replaying was logged before; the worker marks it and drops it.
#[derive(Clone)]
pub struct WorkflowContext {
    scope: Scope,
    run: Arc<Run>,
}

/// Which run of which workflow it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The run's id.
    pub id: RunId,
    /// The workflow's wire name.
    pub workflow: Cow<'static, str>,
}

impl WorkflowContext {
    pub(crate) fn new(scope: Scope, run: Run) -> Self {
        Self { scope, run: Arc::new(run) }
    }

    /// The same run, in this scope.
    pub(crate) fn within(&self, scope: Scope) -> Self {
        Self { scope, run: Arc::clone(&self.run) }
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Calls a function, once, however often the run is replayed.
    ///
    /// It is asked for when it is first awaited. A failed try is tried again by the call's policy; what comes
    /// back is the result, or how the last try ended.
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
    /// async fn release(reservation: u64) -> Result<()> {
    ///     let _ = reservation;
    ///     Ok(())
    /// }
    ///
    /// #[function]
    /// async fn charge(cents: u64) -> Result<()> {
    ///     Err(Failure::permanent(format!("no card for {cents}")))
    /// }
    ///
    /// #[workflow]
    /// async fn buy(ctx: &WorkflowContext, item: String, cents: u64) -> Result<()> {
    ///     let reservation = ctx.step(reserve(item)).await?;
    ///     if let Err(error) = ctx.step(charge(cents)).await {
    ///         ctx.step(release(reservation)).await?;
    ///         return Err(error.into());
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn step<F: Function>(&self, call: Call<F>) -> Durable<F::Output> {
        let name = call.name.unwrap_or(Cow::Borrowed(F::NAME));
        let options = over(call.options, F::DEFAULTS.options());
        match call.input.encode() {
            Ok(input) => self.scope.step_encoded(name, F::NAME, input, options, F::Input::canonical, F::Output::decode),
            Err(error) => self.scope.refused(&name, &error),
        }
    }

    /// The time of the last result this run was told, by the database's clock; at first, the time of its
    /// start. The same in every replay.
    pub fn now(&self) -> Timestamp {
        self.scope.now()
    }

    /// A random number from 0 up to, but never, 1: the same in every replay.
    pub fn random(&self) -> f64 {
        self.scope.random()
    }

    /// 32 random bytes, the same in every replay: the seed for a generator of your own.
    pub fn random_bytes(&self) -> [u8; 32] {
        self.scope.random_bytes()
    }

    /// A random UUID, the same in every replay.
    pub fn uuid(&self) -> Uuid {
        self.scope.uuid()
    }

    /// The run.
    pub fn run_id(&self) -> RunId {
        self.run.id
    }

    /// The workflow's wire name.
    pub fn workflow(&self) -> &str {
        &self.run.workflow
    }

    /// Whether somebody asked that the run be cancelled. What was open then has ended with
    /// [`StepError::Cancelled`](crate::StepError::Cancelled); calls made since go on, so that the workflow may
    /// make good what it did.
    pub fn is_cancelled(&self) -> bool {
        self.scope.cancelled().is_some()
    }

    /// Whether what runs now ran before. For logs and the like only: a workflow that decides by it does not
    /// replay.
    pub fn is_replaying(&self) -> bool {
        self.scope.is_replaying()
    }
}

impl fmt::Debug for WorkflowContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WorkflowContext").field(&self.run).finish()
    }
}

/// What a call says, and where it says nothing, what its function says.
pub(crate) fn over(call: StepOptions, function: StepOptions) -> StepOptions {
    StepOptions {
        timeout: call.timeout.or(function.timeout),
        try_timeout: call.try_timeout.or(function.try_timeout),
        retry: call.retry.or(function.retry),
        queue: call.queue.or(function.queue),
    }
}
