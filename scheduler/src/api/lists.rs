//! Turns at reading lists: an org that reads many, or costly ones, makes nobody else wait.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use piton_shared::{
    limits::{LIST_PATIENCE, LISTS, LISTS_OF_ORG, LISTS_WAITING},
    name::Org,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{problem::Problem, routes::Door};
use crate::store::Store;

/// Who reads lists. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    /// As many as there are connections for them.
    all: Arc<Semaphore>,
    /// An org stands here only while it reads or waits.
    orgs: Arc<Mutex<HashMap<Org, Arc<OrgLists>>>>,
}

#[derive(Debug)]
struct OrgLists {
    /// Those that are read or wait.
    asked: Arc<Semaphore>,
    /// Those that are read.
    reading: Arc<Semaphore>,
}

/// A turn at reading a list; it is over when this is dropped.
pub(super) struct Turn {
    store: Store,
    _reading: (OwnedSemaphorePermit, OwnedSemaphorePermit),
    _asked: Asked,
}

impl Turn {
    /// Where it is read: each statement may take [`piton_shared::limits::LIST_TIME`].
    pub(super) fn store(&self) -> &Store {
        &self.store
    }
}

/// A place among those of an org that read or wait.
struct Asked {
    org: Org,
    orgs: Arc<Mutex<HashMap<Org, Arc<OrgLists>>>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut orgs = self.orgs.lock();
        self.permit = None;
        let all = LISTS_OF_ORG + LISTS_WAITING;
        if orgs.get(&self.org).is_some_and(|lists| lists.asked.available_permits() == all) {
            orgs.remove(&self.org);
        }
    }
}

impl Default for Lists {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(LISTS)), orgs: Arc::default() }
    }
}

impl Lists {
    /// Waits for the org's turn; refused when too many wait, or when it does not come in time.
    async fn turn(&self, org: &Org, store: Store) -> Result<Turn, Problem> {
        let (asked, lists) = self.ask(org).ok_or_else(Problem::too_many_lists)?;
        let reading = async {
            let own = Arc::clone(&lists.reading).acquire_owned().await.expect("the semaphore is never closed");
            let all = Arc::clone(&self.all).acquire_owned().await.expect("the semaphore is never closed");
            (own, all)
        };
        match tokio::time::timeout(LIST_PATIENCE, reading).await {
            Ok(reading) => Ok(Turn { store, _reading: reading, _asked: asked }),
            Err(_) => Err(Problem::too_many_lists()),
        }
    }

    /// A place among those of the org, if it has one.
    fn ask(&self, org: &Org) -> Option<(Asked, Arc<OrgLists>)> {
        let mut orgs = self.orgs.lock();
        let lists = Arc::clone(orgs.entry(org.clone()).or_insert_with(|| {
            Arc::new(OrgLists {
                asked: Arc::new(Semaphore::new(LISTS_OF_ORG + LISTS_WAITING)),
                reading: Arc::new(Semaphore::new(LISTS_OF_ORG)),
            })
        }));
        let permit = Arc::clone(&lists.asked).try_acquire_owned().ok()?;
        Some((Asked { org: org.clone(), orgs: Arc::clone(&self.orgs), permit: Some(permit) }, lists))
    }
}

impl Door {
    /// The org's turn at reading a list.
    pub(super) async fn list(&self, org: &Org) -> Result<Turn, Problem> {
        self.lists.turn(org, self.engine.store().for_lists()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_org_has_so_many_places_and_leaves_the_others_some() {
        let (lists, one, two) = (Lists::default(), Org::DEFAULT, Org::new("two").expect("a name"));
        let reading = async |org: &Org| {
            let (asked, places) = lists.ask(org).expect("a place");
            (Arc::clone(&places.reading).try_acquire_owned().ok(), asked)
        };
        let mut held = Vec::new();
        for place in 0..LISTS_OF_ORG + LISTS_WAITING {
            held.push(reading(&one).await);
            assert_eq!(held[place].0.is_some(), place < LISTS_OF_ORG, "{place}");
        }
        assert!(lists.ask(&one).is_none(), "one more has no place");
        assert!(reading(&two).await.0.is_some());
        drop(held);
        assert!(lists.orgs.lock().is_empty(), "an org that reads nothing is forgotten");
    }
}
