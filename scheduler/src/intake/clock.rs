//! Run ids by the database's clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use piton_shared::ids::{RunId, uuid_v7};
use uuid::Uuid;

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
        RunId::new(uuid_v7(self.millis(), rand::random()))
    }

    /// Fresh ids for what belongs together, each greater than the one before.
    pub fn in_order(&self, ids: usize) -> Vec<Uuid> {
        /// What a UUIDv7 has room for behind its millisecond: twelve bits.
        const COUNTED: usize = 1 << 12;
        let now = self.millis();
        let id = |place: usize| {
            let mut random: [u8; 10] = rand::random();
            let count = u16::try_from(place % COUNTED).unwrap_or(0).to_be_bytes();
            random[..2].copy_from_slice(&count);
            uuid_v7(now + (place / COUNTED) as u64, random)
        };
        (0..ids).map(id).collect()
    }

    fn millis(&self) -> u64 {
        u64::try_from(here().saturating_add(self.ahead.load(Ordering::Relaxed))).unwrap_or(0)
    }
}

fn here() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_sorts_as_it_came() {
        let ids = RunClock::default().in_order(10_000);
        assert!(ids.is_sorted());
        assert!(ids.windows(2).all(|two| two[0] != two[1]));
        assert_eq!(ids.len(), 10_000);
    }
}
