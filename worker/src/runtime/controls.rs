//! Orders that take effect in memory, and how far they were applied.

use std::collections::{HashMap, HashSet, VecDeque};

use parking_lot::Mutex;
use piton_shared::{
    ids::RunId,
    message::wake::{Action, Control},
};

use super::holdings::Holdings;

/// Killed runs that are remembered, for a grant that is on its way here. A claim that is answered this many kills late is
/// refused with its first append.
const KILLED: usize = 4096;

/// Paused runs that are remembered, likewise: a grant that is this many pauses late begins, and ends with the first
/// thing that is held back.
const PAUSED: usize = 4096;

/// How far the controls of the org were applied here.
#[derive(Debug)]
pub(super) struct Controls {
    /// Held while a control is applied: two that pass each other would undo one another.
    applied: Mutex<i64>,
}

impl Controls {
    /// Those up to `version` are older than the worker.
    pub(super) fn new(version: i64) -> Self {
        Self { applied: Mutex::new(version) }
    }

    pub(super) fn applied(&self) -> i64 {
        *self.applied.lock()
    }

    /// Applies all that came after what was applied before, in the order of their versions.
    pub(super) fn apply_all(&self, controls: Vec<Control>, holdings: &Holdings) {
        let mut applied = self.applied.lock();
        for control in controls {
            if control.version > *applied {
                order(&control, holdings);
                *applied = control.version;
            }
        }
    }

    /// Applies one that came unasked. Some before it may have been lost: those come with the next heartbeat's answer, and
    /// until then nothing is said to be applied that was not. One that comes late was applied with its successors.
    pub(super) fn apply(&self, control: &Control, holdings: &Holdings) {
        let mut applied = self.applied.lock();
        if control.version > *applied {
            order(control, holdings);
        }
        if control.version == *applied + 1 {
            *applied = control.version;
        }
    }
}

fn order(control: &Control, holdings: &Holdings) {
    match control.action {
        Action::Kill => holdings.kill(control.run),
        Action::Pause => holdings.pause(control.run, control.version),
        Action::Unpause => holdings.unpause(control.run),
    }
}

/// The runs that were paused last and go on no more.
#[derive(Debug, Default)]
pub(super) struct Paused {
    order: VecDeque<(RunId, i64)>,
    versions: HashMap<RunId, i64>,
}

impl Paused {
    pub(super) fn insert(&mut self, run: RunId, version: i64) {
        self.versions.insert(run, version);
        self.order.push_back((run, version));
        if self.order.len() > PAUSED
            && let Some((oldest, version)) = self.order.pop_front()
            && self.versions.get(&oldest) == Some(&version)
        {
            self.versions.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, run: RunId) {
        self.versions.remove(&run);
    }

    pub(super) fn contains(&self, run: RunId) -> bool {
        self.versions.contains_key(&run)
    }

    /// Whether it was paused after this version. A grant that has seen the pause was given after its end.
    pub(super) fn since(&self, run: RunId, version: i64) -> bool {
        self.versions.get(&run).is_some_and(|paused| *paused > version)
    }
}

/// The runs that were killed last.
#[derive(Debug, Default)]
pub(super) struct Killed {
    order: VecDeque<RunId>,
    runs: HashSet<RunId>,
}

impl Killed {
    pub(super) fn insert(&mut self, run: RunId) {
        if self.runs.insert(run) {
            self.order.push_back(run);
        }
        if self.order.len() > KILLED
            && let Some(oldest) = self.order.pop_front()
        {
            self.runs.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, run: RunId) -> bool {
        self.runs.contains(&run)
    }
}
