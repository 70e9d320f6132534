//! Runs that were exported, replayed by changed code.

use std::time::Duration;

use piton::{
    prelude::*,
    testing::{ReplayError, RunState, TestEngine, When, replay},
};

#[function]
async fn charge(cents: u64) -> Result<String> {
    Ok(format!("ch_{cents}"))
}

#[function]
async fn thank(charge: String) -> Result<()> {
    let _ = charge;
    Ok(())
}

#[workflow(name = "pay")]
async fn pay(ctx: &WorkflowContext, cents: u64) -> Result<String> {
    let charge = ctx.step(charge(cents)).await?;
    ctx.sleep(Duration::from_hours(30)).await?;
    ctx.step(thank(charge.clone())).await?;
    Ok(charge)
}

fn exported() -> String {
    TestEngine::new().register(charge).register(thank).run_blocking(pay(100)).story.export()
}

/// What a deploy of another `pay` would make of the run.
fn deployed<Inputs>(other: impl piton::Register<Inputs>, history: &str) -> Result<RunState, String> {
    let worker = Worker::builder().register(other).build().expect("it fits together");
    replay(worker.registry(), history).map(|replayed| replayed.state).map_err(|error| error.to_string())
}

#[test]
fn the_same_code_replays() {
    assert_eq!(deployed(pay, &exported()), Ok(RunState::Completed));
}

#[test]
fn changed_code_is_told_where_it_parts() {
    #[workflow(name = "pay")]
    async fn pays_more(ctx: &WorkflowContext, cents: u64) -> Result<String> {
        Ok(ctx.step(charge(cents + 1)).await?)
    }
    #[workflow(name = "pay")]
    async fn pays_nothing(ctx: &WorkflowContext, cents: u64) -> Result<String> {
        let charge = ctx.step(charge(cents)).await?;
        ctx.sleep(Duration::from_secs(1)).await?;
        ctx.step(thank(charge)).await?;
        Ok("nothing".into())
    }
    #[workflow(name = "pay")]
    async fn pays_text(ctx: &WorkflowContext, cents: String) -> Result<String> {
        Ok(ctx.step(thank(cents)).await.map(|()| String::new())?)
    }
    let history = exported();
    let id = "019b76da-a800-7000-8000-000000000001";
    let parks = |reason: &str| Err(format!("run {id} of `pay` would park: {reason}"));
    assert_eq!(
        deployed(pays_more, &history),
        parks(
            "the workflow's code does not ask for what the journal has at `charge#1`: recorded step charge with input = \
             100, asked step charge with input = 101"
        )
    );
    assert_eq!(
        deployed(pays_nothing, &history),
        Err(format!("run {id} of `pay` ended with \"ch_100\", and with today's code it ends with \"nothing\""))
    );
    let unread = deployed(pays_text, &history).expect_err("a number is no text");
    assert!(unread.contains("would park: the value recorded at `input` cannot be read by today's type"), "{unread}");
}

#[test]
fn a_run_that_goes_on_is_replayed_as_far_as_it_was() {
    let engine = TestEngine::new().register(charge).register(thank);
    let run = engine.run(pay(100)).kill(When::After(Duration::from_hours(1))).blocking();
    let history = run.story.export().replace("\"killed\"", "\"suspended\"");
    assert_eq!(deployed(pay, &history), Ok(RunState::Suspended));
}

#[test]
fn what_is_no_history_says_what_to_do() {
    let worker = Worker::builder().register(charge).build().expect("it fits together");
    let replay = |history: &str| replay(worker.registry(), history).expect_err("it is none");
    assert!(matches!(replay("{"), ReplayError::Unreadable { .. }));
    assert!(matches!(replay("{\"format\": \"piton.history/1\"}"), ReplayError::Unreadable { .. }));
    assert_eq!(replay("{\"format\": \"piton.history/9\"}"), ReplayError::Format { found: "piton.history/9".into() });
    assert_eq!(replay(&exported()), ReplayError::Unregistered { workflow: "pay".into() });
}
