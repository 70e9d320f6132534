//! Keys that were looked up a moment ago, and the notes of their use.

use std::{collections::HashMap, sync::Arc, time::Instant};

use parking_lot::Mutex;
use piton_shared::{ids::KeyId, name::Org};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::scope::Scopes;
use crate::{
    api::{
        limits,
        secret::{Secret, same},
    },
    store::{KeyFound, Noted, OrgState, Store, StoreError},
};

/// A key as the database had it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) key: KeyId,
    pub(super) org: Org,
    pub(super) scopes: Scopes,
    pub(super) org_state: OrgState,
    /// When it expires, by this process's clock.
    expires: Option<Instant>,
    seen: Instant,
}

impl Known {
    fn new(found: KeyFound) -> Self {
        let seen = Instant::now();
        // Beyond what the clock can say is as good as never.
        let expires = found.expires_in.and_then(|left| seen.checked_add(left));
        Self { key: found.key, org: found.org, scopes: found.scopes, org_state: found.org_state, expires, seen }
    }

    pub(super) fn has_expired(&self) -> bool {
        self.expires.is_some_and(|at| at <= Instant::now())
    }
}

/// Keys that were looked up within [`limits::KEY_MEMORY`], by the hash of the whole key.
#[derive(Debug, Clone)]
pub(in crate::api) struct KnownKeys {
    known: Arc<Mutex<HashMap<[u8; 32], Known>>>,
    uses: mpsc::Sender<KeyId>,
}

/// Writes down when keys were used.
#[derive(Debug)]
pub(in crate::api) struct KeyUses(mpsc::Receiver<KeyId>);

impl KnownKeys {
    pub(in crate::api) fn new() -> (Self, KeyUses) {
        let (uses, noted) = mpsc::channel(limits::KEY_USES_WAITING);
        (Self { known: Arc::default(), uses }, KeyUses(noted))
    }

    /// The key, from memory or from the database; none when it is unknown or revoked.
    pub(super) async fn find(&self, store: &Store, secret: &Secret) -> Result<Option<Known>, StoreError> {
        let hash = secret.hash();
        if let Some(known) = self.recall(&hash) {
            return Ok(Some(known));
        }
        let found = store.key_find(secret.prefix()).await?;
        let Some(found) = found.filter(|key| same(&key.hash, &hash)) else {
            return Ok(None);
        };
        if found.noted == Noted::Due {
            // Dropped when many wait: the next lookup notes it.
            let _ = self.uses.try_send(found.key);
        }
        let known = Known::new(found);
        self.remember(hash, known.clone());
        Ok(Some(known))
    }

    fn recall(&self, hash: &[u8; 32]) -> Option<Known> {
        let known = self.known.lock();
        let known = known.get(hash)?;
        (known.seen.elapsed() < limits::KEY_MEMORY).then(|| known.clone())
    }

    fn remember(&self, hash: [u8; 32], key: Known) {
        let mut known = self.known.lock();
        if known.len() >= limits::KEYS_REMEMBERED {
            known.retain(|_, known| known.seen.elapsed() < limits::KEY_MEMORY);
        }
        if known.len() < limits::KEYS_REMEMBERED {
            known.insert(hash, key);
        }
    }
}

impl KeyUses {
    /// Writes until told to stop, or until nobody is left who could use a key. A write that fails is made up for by the key's next lookup.
    pub(in crate::api) async fn note(mut self, store: Store, stop: CancellationToken) {
        let mut keys = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                noted = self.0.recv_many(&mut keys, limits::KEY_USES_WAITING) => if noted == 0 { return },
            }
            if let Err(error) = store.keys_used(&keys).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "failed to note when keys were used");
            }
            keys.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    fn found(expires_in: Option<Duration>) -> KeyFound {
        KeyFound {
            key: KeyId::new(Uuid::nil()),
            org: Org::DEFAULT,
            hash: Vec::new(),
            scopes: Scopes::ALL,
            org_state: OrgState::Enabled,
            expires_in,
            noted: Noted::Lately,
        }
    }

    #[test]
    fn known_keys_are_bounded() {
        let (keys, _uses) = KnownKeys::new();
        for number in 0..=limits::KEYS_REMEMBERED {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_le_bytes());
            keys.remember(hash, Known::new(found(None)));
        }
        assert_eq!(keys.known.lock().len(), limits::KEYS_REMEMBERED);
        assert!(keys.recall(&[0; 32]).is_some());
    }

    #[test]
    fn a_key_expires_also_while_it_is_remembered() {
        assert!(Known::new(found(Some(Duration::ZERO))).has_expired());
        assert!(!Known::new(found(Some(Duration::from_hours(1)))).has_expired());
        assert!(!Known::new(found(Some(Duration::MAX))).has_expired());
    }
}
