//! Run ids by the database's clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use piton_shared::ids::{RunId, uuid_v7};

use crate::store::{Store, StoreError};

/// Makes run ids. Its time is this machine's, corrected by how far the database's was away when last asked.
#[derive(Debug, Clone, Default)]
pub struct RunClock {
    ahead: Arc<AtomicI64>,
}

impl RunClock {
    /// Asks the database for its time.
    pub async fn correct(&self, store: &Store) -> Result<(), StoreError> {
        let theirs = i64::try_from(store.database_time().await?).unwrap_or(i64::MAX);
        self.ahead.store(theirs.saturating_sub(here()), Ordering::Relaxed);
        Ok(())
    }

    /// A fresh id.
    pub fn run_id(&self) -> RunId {
        let millis = here().saturating_add(self.ahead.load(Ordering::Relaxed));
        RunId::new(uuid_v7(u64::try_from(millis).unwrap_or(0), rand::random()))
    }
}

fn here() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
