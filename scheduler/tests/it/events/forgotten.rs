//! Events and keys are kept for a while.

use std::time::Duration;

use piton_shared::limits;
use serde_json::json;

use super::event;
use crate::{cluster::Cluster, making::ORG};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_forgotten_unless_it_is_owed() {
    let cluster = Cluster::new("event_forget").await;
    cluster.db.trigger("order", "order.*").await;
    let mut new = event("order.paid", &json!(1));
    new.id = Some("o1".into());
    let published = cluster.engine().publish(vec![new]).await.expect("accepted");
    let id = published[0].event;
    let store = &cluster.db.store;
    store.events_forget(limits::EVENTS_KEPT, 100).await.expect("asked");
    assert!(store.event_get(id, &ORG).await.expect("read").is_some(), "it is young");
    assert_eq!(store.event_keys_forget(100).await.expect("asked"), 0);

    sqlx::query(include_str!("../sql/owe_event.sql")).bind(id).execute(&cluster.db.pool).await.expect("owed");
    store.events_forget(Duration::ZERO, 100).await.expect("asked");
    assert!(store.event_get(id, &ORG).await.expect("read").is_some(), "it is owed");

    sqlx::query(include_str!("../sql/forgive_events.sql")).execute(&cluster.db.pool).await.expect("forgiven");
    assert_eq!(store.events_forget(Duration::ZERO, 100).await.expect("asked"), 1);
    assert!(store.event_get(id, &ORG).await.expect("read").is_none());
    cluster.db.tamper(include_str!("../sql/age_event_keys.sql"), id).await;
    assert_eq!(store.event_keys_forget(100).await.expect("asked"), 1);
    cluster.finish().await;
}
