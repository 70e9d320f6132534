//! What almost every file of a user's needs: `use piton::prelude::*;`.

pub use crate::{
    BatchStatus, DeadlineError, Failure, FunctionContext, Race2, Race3, Race4, Resource, Resources, Result, ResultExt,
    RetryPolicy, StepError, Worker, WorkflowContext, Written, function, gather, workflow,
};
