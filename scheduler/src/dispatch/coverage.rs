//! Which workflows and functions live workers have, as last read: work that none of them has is not published, since each worker
//! that claimed it would only hand it back.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use parking_lot::Mutex;
use piton_shared::limits;

use crate::store::{Needed, Served, ServedReader, Store, StoreError};

/// Answers that are remembered; beyond that the old ones are dropped.
const REMEMBERED: usize = 4096;

/// Knows what live workers have. Cheap to clone; clones share what they know.
///
/// An answer may be one sweep old. One that was yes too late costs a claim and a hand-back, one that was no too late is found by the
/// next sweep.
#[derive(Clone)]
pub struct Coverage {
    store: Store,
    known: Arc<Mutex<HashMap<Needed, (Instant, Served)>>>,
}

impl Coverage {
    /// Reads from a store.
    pub fn new(store: Store) -> Self {
        Self { store, known: Arc::default() }
    }

    /// Those that no live worker has. While the database does not answer, none.
    pub async fn unserved(&self, needed: impl IntoIterator<Item = Needed>) -> HashSet<Needed> {
        self.unserved_over(&mut &self.store, needed).await.unwrap_or_else(|error| {
            tracing::debug!(error = &error as &dyn std::error::Error, "failed to read what live workers have");
            HashSet::new()
        })
    }

    /// Those that no live worker has. What is not known is read by `reader`, for a caller that holds locks on its connection.
    ///
    /// # Errors
    /// When it cannot be read: a transaction of the reader's has failed with it.
    pub async fn unserved_over(
        &self,
        reader: &mut impl ServedReader,
        needed: impl IntoIterator<Item = Needed>,
    ) -> Result<HashSet<Needed>, StoreError> {
        let (mut unserved, mut unknown) = (HashSet::new(), HashSet::new());
        {
            let known = self.known.lock();
            for one in needed {
                match known.get(&one).filter(|(read, _)| read.elapsed() < limits::SWEEP) {
                    Some((_, Served::Yes)) => {}
                    Some((_, Served::No)) => drop(unserved.insert(one)),
                    None => drop(unknown.insert(one)),
                }
            }
        }
        if unknown.is_empty() {
            return Ok(unserved);
        }
        let asked: Vec<_> = unknown.into_iter().collect();
        let read = Instant::now();
        let answers: Vec<_> = reader.served(&asked).await.map(|answers| asked.into_iter().zip(answers).collect())?;
        unserved.extend(answers.iter().filter(|(_, served)| *served == Served::No).map(|(one, _)| one.clone()));
        let mut known = self.known.lock();
        if known.len() + answers.len() > REMEMBERED {
            known.retain(|_, (read, _)| read.elapsed() < limits::SWEEP);
        }
        let room = REMEMBERED.saturating_sub(known.len());
        known.extend(answers.into_iter().take(room).map(|(one, served)| (one, (read, served))));
        Ok(unserved)
    }
}
