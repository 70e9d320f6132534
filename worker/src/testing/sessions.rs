//! The state of sessions, which outlives the runs in them.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use piton_shared::message::state::StateValue;

/// The state of one session. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Session(Arc<Mutex<BTreeMap<String, StateValue>>>);

impl Session {
    pub(super) fn read(&self, name: &str) -> StateValue {
        self.0.lock().get(name).cloned().unwrap_or_default()
    }

    pub(super) fn write(&self, name: &str, value: StateValue) {
        self.0.lock().insert(name.to_owned(), value);
    }
}

/// All sessions of an engine.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<String, Session>>);

impl Sessions {
    /// The session of this id, begun if there is none.
    pub(super) fn of(&self, id: &str) -> Session {
        self.0.lock().entry(id.to_owned()).or_default().clone()
    }
}
