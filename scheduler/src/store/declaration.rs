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
    /// When the process started that declares it: what a later process of the build declared stays as it is.
    pub since: Timestamp,
    /// Its build; empty of one that names none.
    pub build: &'a str,
    /// When the rollout of its build began: what a build declared that was rolled out later stays as it is, while it lives.
    pub rollout: Timestamp,
    /// Each of them, checked.
    pub triggers: &'a [Trigger],
}
