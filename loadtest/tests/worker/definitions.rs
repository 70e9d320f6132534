//! What workers say of their definitions, at their start and when it cannot be taken.

use piton::{Result, RunError, Worker, WorkflowContext, workflow};
use piton_scheduler::store::{Listens, TriggerRow};
use piton_shared::message::define::DefinitionKind;

use crate::stack::{ORG, Stack, eventually};

mod first {
    use super::*;

    /// Greets somebody.
    #[workflow(name = "greeting", triggers(event("user.made"), event("user.kept")))]
    pub(super) async fn greeting(ctx: &WorkflowContext, name: String) -> Result<String> {
        let _ = ctx;
        Ok(name)
    }
}

mod second {
    use super::*;

    /// Greets somebody by number.
    #[workflow(name = "greeting", triggers(event("user.kept"), event("user.added")))]
    pub(super) async fn greeting(ctx: &WorkflowContext, number: u64) -> Result<u64> {
        let _ = ctx;
        Ok(number)
    }
}

#[workflow(triggers(event("user.made", filter = "event.data.age >")))]
async fn unreadable(ctx: &WorkflowContext) -> Result<()> {
    let _ = ctx;
    Ok(())
}

async fn triggers(stack: &Stack) -> Vec<TriggerRow> {
    let mut rows = stack.engine.store().trigger_list(&ORG, None, Some("greeting"), 10).await.expect("read");
    rows.sort_by_key(pattern);
    rows
}

fn pattern(row: &TriggerRow) -> String {
    match &row.listens {
        Listens::Event(event) => event.pattern.clone(),
        Listens::Webhook(_) => panic!("{row:?}"),
    }
}

async fn signature(stack: &Stack) -> Option<String> {
    let builds = stack.engine.store().definition_builds(&ORG, DefinitionKind::Workflow, "greeting", 10).await.ok()?;
    Some(builds.first()?.definition.parameters.first()?.name.clone())
}

async fn registered(stack: &Stack, workers: usize) {
    eventually("workers to register", async || {
        let live = stack.engine.store().workers_list(&ORG, 10).await.ok()?;
        (live.iter().filter(|worker| worker.ended_at.is_none()).count() == workers).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_changes_what_starts_a_workflow_and_an_old_worker_changes_nothing_back() {
    let mut stack = Stack::start().await;
    let old = stack.work(Worker::builder().register(first::greeting)).await;
    registered(&stack, 1).await;
    let before = triggers(&stack).await;
    assert_eq!(before.iter().map(pattern).collect::<Vec<_>>(), ["user.kept", "user.made"]);
    assert_eq!(signature(&stack).await.as_deref(), Some("name"));

    let new = stack.work(Worker::builder().register(second::greeting)).await;
    registered(&stack, 2).await;
    let after = triggers(&stack).await;
    assert_eq!(after.iter().map(pattern).collect::<Vec<_>>(), ["user.added", "user.kept"]);
    assert_eq!(after[1].id, before[0].id, "what stays is the same trigger");

    // Their scheduler goes: both present themselves to another one, in whatever order.
    let other = stack.another_scheduler().await;
    stack.engine = other.engine();
    stack.scheduler.take().expect("it runs").shutdown().await;
    old.stop().await;
    let later = stack.work(Worker::builder().register(second::greeting)).await;
    registered(&stack, 2).await;
    assert_eq!(
        triggers(&stack).await.iter().map(|row| row.id).collect::<Vec<_>>(),
        after.iter().map(|row| row.id).collect::<Vec<_>>()
    );
    assert_eq!(signature(&stack).await.as_deref(), Some("number"));
    new.stop().await;
    later.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_filter_cannot_be_read_ends_and_says_which() {
    let stack = Stack::start().await;
    let worker = Worker::builder().register(unreadable).options(stack.options()).build().expect("it fits together");
    let connected = worker.connect().await.expect("NATS answers");
    let error = connected.run_until(std::future::pending()).await.expect_err("it is refused");
    let RunError::Declaration(refusal) = &error else { panic!("{error:?}") };
    assert_eq!(error.to_string(), "the scheduler refuses what this worker declares");
    let why = refusal.to_string();
    assert!(why.contains("workflow `unreadable`") && why.contains("filter"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_while_the_database_is_away() {
    let mut stack = Stack::start().await;
    stack.postgres.kill9().await.expect("Postgres dies");
    let worker = stack.work(Worker::builder().register(first::greeting)).await;
    stack.postgres.restart().await.expect("Postgres comes back");
    registered(&stack, 1).await;
    assert_eq!(triggers(&stack).await.len(), 2);
    worker.stop().await;
}
