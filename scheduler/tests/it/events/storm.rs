//! Triggers change while events are published, some of them twice, at several schedulers.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use piton_scheduler::store::{Declaration, trigger};
use piton_shared::{name::Queue, time::Timestamp};
use serde_json::json;

use super::{declared::declared, event};
use crate::{
    cluster::Cluster,
    making::{ORG, until},
};

/// In every version exactly one of two workflows listens, changed over in one transaction: whatever set of triggers an event is
/// matched with, if it is one, it starts exactly one of them. What others change beside that starts nothing of them.
#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_matched_with_one_set_of_triggers() {
    let cluster = Cluster::new("event_storm").await;
    let over = AtomicBool::new(false);
    let change_over = async {
        let mut since = 0;
        while !over.load(Ordering::Relaxed) {
            since += 1;
            let mut tx = cluster.db.pool.begin().await.expect("a transaction");
            for (workflow, turn) in [("left", 0), ("right", 1)] {
                let triggers = if since % 2 == turn { vec![declared("storm.*")] } else { Vec::new() };
                let since = Timestamp::from_micros(since);
                let declaration = Declaration {
                    org: &ORG,
                    workflow,
                    queue: &Queue::DEFAULT,
                    since,
                    build: "",
                    rollout: since,
                    triggers: &triggers,
                };
                trigger::declare(&mut tx, &declaration).await.expect("declared");
            }
            tx.commit().await.expect("committed");
        }
        since
    };
    let meddle = async {
        while !over.load(Ordering::Relaxed) {
            let made = cluster.db.trigger("elsewhere", "other.*").await;
            cluster.db.store.trigger_delete(made, &ORG).await.expect("removed");
        }
    };
    let publish = |publisher: i64| {
        let cluster = &cluster;
        async move {
            let mut events = Vec::new();
            for number in 0..40 {
                let mut new = event("storm.came", &json!(number));
                // Two publishers say each of them.
                new.id = Some(format!("{} {number}", publisher / 2));
                let published = cluster.engine().publish(vec![new]).await.expect("accepted");
                events.push(published[0].event);
            }
            events
        }
    };
    // The first version has to be there before the first event.
    let mut tx = cluster.db.pool.begin().await.expect("a transaction");
    let first = [declared("storm.*")];
    let declaration = Declaration {
        org: &ORG,
        workflow: "left",
        queue: &Queue::DEFAULT,
        since: Timestamp::EPOCH,
        build: "",
        rollout: Timestamp::EPOCH,
        triggers: &first,
    };
    trigger::declare(&mut tx, &declaration).await.expect("declared");
    tx.commit().await.expect("committed");

    let publishing = async {
        let events = join_all((0..8).map(publish)).await;
        over.store(true, Ordering::Relaxed);
        events
    };
    let (events, changes, ()) = tokio::join!(publishing, change_over, meddle);
    assert!(changes > 10, "only {changes} changes were seen");
    until(async || cluster.db.owed().await == 0).await;
    let mut events: Vec<_> = events.into_iter().flatten().collect();
    events.sort_unstable();
    events.dedup();
    assert_eq!(events.len(), 160, "four pairs published forty each");
    for event in events {
        let came = cluster.db.came_of(event).await;
        assert!(came == ["left"] || came == ["right"], "{came:?}");
    }
    let counted = cluster.db.runs_by_workflow().await;
    assert_eq!(counted.values().sum::<i64>(), 160, "{counted:?}");
    assert!(counted.keys().all(|workflow| workflow != "elsewhere"));
    cluster.finish().await;
}
