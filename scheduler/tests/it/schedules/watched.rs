//! Missed means that no scheduler was looking.

use std::time::Duration;

use piton_scheduler::store::schedule::Watch;
use piton_shared::trigger::CatchUp;

use super::{every_minute, fired::set_all_back};
use crate::{cluster::Cluster, database::Database, making::ORG};

async fn watch_set(db: &Database, looked: i32, since: i32) {
    let done = sqlx::query(include_str!("../sql/watch_set.sql")).bind(looked).bind(since).execute(&db.pool);
    assert_eq!(done.await.expect("it is ours").rows_affected(), 1);
}

/// Since when the watch has been kept, in seconds before its last look.
fn length(watch: Option<Watch>) -> u64 {
    let watch = watch.expect("it is recorded");
    watch.looked_at.since(watch.since).as_secs()
}

/// As of 10,000 schedules that are due in one minute: the turn of some comes minutes later, and `skip` leaves none of them out.
#[tokio::test(flavor = "multi_thread")]
async fn what_fell_due_while_schedulers_looked_is_late_and_not_missed() {
    let cluster = Cluster::new("schedules_watched").await;
    let db = &cluster.db;
    db.schedule("s", &every_minute(CatchUp::Skip)).await;
    watch_set(db, 0, 3600).await;
    set_all_back(db, 3).await;
    let fired = db.until_fired("s", 4).await;
    assert!(fired.iter().all(|one| one.ends_with("started")), "{fired:?}");
    cluster.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fell_due_while_nobody_looked_is_missed() {
    let cluster = Cluster::new("schedules_unwatched").await;
    let db = &cluster.db;
    db.schedule("s", &every_minute(CatchUp::Skip)).await;
    watch_set(db, 0, 30).await;
    set_all_back(db, 3).await;
    let fired = db.until_fired("s", 1).await;
    assert!(fired[0].contains("missed"), "{fired:?}");
    cluster.finish().await;
}

/// Schedulers went on looking while the org was disabled.
#[tokio::test(flavor = "multi_thread")]
async fn what_fell_due_while_the_org_was_disabled_is_missed() {
    let cluster = Cluster::new("schedules_disabled").await;
    let db = &cluster.db;
    db.schedule("s", &every_minute(CatchUp::Skip)).await;
    watch_set(db, 0, 3600).await;
    db.store.org_disable(&ORG).await.expect("asked").expect("it is there");
    set_all_back(db, 3).await;
    db.store.org_enable(&ORG).await.expect("asked").expect("it is there");
    let fired = db.until_fired("s", 1).await;
    assert!(fired[0].contains("missed"), "{fired:?}");
    cluster.finish().await;
}

#[tokio::test]
async fn a_watch_has_no_gap_or_begins_anew() {
    let db = Database::new("schedule_watch").await;
    let look = async |kept| db.store.schedule_watch(kept).await.expect("looked");
    watch_set(&db, 60, 3600).await;
    assert_eq!(length(look(None).await), 0, "nobody looked for a minute");
    watch_set(&db, 5, 3600).await;
    assert!(length(look(None).await) >= 3600, "the last look was a moment ago");
    watch_set(&db, -60, 3600).await;
    assert_eq!(look(None).await, None, "one that is younger than a second stays");

    // One look that takes half a minute is no gap for the scheduler that is at it.
    watch_set(&db, 2, 3600).await;
    let kept = look(None).await;
    watch_set(&db, 60, 3600).await;
    assert_eq!(length(look(None).await), 0, "another scheduler cannot know that");
    let told = look(kept).await;
    assert!(length(told) >= 3600, "the first one says it: {told:?}");

    // A record that lies before this scheduler's own last look was lost, and with it what is claimed.
    watch_set(&db, 60, 7200).await;
    let restored = look(told).await;
    assert_eq!(length(restored), 0, "{restored:?}");
    assert!(restored.is_some_and(|watch| watch.looked_at.since(watch.since) < Duration::from_secs(1)));
    db.finish().await;
}
