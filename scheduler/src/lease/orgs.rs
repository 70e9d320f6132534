//! Which org each worker belongs to.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use piton_shared::{ids::WorkerId, name::Org};

use crate::store::{Store, StoreError};

/// Workers remembered at once. At the bound all are forgotten and looked up again.
const WORKERS: usize = 100_000;

/// The org of each worker that asked here or was told something: looked up once, because it never changes. Cheap to clone.
#[derive(Clone)]
pub struct WorkerOrgs {
    store: Store,
    known: Arc<Mutex<HashMap<WorkerId, Org>>>,
}

impl WorkerOrgs {
    /// Looks workers up in a store.
    pub fn new(store: Store) -> Self {
        Self { store, known: Arc::default() }
    }

    /// The org of a worker; none for one that never registered.
    pub async fn of(&self, worker: WorkerId) -> Result<Option<Org>, StoreError> {
        if let Some(org) = self.known.lock().get(&worker) {
            return Ok(Some(org.clone()));
        }
        let Some(org) = self.store.worker_org(worker).await? else {
            return Ok(None);
        };
        let mut known = self.known.lock();
        if known.len() >= WORKERS {
            known.clear();
        }
        known.insert(worker, org.clone());
        Ok(Some(org))
    }
}
