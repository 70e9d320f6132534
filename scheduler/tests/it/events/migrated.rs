//! A migration runs while schedulers do.

use serde_json::json;

use super::{event, runs};
use crate::{
    cluster::Cluster,
    making::{LONG, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn events_are_matched_while_tables_change() {
    let cluster = Cluster::with("event_migrated", |options| options.sweep = LONG).await;
    let db = &cluster.db;
    let engine = cluster.schedulers[0].engine();
    let publish = async || engine.publish(vec![event("order.paid", &json!(1))]).await.expect("accepted").remove(0);
    db.trigger("order", "order.*").await;
    // Every connection has prepared its statements.
    for _ in 0..16 {
        assert_eq!(runs(&publish().await), 1);
    }
    sqlx::raw_sql(include_str!("../sql/add_columns.sql")).execute(&db.pool).await.expect("it is ours");
    // The triggers are read anew.
    db.trigger("refund", "order.*").await;
    for _ in 0..16 {
        assert_eq!(runs(&publish().await), 2);
    }
    // What a statement answers has changed: a connection that says so is not used again, and what failed is tried again.
    sqlx::raw_sql(include_str!("../sql/change_type.sql")).execute(&db.pool).await.expect("it is ours");
    until(async || matches!(publish().await.matching, piton_scheduler::event::Matching::Done(_))).await;
    for _ in 0..16 {
        assert_eq!(runs(&publish().await), 2);
    }
    drop(engine);
    cluster.finish().await;
}
