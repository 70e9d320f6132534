//! Schedules that are declared beside a workflow.

use piton_scheduler::store::{Declaration, Fault, StoreError, schedule::declare};
use piton_shared::{
    name::Queue,
    time::Timestamp,
    trigger::{CatchUp, CronTrigger, Overlap, Trigger},
};

use super::plan;
use crate::{
    database::Database,
    making::{ORG, payload},
};

fn cron(name: Option<&str>, expression: &str) -> Trigger {
    Trigger::Cron(CronTrigger {
        name: name.map(Into::into),
        expression: expression.into(),
        time_zone: "Europe/Berlin".into(),
        overlap: Overlap::Skip,
        catch_up: CatchUp::One,
        jitter_millis: 0,
        input: payload("declared"),
    })
}

async fn declares(db: &Database, workflow: &str, since: i64, triggers: &[Trigger]) -> Result<(), StoreError> {
    let mut tx = db.pool.begin().await.expect("a transaction");
    let since = Timestamp::from_micros(since);
    let declaration =
        Declaration { org: &ORG, workflow, queue: &Queue::DEFAULT, since, build: "", rollout: since, triggers };
    let declared = declare(&mut tx, &declaration).await;
    if declared.is_ok() {
        tx.commit().await.expect("it commits");
    }
    declared
}

async fn there(db: &Database) -> Vec<String> {
    let rows = db.store.schedule_list(&ORG, "", None, 100).await.expect("asked");
    let shown = |row: piton_scheduler::store::ScheduleRow| {
        format!("{} {} {} {}", row.name, row.origin.as_str(), row.state.as_str(), row.plan.expression)
    };
    rows.into_iter().map(shown).collect()
}

#[tokio::test]
async fn the_whole_set_is_replaced_and_what_stays_keeps_its_progress() {
    let db = Database::new("declared_set").await;
    db.schedule("by-api", &plan(Overlap::Allow, CatchUp::One)).await;
    let first = [cron(None, "0 9 * * *"), cron(None, "0 18 * * *"), cron(Some("yearly"), "@yearly")];
    declares(&db, "report", 1, &first).await.expect("declared");
    assert_eq!(
        there(&db).await,
        [
            "by-api api active @yearly",
            "report declared active 0 9 * * *",
            "report-2 declared active 0 18 * * *",
            "yearly declared active @yearly",
        ]
    );
    // One is behind, one is paused, and all are declared again: they stand as they stood.
    db.set_back("yearly", 3).await;
    db.store.schedule_pause(&ORG, "report").await.expect("paused");
    let before = [db.scheduled("yearly").await, db.scheduled("report").await];
    declares(&db, "report", 2, &first).await.expect("declared");
    for row in before {
        let now = db.scheduled(&row.name).await;
        assert_eq!((now.id, now.next, now.state, now.changed_at), (row.id, row.next, row.state, row.changed_at));
    }
    // Another rhythm counts from now on; what is gone is deleted; what is paused stays so.
    declares(&db, "report", 3, &[cron(None, "0 10 * * *"), cron(Some("yearly"), "0 0 2 1 *")]).await.expect("declared");
    assert_eq!(
        there(&db).await,
        ["by-api api active @yearly", "report declared paused 0 10 * * *", "yearly declared active 0 0 2 1 *"]
    );
    let yearly = db.scheduled("yearly").await;
    assert!(yearly.next.expect("it fires").occurrence > yearly.now);
    // Another workflow's are its own.
    declares(&db, "other", 1, &[]).await.expect("declared");
    declares(&db, "report", 4, &[]).await.expect("declared");
    assert_eq!(there(&db).await, ["by-api api active @yearly"]);
    db.finish().await;
}

#[tokio::test]
async fn an_older_process_takes_nothing_back() {
    let db = Database::new("declared_since").await;
    declares(&db, "report", 5, &[]).await.expect("declared");
    declares(&db, "report", 4, &[cron(None, "@daily")]).await.expect("passed over");
    assert!(there(&db).await.is_empty(), "a later one has declared that there is none");
    declares(&db, "report", 6, &[cron(None, "@daily")]).await.expect("declared");
    declares(&db, "report", 5, &[cron(None, "@hourly")]).await.expect("passed over");
    assert_eq!(there(&db).await, ["report declared active @daily"]);
    db.finish().await;
}

#[tokio::test]
async fn a_name_that_is_taken_refuses_the_declaration() {
    let db = Database::new("declared_taken").await;
    db.schedule("daily", &plan(Overlap::Allow, CatchUp::One)).await;
    let refused = declares(&db, "report", 1, &[cron(None, "@hourly"), cron(Some("daily"), "@daily")]).await;
    let refused = refused.expect_err("its name is taken");
    assert_eq!(refused.fault(), Fault::BadRow);
    insta::assert_snapshot!(refused.reason());
    assert_eq!(there(&db).await, ["daily api active @yearly"]);
    db.finish().await;
}
