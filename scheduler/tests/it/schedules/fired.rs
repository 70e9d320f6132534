//! What fires, and what does not.

use std::time::Duration;

use piton_scheduler::{
    server::{Scheduler, SchedulerOptions},
    store::schedule::{Changed, Plan},
};
use piton_shared::{
    codec, limits,
    message::{
        define::{Define, Definition, DefinitionKind},
        read::More,
    },
    name::Queue,
    time::Timestamp,
    trigger::{CatchUp, Overlap},
};

use super::{every_minute, plan};
use crate::{
    cluster::{Cluster, SOON},
    database::Database,
    making::ORG,
};

async fn counts(db: &Database) -> (i64, i64, i64, i64) {
    sqlx::query_as(include_str!("../sql/firings_runs.sql")).fetch_one(&db.pool).await.expect("it is ours")
}

pub(super) async fn set_all_back(db: &Database, minutes: i32) {
    let done = sqlx::query(include_str!("../sql/schedules_set_back.sql")).bind(minutes).execute(&db.pool).await;
    done.expect("it is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_schedulers_start_one_run_for_each_time_of_two_hundred_schedules() {
    let mut cluster = Cluster::new("schedules_race").await;
    let mut options = SchedulerOptions::new(&*cluster.db.url, cluster.nats.url());
    options.sweep = Duration::from_millis(50);
    cluster.schedulers.push(Scheduler::start(options).await.expect("it starts"));
    let db = &cluster.db;
    for number in 0..200 {
        db.schedule(&format!("s{number}"), &every_minute(CatchUp::All)).await;
    }
    set_all_back(db, 3).await;
    db.until_looked().await;
    let (firings, times, runs, all) = counts(db).await;
    assert!(firings >= 800, "four times each, at least: {firings}");
    assert_eq!((times, runs, all), (firings, firings, firings));
    // Set back again, nothing starts a second time.
    set_all_back(db, 2).await;
    db.until_looked().await;
    let (firings, times, runs, all) = counts(db).await;
    assert_eq!((times, runs, all), (firings, firings, firings));
    cluster.finish().await;
}

/// One look starts no more than fits into a commit, and the next one goes on with the others.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_for_one_look_is_fired_by_the_next() {
    let cluster = Cluster::new("schedules_many").await;
    let db = &cluster.db;
    for number in 0..12 {
        db.schedule(&format!("s{number}"), &every_minute(CatchUp::All)).await;
    }
    set_all_back(db, 300).await;
    db.until_looked().await;
    let (firings, times, runs, all) = counts(db).await;
    assert!(firings >= 1200, "a hundred times each, at least: {firings}");
    assert_eq!((times, runs, all), (firings, firings, firings));
    cluster.finish().await;
}

#[tokio::test]
async fn an_outage_is_made_up_for_as_the_policy_says() {
    let cluster = Cluster::new("schedules_outage").await;
    let db = &cluster.db;
    for (name, catch_up) in [("skip", CatchUp::Skip), ("one", CatchUp::One), ("all", CatchUp::All)] {
        db.schedule(name, &plan(Overlap::Allow, catch_up)).await;
        db.set_back(name, 2).await;
    }
    assert_eq!(db.until_fired("skip", 1).await, ["0 rhythm missed 3 since 2"]);
    assert_eq!(db.until_fired("one", 2).await, ["1 rhythm missed 2 since 2", "0 rhythm started"]);
    assert_eq!(db.until_fired("all", 3).await.len(), 3);
    assert_eq!(counts(db).await.3, 4);
    // As many as are ever made up for, and the rest is on record.
    let monthly = Plan { expression: "@monthly".into(), ..plan(Overlap::Allow, CatchUp::All) };
    db.schedule("monthly", &monthly).await;
    db.set_back("monthly", 12).await;
    let fired = db.until_fired("monthly", 1 + limits::CATCH_UP).await;
    assert_eq!(fired.len(), 1 + limits::CATCH_UP);
    assert!(fired[0].contains("missed") && fired[0].ends_with("since 12"), "{fired:?}");
    assert!(fired[1..].iter().all(|one| one.ends_with("started")), "{fired:?}");
    cluster.finish().await;
}

#[tokio::test]
async fn one_that_is_paused_fires_nothing_and_makes_up_for_nothing() {
    let cluster = Cluster::new("schedules_paused").await;
    let db = &cluster.db;
    for name in ["paused", "beside"] {
        db.schedule(name, &plan(Overlap::Allow, CatchUp::All)).await;
    }
    let paused = db.store.schedule_pause(&ORG, "paused").await.expect("asked");
    assert!(matches!(paused, Some(Changed::Done(_))), "{paused:?}");
    let again = db.store.schedule_pause(&ORG, "paused").await.expect("asked");
    assert!(matches!(again, Some(Changed::Before(_))), "{again:?}");
    // What is due together is looked at together.
    db.set_back("paused", 0).await;
    db.set_back("beside", 0).await;
    db.until_fired("beside", 1).await;
    assert!(db.firings("paused").await.is_empty());
    db.store.schedule_resume(&ORG, "paused").await.expect("resumed");
    let next = db.scheduled("paused").await.next.expect("it fires again");
    assert!(next.occurrence > db.scheduled("paused").await.now);
    db.set_back("beside", 1).await;
    db.until_fired("beside", 2).await;
    assert!(db.firings("paused").await.is_empty());
    cluster.finish().await;
}

