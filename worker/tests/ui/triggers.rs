//! What cannot start a workflow is said where it is written.
use piton::prelude::*;

#[workflow(triggers())]
async fn nothing(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(evnt("user.signed_up")))]
async fn no_kind(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(event("user.signed_up"))]
async fn outside(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(event()))]
async fn no_name(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(event("user..signed_up")))]
async fn no_segment(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(event("user.sign*")))]
async fn half_a_star(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(event("user.signed_up", fliter = "true")))]
async fn no_option(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(event("user.signed_up", filter = "")))]
async fn no_expression(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(event("user.signed_up", input = event)))]
async fn no_input(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(event("user.signed_up", filter = "true", filter = "false")))]
async fn twice(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(webhook("strip", event = "payment_intent.succeeded")))]
async fn no_provider(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(webhook("github", endpoint = "my ci")))]
async fn no_endpoint(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(cron("0 25 * * *")))]
async fn no_hour(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(cron("0 9 30 2 *")))]
async fn never(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(cron("0 9 * * *", tz = "Berlin")))]
async fn no_zone(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(cron("0 9 * * *", overlap = "wait")))]
async fn no_overlap(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(cron("0 9 * * *", catch_up = "some")))]
async fn no_catch_up(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(cron("0 9 * * *", jitter = "30 seconds")))]
async fn no_jitter(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(cron("0 9 * * *", input = "{days: 7}")))]
async fn no_json(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(triggers(cron("0 9 * * *"), cron("0 18 * * *")))]
async fn two_without_a_name(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[function(triggers(event("user.signed_up")))]
async fn of_a_function() -> Result<()> {
    Ok(())
}

fn main() {}
