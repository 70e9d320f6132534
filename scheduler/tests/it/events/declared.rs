//! Triggers that are declared beside a workflow.

use piton_scheduler::store::{Change, Changed, Declaration, Source, TriggerRow, TriggerState, trigger};
use piton_shared::{
    name::Queue,
    time::Timestamp,
    trigger::{EventTrigger, InputRule, Trigger},
};
use serde_json::json;

use super::{event, runs};
use crate::{cluster::Cluster, database::Database, making::ORG};

pub(super) fn declared(pattern: &str) -> Trigger {
    Trigger::Event(EventTrigger { pattern: pattern.into(), filter: None, input: InputRule::ByName })
}

pub(super) async fn declare(db: &Database, workflow: &str, since: i64, triggers: &[Trigger]) {
    let mut tx = db.pool.begin().await.expect("a transaction");
    let since = Timestamp::from_micros(since);
    let declaration =
        Declaration { org: &ORG, workflow, queue: &Queue::DEFAULT, since, build: "", rollout: since, triggers };
    trigger::declare(&mut tx, &declaration).await.expect("declared");
    tx.commit().await.expect("committed");
}

async fn listed(db: &Database) -> Vec<TriggerRow> {
    let mut rows = db.store.trigger_list(&ORG, None, None, 100).await.expect("listed");
    rows.sort_by_key(|row| match row.source {
        Source::Declared { place } => place,
        Source::Made => u32::MAX,
    });
    rows
}

fn patterns(rows: &[TriggerRow]) -> Vec<&str> {
    rows.iter().filter_map(|row| row.listens.pattern()).collect()
}

#[tokio::test]
async fn what_stays_keeps_its_id_and_its_state() {
    let db = Database::new("declare").await;
    declare(&db, "order", 10, &[declared("a"), declared("b"), declared("c")]).await;
    let first = listed(&db).await;
    assert_eq!(patterns(&first), ["a", "b", "c"]);
    let paused = Change { state: Some(TriggerState::Paused), ..Change::default() };
    assert!(matches!(db.store.trigger_update(first[1].id, &ORG, &paused).await, Ok(Changed::Done(_))));

    declare(&db, "order", 20, &[declared("b"), declared("d"), declared("a")]).await;
    let second = listed(&db).await;
    assert_eq!(patterns(&second), ["b", "d", "a"]);
    assert_eq!((second[0].id, second[0].state), (first[1].id, TriggerState::Paused));
    assert_eq!((second[2].id, second[2].created_at), (first[0].id, first[0].created_at));
    assert!(second[1].version > first[1].version);

    // Said again it changes nothing, not even the version.
    declare(&db, "order", 21, &[declared("b"), declared("d"), declared("a")]).await;
    assert_eq!(listed(&db).await, second);
    // An older process takes nothing back, also not what is gone.
    declare(&db, "order", 15, &[declared("a")]).await;
    assert_eq!(listed(&db).await, second);
    declare(&db, "order", 30, &[]).await;
    assert!(listed(&db).await.is_empty());
    declare(&db, "order", 29, &[declared("a")]).await;
    assert!(listed(&db).await.is_empty());
    db.finish().await;
}

#[tokio::test]
async fn it_can_be_paused_and_nothing_else() {
    let db = Database::new("declare_paused").await;
    declare(&db, "order", 10, &[declared("a")]).await;
    let id = listed(&db).await[0].id;
    let queue = Change { queue: Some(Queue::new("gpu").expect("a name")), ..Change::default() };
    assert!(matches!(db.store.trigger_update(id, &ORG, &queue).await, Ok(Changed::Declared(_))));
    assert!(matches!(db.store.trigger_delete(id, &ORG).await, Ok(Changed::Declared(_))));
    let other = piton_shared::name::Org::new("other").expect("a name");
    assert!(matches!(db.store.trigger_delete(id, &other).await, Ok(Changed::Unknown)));
    db.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_one_workflow_start_it_once_and_a_change_counts_at_once_everywhere() {
    let cluster = Cluster::new("declare_once").await;
    declare(&cluster.db, "order", 10, &[declared("order.*"), declared("order.paid"), declared("**")]).await;
    let made = cluster.db.trigger("order", "order.paid").await;
    let publish = async |scheduler: usize| {
        let engine = cluster.schedulers[scheduler].engine();
        engine.publish(vec![event("order.paid", &json!(1))]).await.expect("accepted").pop().expect("one")
    };
    for scheduler in [0, 1] {
        assert_eq!(runs(&publish(scheduler).await), 2, "once for what is declared, once for what was made");
    }
    cluster.schedulers[0].engine().store().trigger_delete(made, &ORG).await.expect("removed");
    // The other one knows the triggers from before, and sees that they have changed.
    for scheduler in [1, 0] {
        assert_eq!(runs(&publish(scheduler).await), 1);
    }
    declare(&cluster.db, "order", 11, &[declared("user.*")]).await;
    for scheduler in [1, 0] {
        assert_eq!(runs(&publish(scheduler).await), 0);
    }
    cluster.finish().await;
}
