//! A schedule fires while its last run goes on.

use piton_shared::{
    state::RunState,
    trigger::{CatchUp, Overlap},
};

use super::plan;
use crate::{
    cluster::{Cluster, SOON},
    making::{ORG, until},
};

#[tokio::test]
async fn skip_leaves_out_what_comes_while_the_last_run_goes_on() {
    let cluster = Cluster::new("overlap_skip").await;
    let db = &cluster.db;
    db.schedule("s", &plan(Overlap::Skip, CatchUp::All)).await;
    db.set_back("s", 0).await;
    db.until_fired("s", 1).await;
    let first = db.scheduled("s").await.last_run.expect("it started one");
    db.set_back("s", 2).await;
    assert_eq!(
        db.until_fired("s", 3).await,
        ["0 rhythm started", "2 rhythm skipped", "1 rhythm skipped"],
        "what has started before starts no second time"
    );
    cluster.engine().kill(first, &ORG, SOON).await.expect("killed");
    db.set_back("s", 4).await;
    let fired = db.until_fired("s", 7).await;
    assert_eq!(fired[3..], ["4 rhythm started", "3 rhythm skipped", "2 rhythm skipped", "1 rhythm skipped"]);
    assert_ne!(db.scheduled("s").await.last_run, Some(first));
    cluster.finish().await;
}

#[tokio::test]
async fn queue_lets_one_wait_for_the_end_of_the_last_run() {
    let cluster = Cluster::new("overlap_queue").await;
    let db = &cluster.db;
    db.schedule("s", &plan(Overlap::Queue, CatchUp::All)).await;
    db.set_back("s", 0).await;
    db.until_fired("s", 1).await;
    let first = db.scheduled("s").await.last_run.expect("it started one");
    db.set_back("s", 2).await;
    assert_eq!(db.until_fired("s", 3).await[1..], ["2 rhythm queued", "1 rhythm skipped"]);
    assert!(db.scheduled("s").await.waiting_at.is_some());
    cluster.engine().kill(first, &ORG, SOON).await.expect("killed");
    assert_eq!(db.until_fired("s", 4).await[3..], ["2 rhythm started"]);
    let row = db.scheduled("s").await;
    assert_eq!(row.waiting_at, None);
    let second = row.last_run.expect("it started another");
    assert_ne!(second, first);
    assert!(!db.row(second).await.state.is_terminal());
    cluster.finish().await;
}

#[tokio::test]
async fn cancel_ends_the_last_run_first() {
    let cluster = Cluster::new("overlap_cancel").await;
    let db = &cluster.db;
    db.schedule("s", &plan(Overlap::Cancel, CatchUp::All)).await;
    db.set_back("s", 0).await;
    db.until_fired("s", 1).await;
    let first = db.scheduled("s").await.last_run.expect("it started one");
    db.set_back("s", 2).await;
    assert_eq!(db.until_fired("s", 3).await[1..], ["2 rhythm skipped", "1 rhythm started"]);
    assert_eq!(db.row(first).await.state, RunState::Cancelled);
    let second = db.scheduled("s").await.last_run.expect("it started another");
    assert!(!db.row(second).await.state.is_terminal());
    cluster.finish().await;
}

#[tokio::test]
async fn allow_starts_another_beside_it() {
    let cluster = Cluster::new("overlap_allow").await;
    let db = &cluster.db;
    db.worker().await;
    db.schedule("s", &plan(Overlap::Allow, CatchUp::All)).await;
    db.set_back("s", 2).await;
    assert_eq!(db.until_fired("s", 3).await, ["2 rhythm started", "1 rhythm started", "0 rhythm started"],);
    let run = db.scheduled("s").await.last_run.expect("it started some");
    let row = db.row(run).await;
    assert_eq!((row.workflow.as_str(), row.tags), ("order", vec!["schedule:s".to_owned()]));
    until(async || db.row(run).await.state == RunState::Queued).await;
    cluster.finish().await;
}
