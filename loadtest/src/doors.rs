//! What the load test's events and webhooks start.

use piton::prelude::*;

/// The event that starts a run of [`opened`].
pub(crate) const EVENT: &str = "load.published";
/// The type of the webhook that starts a run of [`opened`].
pub(crate) const DELIVERY: &str = "load.delivered";

/// One step that does nothing, whoever asked for it.
#[workflow(triggers(event("load.published"), webhook("standard", event = "load.delivered")))]
pub(crate) async fn opened(ctx: &WorkflowContext) -> Result<u32> {
    Ok(ctx.step(crate::no_op::no_op(1)).await?)
}
