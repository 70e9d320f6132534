//! Orders that take effect in memory, and how far they were applied.

use std::{
    collections::{HashSet, VecDeque},
    sync::atomic::{AtomicI64, Ordering},
};

use piton_shared::{
    ids::RunId,
    message::wake::{Action, Control},
};

use super::holdings::Holdings;

/// Killed runs that are remembered, for a grant that is on its way here. A claim that is answered this many kills late is
/// refused with its first append.
const KILLED: usize = 4096;

/// How far the controls of the org were applied here.
#[derive(Debug)]
pub(super) struct Controls {
    applied: AtomicI64,
}

impl Controls {
    /// Those up to `version` are older than the worker.
    pub(super) fn new(version: i64) -> Self {
        Self { applied: AtomicI64::new(version) }
    }

    pub(super) fn applied(&self) -> i64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Applies all that came after what was applied before, in the order of their versions.
    pub(super) fn apply_all(&self, controls: Vec<Control>, holdings: &Holdings) {
        for control in controls {
            order(&control, holdings);
            self.applied.fetch_max(control.version, Ordering::AcqRel);
        }
    }

    /// Applies one that came unasked. Some before it may have been lost: those come with the next heartbeat's answer, and
    /// until then nothing is said to be applied that was not.
    pub(super) fn apply(&self, control: &Control, holdings: &Holdings) {
        order(control, holdings);
        let before = control.version - 1;
        let _ = self.applied.compare_exchange(before, control.version, Ordering::AcqRel, Ordering::Acquire);
    }
}

fn order(control: &Control, holdings: &Holdings) {
    match control.action {
        Action::Kill => holdings.kill(control.run),
        Action::Pause | Action::Unpause => {}
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
