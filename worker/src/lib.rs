#![doc = include_str!("docs/lib.md")]

mod batch;
mod batch_result;
mod branch;
mod call;
mod deadline;
mod definition;
mod describe;
// One rule for durations in attributes and in the environment.
#[path = "../macros/src/duration.rs"]
mod duration;
mod function_context;
mod gather;
#[doc = include_str!("docs/what_a_workflow_may_do.md")]
pub mod guide {}
#[doc = include_str!("docs/inputs.md")]
pub mod inputs {}
mod map;
mod options;
mod outcome;
mod parallel;
pub mod prelude;
mod progress;
mod race;
mod registry;
mod resource;
mod runtime;
mod sleep;
mod state;
pub mod telemetry;
pub mod testing;
#[doc = include_str!("docs/triggers.md")]
pub mod triggers {}
mod worker;
mod workflow_context;

pub use batch::{Batch, IntoItem};
pub use batch_result::{BatchResult, BatchStats, BatchStatus, FailedItem, Item, Outputs};
pub use branch::{Block, Branch};
pub use call::{Awaitable, Call};
pub use deadline::{Deadline, DeadlineError};
pub use definition::{Definition, Function, Journaled, Workflow};
pub use function_context::{FunctionContext, Try, TryHandle};
pub use futures::future::BoxFuture;
pub use gather::{Gather, GatherSettled};
pub use map::{Map, MapError};
pub use options::{OptionsError, WorkerOptions};
pub use outcome::{Outcome, Result, ResultExt, Unmade};
pub use parallel::{Branches, Parallel, Settled};
pub use piton_macros::{function, workflow};
pub use piton_shared::{
    codec::{bytes, optional_bytes},
    failure::{Cause, Failure, Retry, StepError},
    ids::{Epoch, RunId},
    journal::StepKey,
    name,
    replay::Durable,
    retry::{Backoff, Jitter, RetryPolicy},
    time::Timestamp,
};
pub use piton_telemetry::metrics::WorkerMetrics;
pub use piton_transport::{ClientCertificate, Credentials, NatsAuth, NatsAuthError};
pub use progress::Progress;
pub use race::{Race2, Race3, Race4, Race5, Race6, Race7, Race8, Racers, Racing};
pub use registry::{Body, Ended, Register, RegisteredFunction, RegisteredWorkflow, Registry};
pub use resource::{Injected, Need, Resource, Resources};
pub use runtime::{ConnectError, Connected, RunError};
pub use schemars::{self, JsonSchema};
pub use sleep::Sleep;
pub use state::{GetOr, State, Update, Versioned, Writable, Written};
pub use uuid::Uuid;
pub use worker::{BuildError, Problem, Worker, WorkerBuilder};
pub use workflow_context::{Run, WorkflowContext};

/// What the attributes expand to. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use std::vec::Vec;

    pub use std::option::Option;

    pub use piton_macros::gather;
    pub use piton_shared::{
        message::define::Presence,
        trigger::{CatchUp, InputRule, Overlap, Provider},
    };
    pub use serde;

    pub use crate::{
        BoxFuture, Call, Definition, Function, FunctionContext, Gather, Journaled, Outcome, Resources, Result,
        Workflow, WorkflowContext,
        definition::{Arguments, Defaults},
        describe::{
            Described, Description, Omissible, Owed, Probe, Reading, SchemaOf, Undescribed, cron, event, owned, webhook,
        },
        registry::Registration,
        resource::{Injected, Need},
    };

    /// The primitive type, whatever a user calls `str`.
    pub type Text = str;

    /// The resources that a function takes.
    pub type Needs = Vec<Need>;

    /// Says where it stands when an input cannot be journaled.
    pub const fn journaled<T: Journaled>() {}

    /// Boxes what a definition is called with.
    pub fn arguments<T: Send + 'static>(arguments: T) -> Arguments {
        Box::new(arguments)
    }

    /// What a resource parameter asks for.
    pub fn need<R: Injected>() -> Need {
        R::need()
    }

    /// Fills a resource parameter.
    pub fn injected<R: Injected>(resources: &Resources) -> Result<R> {
        R::take(resources)
    }

    /// Boxes a body. What it holds across an `.await` must be `Send`: it moves between threads.
    pub fn boxed<T, F: Future<Output = Result<T>> + Send + 'static>(body: F) -> BoxFuture<'static, Result<T>> {
        Box::pin(body)
    }
}

/// The README's example compiles, or the doctests fail.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
