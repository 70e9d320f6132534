//! The worker's lease: until when it may execute what it holds.
//!
//! It is kept by heartbeats from a thread of its own, with a connection of its own, so that no user code can starve it
//! ([`heart`]). It is taken to end a lease after the last acknowledged heartbeat was *sent*, less a margin, by a clock
//! that counts on while the machine sleeps; the database counts from when it wrote it, which is later. From then on
//! nothing begins and what runs is dropped; runs and results are kept, because the database may say yet that the lease
//! goes on. Only when it says that the lease has ended is everything dropped.

mod heart;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use piton_shared::limits;
use tokio::sync::watch;

pub(super) use self::heart::{Heart, HeartError};
use super::{
    clock::steady,
    validity::{SentHeartbeats, Validity},
};

/// One registration's lease.
#[derive(Debug)]
pub(super) struct Lease {
    /// In microseconds of the steady clock.
    until: AtomicU64,
    sent: Mutex<SentHeartbeats>,
    view: watch::Sender<View>,
}

/// How a lease stands, as those see it who wait for its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    pub(super) state: LeaseState,
    /// How often it has lapsed so far: two looks may miss a lapse between them, not its number.
    pub(super) lapses: u64,
}

/// How a lease stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaseState {
    /// Functions may begin.
    Held,
    /// Nothing may begin until it is renewed.
    Lapsed,
    /// It has ended for good.
    Ended,
}

impl Lease {
    /// Held until that moment of the steady clock.
    pub(super) fn new(until: Duration) -> Self {
        let view = watch::Sender::new(View { state: LeaseState::Held, lapses: 0 });
        Self { until: AtomicU64::new(micros(until)), sent: Mutex::default(), view }
    }

    /// Whether a function may begin this instant.
    pub(super) fn is_held(&self) -> bool {
        micros(steady()) < self.until.load(Ordering::Acquire)
    }

    pub(super) fn watch(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }

    /// Until when a grant is good that was given after this heartbeat was seen.
    pub(super) fn validity(&self, heartbeat: u64) -> Validity {
        self.sent.lock().validity(heartbeat)
    }

    /// How long it is held from now on.
    pub(super) fn left(&self) -> Duration {
        Duration::from_micros(self.until.load(Ordering::Acquire)).saturating_sub(steady())
    }

    /// It is held until that moment at least. One that has ended stays so, and one that lapsed so long ago that schedulers
    /// may have forgotten it ends: what they acknowledge now is a worker that is new to them.
    fn renew(&self, until: Duration) {
        self.renew_as_of(steady(), until);
    }

    fn renew_as_of(&self, now: Duration, until: Duration) {
        if self.view.borrow().state == LeaseState::Ended {
            return;
        }
        let lapsed = Duration::from_micros(self.until.load(Ordering::Acquire));
        if now.saturating_sub(lapsed) > limits::WORKER_HOPES {
            return self.end();
        }
        self.until.fetch_max(micros(until), Ordering::AcqRel);
        if self.is_held() {
            self.view.send_if_modified(|view| {
                let renewed = view.state == LeaseState::Lapsed;
                if renewed {
                    view.state = LeaseState::Held;
                }
                renewed
            });
        }
    }

    /// Its time is over, unless somebody has renewed it this instant.
    fn lapse(&self) -> Lapse {
        let lapsed = !self.is_held()
            && self.view.send_if_modified(|view| {
                let lapsed = view.state == LeaseState::Held;
                if lapsed {
                    *view = View { state: LeaseState::Lapsed, lapses: view.lapses + 1 };
                }
                lapsed
            });
        if lapsed { Lapse::Now } else { Lapse::No }
    }

    /// The database says that it has ended.
    pub(super) fn end(&self) {
        self.until.store(0, Ordering::Release);
        self.view.send_modify(|view| view.state = LeaseState::Ended);
    }
}

/// Whether a lease has lapsed this instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lapse {
    Now,
    No,
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_lease_lapses_once_is_renewed_and_ends_for_good() {
        let lease = Lease::new(steady() + HOUR);
        assert!(lease.is_held());
        assert_eq!(lease.lapse(), Lapse::No);

        let lease = Lease::new(steady());
        let view = lease.watch();
        assert!(!lease.is_held());
        assert_eq!((lease.lapse(), lease.lapse()), (Lapse::Now, Lapse::No));
        // A heartbeat that was sent too long ago renews nothing.
        lease.renew(steady());
        assert_eq!(*view.borrow(), View { state: LeaseState::Lapsed, lapses: 1 });
        lease.renew(steady() + HOUR);
        assert!(lease.is_held());
        assert_eq!(*view.borrow(), View { state: LeaseState::Held, lapses: 1 });

        lease.end();
        lease.renew(steady() + HOUR);
        assert!(!lease.is_held());
        assert_eq!(view.borrow().state, LeaseState::Ended);
    }
    #[test]
    fn a_lease_that_lapsed_too_long_ago_is_not_renewed() {
        for (later, state) in [(HOUR, LeaseState::Held), (limits::WORKER_HOPES + HOUR, LeaseState::Ended)] {
            let lease = Lease::new(steady());
            assert_eq!(lease.lapse(), Lapse::Now);
            let now = steady() + later;
            lease.renew_as_of(now, now + HOUR);
            assert_eq!(lease.view.borrow().state, state, "{later:?}");
        }
    }
}
