//! What has expired is deleted however much it is.

use piton_shared::limits;

use super::Cluster;
use crate::{
    database::Database,
    making::{LONG, until},
};

#[tokio::test]
async fn a_sweep_deletes_until_nothing_expired_is_left() {
    let db = Database::new("expired_all").await;
    let keys = limits::SWEEP_ROWS * 4 + 1;
    sqlx::query(include_str!("../sql/expired_keys.sql")).bind(keys).execute(&db.pool).await.expect("made");
    let events = limits::SWEEP_ROWS * 2 + 1;
    sqlx::query(include_str!("../sql/old_events.sql")).bind(events).execute(&db.pool).await.expect("made");
    // There is one sweep in this test: what it leaves is left.
    let cluster = Cluster::on(db, |options| options.sweep = LONG).await;
    for count in [include_str!("../sql/count_keys.sql"), include_str!("../sql/count_events.sql")] {
        until(async || {
            let left = sqlx::query_scalar::<_, i64>(count).fetch_one(&cluster.db.pool).await;
            left.expect("counted") == 0
        })
        .await;
    }
    cluster.finish().await;
}
