//! What almost every file of a user's needs: `use piton::prelude::*;`.

pub use crate::{
    Failure, FunctionContext, Resource, Resources, Result, ResultExt, RetryPolicy, StepError, Worker, WorkflowContext,
    function, workflow,
};
