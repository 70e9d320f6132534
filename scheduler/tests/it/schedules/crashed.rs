//! A scheduler dies while it fires: within its transaction, or between its commit and what it was about to say.

use fail::FailScenario;
use piton_scheduler::{server::DirectGrants, store::RunFilter};
use piton_shared::{
    state::RunState,
    trigger::{CatchUp, Overlap},
};

use super::plan;
use crate::{
    cluster::{Cluster, Worker},
    making::until,
};

fn lose(what: &str, actions: &str) {
    fail::cfg(format!("scheduler::{what}"), actions).expect("the actions read");
}

#[tokio::test(flavor = "multi_thread")]
async fn within_the_transaction_nothing_has_happened_and_another_fires() {
    let _points = FailScenario::setup();
    let cluster = Cluster::new("schedule_rolled_back").await;
    let db = &cluster.db;
    db.schedule("s", &plan(Overlap::Cancel, CatchUp::All)).await;
    db.set_back("s", 0).await;
    db.until_fired("s", 1).await;
    let first = db.scheduled("s").await.last_run.expect("it started one");
    // The last run is asked to cancel, and then everything is lost that was written.
    lose("schedules-written", "2*return->off");
    db.set_back("s", 1).await;
    assert_eq!(db.until_fired("s", 2).await, ["0 rhythm started", "1 rhythm started"]);
    assert_eq!(db.row(first).await.state, RunState::Cancelled);
    assert_eq!(db.store.runs(&crate::making::ORG, &RunFilter::default(), 10).await.expect("listed").len(), 2);
    cluster.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_commit_the_run_is_there_once_and_is_found() {
    let _points = FailScenario::setup();
    let cluster = Cluster::with("schedule_lost", |options| options.direct_grants = DirectGrants::Off).await;
    let db = &cluster.db;
    db.schedule("s", &plan(Overlap::Allow, CatchUp::All)).await;
    lose("schedules-committed", "1*return->off");
    db.set_back("s", 0).await;
    assert_eq!(db.until_fired("s", 1).await, ["0 rhythm started"]);
    let run = db.scheduled("s").await.last_run.expect("it started one");
    let mut worker = Worker::join(&cluster).await;
    let grant = worker.takes().await.expect("granted");
    assert_eq!(grant.run, run, "it was published again");
    until(async || db.row(run).await.state == RunState::Running).await;
    assert_eq!(db.firings("s").await.len(), 1);
    cluster.finish().await;
}
