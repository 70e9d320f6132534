//! Builds side by side: the one that was rolled out last says what starts a workflow, whichever process restarts.

use piton_shared::{
    message::define::{Define, DefinitionKind},
    trigger::{CatchUp, CronTrigger, Overlap, Trigger},
};

use super::{charge, live, on, page};
use crate::{
    database::Database,
    making::{ORG, payload},
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
