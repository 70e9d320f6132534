//! What the database counts by itself.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::psql::Psql;

/// Needs `pg_stat_wal`, and so Postgres 14.
const COUNTS: &str = include_str!("sql/counts.sql");
const SETTINGS: &str = include_str!("sql/settings.sql");

/// A database whose counters can be read.
#[derive(Debug, Clone)]
pub struct Database(Psql);

/// Counters, or what they rose by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct DatabaseCounts {
    /// Transactions committed, those of sweeps and heartbeats included.
    pub commits: u64,
    /// Transactions rolled back.
    pub rollbacks: u64,
    /// Rows inserted, updated and deleted, in all tables.
    pub rows_written: u64,
    /// Rows inserted into the journal.
    pub journal_rows: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Times the log was flushed to disk by `fsync` or the like.
    pub wal_syncs: u64,
}

impl Database {
    /// Through the client `psql`.
    pub fn new(psql: Psql) -> Self {
        Self(psql)
    }

    /// The counters as they stand.
    pub async fn counts(&self) -> anyhow::Result<DatabaseCounts> {
        self.0.json(COUNTS).await
    }

    /// The settings on which durability hangs, and the server's version.
    pub async fn settings(&self) -> anyhow::Result<BTreeMap<String, String>> {
        self.0.json(SETTINGS).await
    }
}

impl DatabaseCounts {
    /// What was counted since.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            commits: self.commits.saturating_sub(before.commits),
            rollbacks: self.rollbacks.saturating_sub(before.rollbacks),
            rows_written: self.rows_written.saturating_sub(before.rows_written),
            journal_rows: self.journal_rows.saturating_sub(before.journal_rows),
            wal_bytes: self.wal_bytes.saturating_sub(before.wal_bytes),
            wal_syncs: self.wal_syncs.saturating_sub(before.wal_syncs),
        }
    }
}
