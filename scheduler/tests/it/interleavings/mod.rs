//! Two things at once, each order of their commits. One of them is held up in its middle: inside a statement by a lock of
//! the test's own, between two statements at a named failpoint. Those are one registry a process, so tests that name one
//! need a process of their own, as nextest gives them.

mod batch_storm;
mod batches;
mod claims;
mod controls;
#[cfg(feature = "failpoints")]
mod crashed;
mod holds;
mod steps;
#[cfg(feature = "failpoints")]
mod stopped;
mod storm;
mod timers;

use sqlx::{Postgres, Transaction};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::database::Database;

/// What holds somebody up until it is let go.
pub(crate) struct Obstacle(Transaction<'static, Postgres>);

impl Obstacle {
    /// Executes a statement about one thing and does not commit.
    pub(crate) async fn put(db: &Database, sql: &'static str, about: Uuid) -> Self {
        let mut tx = db.pool.begin().await.expect("a transaction");
        let done = sqlx::query(sql).bind(about).execute(&mut *tx).await;
        assert_eq!(done.expect("it is ours").rows_affected(), 1);
        Self(tx)
    }

    pub(crate) async fn remove(self) {
        self.0.rollback().await.expect("it is free");
    }
}

/// Begins something and waits until it is held up, the so-maniest.
pub(crate) async fn held_up<T: Send + 'static>(
    db: &Database,
    number: i64,
    what: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    let begun = tokio::spawn(what);
    db.until_waiting(number).await;
    begun
}
