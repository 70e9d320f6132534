//! Builds side by side: the one that was rolled out last says what starts a workflow, whichever process restarts.

use piton_shared::{
    message::define::{Define, DefinitionKind},
    trigger::{CatchUp, CronTrigger, Overlap, Trigger},
};

use super::{charge, live, on, page};
use crate::{
    cluster::Cluster,
    database::Database,
    making::{ORG, payload, until},
};

/// A build of `charge` that is started by such events, and by a schedule.
fn build(since: i64, build: &str, pattern: &str, expression: &str) -> Define {
    let schedule = Trigger::Cron(CronTrigger {
        name: None,
        expression: expression.into(),
        time_zone: "UTC".into(),
        overlap: Overlap::Skip,
        catch_up: CatchUp::One,
        jitter_millis: 0,
        input: payload("declared"),
    });
    let mut workflow = charge();
    workflow.triggers = vec![on(pattern), schedule];
    page(since, Some(build), vec![workflow])
}

async fn define(db: &Database, define: &Define) {
    db.store.define(define).await.expect("written").expect("the org is there");
}

/// The pattern and the rhythm that start it now.
async fn started_by(db: &Database) -> (String, String) {
    let triggers = db.store.trigger_list(&ORG, None, None, 10).await.expect("listed");
    let schedules = db.store.schedule_list(&ORG, "", None, 10).await.expect("listed");
    let [trigger] = &triggers[..] else { panic!("{triggers:?}") };
    let [schedule] = &schedules[..] else { panic!("{schedules:?}") };
    (trigger.listens.pattern().unwrap_or_default().to_owned(), schedule.plan.expression.clone())
}

/// Its builds, the one that counts first.
async fn builds(db: &Database) -> Vec<String> {
    let rows = db.store.definition_builds(&ORG, DefinitionKind::Workflow, "charge", 10).await.expect("read");
    rows.into_iter().map(|row| row.build).collect()
}

async fn long_ago(db: &Database) {
    let aged = sqlx::query(include_str!("../sql/age_declarations.sql")).bind("charge").execute(&db.pool).await;
    aged.expect("it is ours");
    let aged =
        sqlx::query(include_str!("../sql/age_definition.sql")).bind("charge").bind(120_f64).execute(&db.pool).await;
    aged.expect("it is ours");
}

#[tokio::test]
async fn a_process_of_the_build_before_takes_nothing_back_until_that_is_rolled_back() {
    let db = Database::new("rollouts").await;
    let (old, new) = (("old.*".to_owned(), "@daily".to_owned()), ("new.*".to_owned(), "@hourly".to_owned()));
    define(&db, &build(1, "v1", "old.*", "@daily")).await;
    live(&db.store, Some("v1")).await;
    define(&db, &build(2, "v2", "new.*", "@hourly")).await;
    assert_eq!(started_by(&db).await, new);
    // Of the old build a process restarts: before a worker of the new one has registered, and long after.
    define(&db, &build(3, "v1", "old.*", "@daily")).await;
    assert_eq!(started_by(&db).await, new);
    let worker = live(&db.store, Some("v2")).await;
    long_ago(&db).await;
    define(&db, &build(4, "v1", "old.*", "@daily")).await;
    assert_eq!(started_by(&db).await, new);
    assert_eq!(builds(&db).await, ["v2", "v1"]);
    // Another process of the new one says the same again.
    define(&db, &build(3, "v2", "new.*", "@hourly")).await;
    // It is rolled back: no worker of it lives any more.
    db.store.leave(worker).await.expect("it leaves");
    long_ago(&db).await;
    define(&db, &build(5, "v1", "old.*", "@daily")).await;
    assert_eq!(started_by(&db).await, old);
    assert_eq!(builds(&db).await, ["v1", "v2"]);
    db.finish().await;
}

/// As in a rolling undo: no process of the old build starts after the last worker of the new one has left.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_rollback_the_live_build_is_declared_again_without_a_restart() {
    let cluster = Cluster::new("rolled_back").await;
    let db = &cluster.db;
    let (old, new) = (("old.*".to_owned(), "@daily".to_owned()), ("new.*".to_owned(), "@hourly".to_owned()));
    define(db, &build(1, "v1", "old.*", "@daily")).await;
    define(db, &build(2, "v2", "new.*", "@hourly")).await;
    let worker = live(&db.store, Some("v2")).await;
    long_ago(db).await;
    define(db, &build(3, "v1", "old.*", "@daily")).await;
    live(&db.store, Some("v1")).await;
    let after = Default::default();
    let left = async || db.store.declarations_left(&after, 10).await.expect("asked");
    assert_eq!((started_by(db).await, left().await.len()), (new.clone(), 0), "it lives");
    db.store.leave(worker).await.expect("it leaves");
    assert_eq!((started_by(db).await, left().await.len()), (new, 0), "it may be about to return");
    let aged = sqlx::query(include_str!("../sql/age_end.sql")).bind(worker.uuid()).bind(90);
    aged.execute(&db.pool).await.expect("it is ours");
    until(async || started_by(db).await == old).await;
    assert_eq!(left().await, []);
    cluster.finish().await;
}

#[tokio::test]
async fn a_list_shows_the_build_that_counts() {
    let db = Database::new("rollouts_listed").await;
    let listed = async || {
        let rows = db.store.definitions_list(&ORG, Some(DefinitionKind::Workflow), None, 10).await.expect("listed");
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(row.builds, builds(&db).await);
        row.counting.triggers.clone()
    };
    define(&db, &build(1, "v1", "old.*", "@daily")).await;
    define(&db, &build(2, "v2", "new.*", "@hourly")).await;
    assert_eq!(listed().await[0], on("new.*"));
    live(&db.store, Some("v1")).await;
    long_ago(&db).await;
    assert_eq!(listed().await[0], on("old.*"));
    db.finish().await;
}

/// The version that events are matched under.
async fn version(db: &Database) -> i64 {
    db.store.triggers_active(&[ORG.to_string()]).await.expect("read")[0].version
}

#[tokio::test]
async fn another_worker_of_a_build_has_nothing_matched_anew() {
    let db = Database::new("rollouts_version").await;
    define(&db, &build(1, "v1", "old.*", "@daily")).await;
    live(&db.store, Some("v1")).await;
    long_ago(&db).await;
    let first = version(&db).await;
    define(&db, &build(2, "v1", "old.*", "@daily")).await;
    assert_eq!(version(&db).await, first);
    let mut other = build(3, "v1", "old.*", "@daily");
    other.definitions[0].parameters.pop();
    define(&db, &other).await;
    assert!(version(&db).await > first, "its inputs have changed");
    db.finish().await;
}
