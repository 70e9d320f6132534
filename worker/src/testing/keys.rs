//! Starts by their idempotency keys.

use std::{collections::BTreeMap, fmt, sync::Arc};

use parking_lot::Mutex;
use piton_shared::{limits::DEDUPE_WINDOW, time::Timestamp};
use tokio::sync::OnceCell;

use super::{
    drive::{Asked, Driven, drive},
    engine::TestEngine,
};

/// All keys of an engine, for as long as a scheduler remembers them.
#[derive(Default)]
pub(super) struct Keys(Mutex<BTreeMap<String, Kept>>);

/// A start that was made under a key. Clones are the same run.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) asked: Asked,
    driven: Arc<OnceCell<Driven>>,
}

impl Keys {
    /// The start that was made under this key, or the one that is made now.
    pub(super) fn keep(&self, key: String, now: Timestamp, ask: impl FnOnce() -> Asked) -> Kept {
        let mut keys = self.0.lock();
        if let Some(kept) = keys.get(&key).filter(|kept| now.since(kept.asked.started_at) < DEDUPE_WINDOW) {
            return kept.clone();
        }
        let kept = Kept { asked: ask(), driven: Arc::default() };
        keys.insert(key, kept.clone());
        kept
    }
}

impl Kept {
    /// What came of it: whoever asks while the run is executed waits for it, and whoever asks after it was dropped in the
    /// middle runs it.
    pub(super) async fn driven(&self, engine: &TestEngine) -> Driven {
        self.driven.get_or_init(|| drive(engine, self.asked.clone())).await.clone()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.lock().keys()).finish()
    }
}