#[tokio::test]
async fn an_input_that_the_workflow_does_not_take_is_refused_on_record() {
    let cluster = Cluster::new("schedules_refused").await;
    let db = &cluster.db;
    let definition = Definition {
        kind: DefinitionKind::Workflow,
        name: "order".into(),
        description: String::new(),
        parameters: Vec::new(),
        input_schema: r#"{"type": "object", "required": ["amount"]}"#.into(),
        output_schema: "true".into(),
        triggers: Vec::new(),
    };
    let define = Define {
        org: ORG,
        build: None,
        queue: Queue::DEFAULT,
        since: Timestamp::from_micros(1),
        definitions: vec![definition],
        more: More::End,
    };
    db.store.define(&define).await.expect("asked").expect("the org is there");
    // The reason quotes it, and no text in the database may have this character.
    let input = codec::encode("in\0put").expect("text encodes");
    db.schedule("s", &Plan { input, ..plan(Overlap::Cancel, CatchUp::All) }).await;
    db.set_back("s", 0).await;
    let fired = db.until_fired("s", 1).await;
    insta::assert_snapshot!(fired.join("\n"));
    assert_eq!(db.scheduled("s").await.last_run, None);
    cluster.finish().await;
}

#[tokio::test]
async fn one_whose_firing_the_database_refuses_holds_up_no_other() {
    let cluster = Cluster::new("schedules_poison").await;
    let db = &cluster.db;
    db.schedule("bad", &plan(Overlap::Allow, CatchUp::Skip)).await;
    db.schedule("good", &plan(Overlap::Allow, CatchUp::All)).await;
    sqlx::query(include_str!("../sql/firings_never_missed.sql")).execute(&db.pool).await.expect("it is ours");
    // In one statement, so that they are looked at together.
    set_all_back(db, 600 * 24 * 60).await;
    db.until_fired("good", 1).await;
    db.until_looked().await;
    let bad = db.scheduled("bad").await;
    assert!(bad.next.is_some_and(|next| next.fire_at > bad.now), "put off: {bad:?}");
    assert!(db.firings("bad").await.is_empty());
    cluster.finish().await;
}

#[tokio::test]
async fn a_rhythm_that_is_not_read_any_more_fires_no_more_and_says_so() {
    let cluster = Cluster::new("schedules_unread").await;
    let db = &cluster.db;
    // Made by a build that knew this zone.
    let elsewhere = Plan { time_zone: "Mars/Olympus".into(), ..plan(Overlap::Allow, CatchUp::All) };
    db.schedule("s", &elsewhere).await;
    db.set_back("s", 0).await;
    let fired = db.until_fired("s", 1).await;
    assert!(fired[0].contains("refused: there is no time zone `Mars/Olympus`"), "{fired:?}");
    assert!(db.scheduled("s").await.next.is_none());
    cluster.finish().await;
}

#[tokio::test]
async fn nothing_fires_before_its_time() {
    let db = Database::new("schedules_early").await;
    db.schedule("s", &plan(Overlap::Allow, CatchUp::All)).await;
    assert!(db.store.schedules_lock(10, None).await.expect("looked").is_none());
    let due = db.store.schedules_next_due().await.expect("asked").expect("it fires some day");
    assert!(due > Duration::from_secs(1) && due < Duration::from_hours(367 * 24));
    db.set_back("s", 0).await;
    assert!(db.store.schedules_lock(10, None).await.expect("looked").is_some());
    db.finish().await;
}

#[tokio::test]
async fn old_firings_are_forgotten() {
    let cluster = Cluster::new("schedules_forget").await;
    let db = &cluster.db;
    db.schedule("s", &plan(Overlap::Allow, CatchUp::All)).await;
    db.set_back("s", 1).await;
    db.until_fired("s", 2).await;
    assert_eq!(db.store.forget_firings(limits::FIRINGS_KEPT, 10).await.expect("looked"), 0);
    let aged = sqlx::query(include_str!("../sql/firings_age.sql")).bind(31).execute(&db.pool).await;
    assert_eq!(aged.expect("it is ours").rows_affected(), 2);
    // The schedulers sweep too; whoever comes first.
    db.store.forget_firings(limits::FIRINGS_KEPT, 10).await.expect("looked");
    assert!(db.firings("s").await.is_empty());
    assert!(SOON < limits::FIRINGS_KEPT);
    cluster.finish().await;
}

#[tokio::test]
async fn a_crowd_that_changes_schedules_leaves_connections_to_who_fires() {
    let db = Database::new("schedules_crowd").await;
    db.schedule("s", &plan(Overlap::Allow, CatchUp::All)).await;
    db.set_back("s", 0).await;
    let firing = db.store.schedules_lock(10, None).await.expect("looked").expect("it is due");
    let crowd = (0..20).map(|_| db.store.schedule_pause(&ORG, "s"));
    let fires = async {
        db.until_waiting(1).await;
        // What it asks while it has the locks, on a connection more.
        let asked = db.store.definition_builds(&ORG, DefinitionKind::Workflow, "order", 1).await;
        drop(firing);
        asked.expect("there is a connection left");
    };
    let (paused, ()) = tokio::join!(futures::future::join_all(crowd), fires);
    let paused: Vec<_> = paused.into_iter().map(|paused| paused.expect("it is answered")).collect();
    assert_eq!(paused.iter().filter(|one| matches!(one, Some(Changed::Done(_)))).count(), 1, "{paused:?}");
    db.finish().await;
}
