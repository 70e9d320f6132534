//! What a worker declares to start a workflow.

use piton_shared::{
    name::{Org, Queue},
    time::Timestamp,
    trigger::Trigger,
};

/// All that starts one workflow, as a worker declares it beside it.
#[derive(Debug, Clone, Copy)]
pub struct Declaration<'a> {
    /// The tenant.
    pub org: &'a Org,
    /// The workflow's wire name.
    pub workflow: &'a str,
    /// Where its runs go.
    pub queue: &'a Queue,
    /// When the process started that declares it: what a later process declared stays as it is.
    pub since: Timestamp,
    /// Each of them, checked.
    pub triggers: &'a [Trigger],
}
