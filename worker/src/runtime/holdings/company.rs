//! What is held beside a run that runs alone.

use piton_shared::ids::{AttemptId, RunId};
use tokio::sync::watch;

use super::{HeldStep, Holdings, Inner};
use crate::runtime::solitude::Solitude;

impl Holdings {
    /// For whom the worker is kept.
    pub(in crate::runtime) fn kept_for(&self) -> Solitude {
        *self.solitude.borrow()
    }

    /// Every change of [`Holdings::kept_for`].
    pub(in crate::runtime) fn solitude(&self) -> watch::Receiver<Solitude> {
        self.solitude.subscribe()
    }

    /// How much is here beside this run: other runs, and dispatched work, its own too.
    pub(in crate::runtime) fn beside(&self, run: RunId) -> usize {
        let inner = self.inner.lock();
        inner.runs.keys().filter(|other| **other != run).count() + inner.steps.len()
    }

    /// Drops the runs beside this one with all that is executed for them, and says which they were. Dispatched work is
    /// dropped too; its own task returns it.
    pub(in crate::runtime) fn drop_beside(&self, run: RunId) -> Vec<(RunId, AttemptId)> {
        let mut inner = self.inner.lock();
        inner.steps.values_mut().for_each(HeldStep::abort);
        inner.suspects.clear();
        let others = inner.runs.extract_if(|other, _| *other != run);
        others
            .map(|(other, held)| {
                held.lose();
                (other, held.attempt)
            })
            .collect()
    }

    /// The worker is kept for this run no more, and it counts as no suspect, if this attempt still holds it.
    pub(in crate::runtime) fn open(&self, run: RunId, attempt: AttemptId) {
        let mut inner = self.inner.lock();
        if inner.runs.get(&run).is_some_and(|held| held.attempt == attempt) {
            self.left(&mut inner, run);
        }
    }

    pub(super) fn left(&self, inner: &mut Inner, run: RunId) {
        inner.solitude.left(run);
        inner.suspects.left(run);
        self.tell_solitude(inner);
    }

    pub(super) fn tell_solitude(&self, inner: &Inner) {
        self.solitude.send_if_modified(|told| std::mem::replace(told, inner.solitude) != inner.solitude);
    }
}
