//! The waker of a workflow: tells its own wakes from those of strangers.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

thread_local! {
    /// The alarm whose workflow takes its turn on this thread, by address; 0 for none.
    static TURN: Cell<usize> = const { Cell::new(0) };
}

/// Everything that a workflow may await wakes it on the thread of its turn: a delivery before the poll, a yield or a
/// channel between its own branches within it. Any other wake comes from something that is not durable.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    rung: AtomicBool,
    stranger: AtomicBool,
}

impl Alarm {
    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// Makes this thread's wakes the workflow's own until the turn is dropped.
    pub(super) fn turn(self: &Arc<Self>) -> Taken {
        Taken { before: TURN.replace(self.address()) }
    }

    /// Whether the workflow takes its turn on this thread.
    pub(super) fn is_turn(&self) -> bool {
        TURN.get() == self.address()
    }

    /// Whether it was woken since this was last asked.
    pub(super) fn take_rung(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }

    /// Whether something that is not durable ever woke it.
    pub(super) fn heard_stranger(&self) -> bool {
        self.stranger.load(Ordering::Acquire)
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let bell = if self.is_turn() { &self.rung } else { &self.stranger };
        bell.store(true, Ordering::Release);
    }
}

/// A turn under way on this thread.
pub(super) struct Taken {
    /// The turn it stands within, of another machine.
    before: usize,
}

impl Drop for Taken {
    fn drop(&mut self) {
        TURN.set(self.before);
    }
}
