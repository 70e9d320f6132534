//! Migrations that are run by several at once.

use sqlx::migrate::Migrate as _;

use crate::{database::Database, making::until};

#[tokio::test]
async fn a_migration_waits_for_one_that_takes_longer_than_a_statement_waits_for_locks() {
    let db = Database::new("migrate_waits").await;
    let mut other = db.pool.acquire().await.expect("a connection");
    other.lock().await.expect("another process migrates");
    let long = async {
        until(async || {
            let waits = sqlx::query_scalar::<_, bool>(include_str!("../sql/migration_waits.sql"));
            waits.fetch_one(&db.pool).await.expect("the catalogue answers")
        })
        .await;
        other.unlock().await.expect("the other process is done");
    };
    let (migrated, ()) = tokio::join!(db.store.migrate(), long);
    migrated.expect("the second waits for the first");
    drop(other);
    db.finish().await;
}
