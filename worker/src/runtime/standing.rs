//! How this worker stands, for those who watch it from outside.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::member::Member;

/// The registration of this moment, if there is one.
#[derive(Debug, Clone, Default)]
pub(super) struct Registration(Arc<Mutex<Weak<Member>>>);

impl Registration {
    pub(super) fn set(&self, member: &Arc<Member>) {
        *self.0.lock() = Arc::downgrade(member);
    }

    #[cfg(feature = "http")]
    pub(super) fn standing(&self) -> Standing {
        let member = self.0.lock().upgrade();
        match member {
            None => Standing::Unregistered,
            Some(member) if member.over.is_cancelled() => Standing::Unregistered,
            Some(member) if member.draining.is_cancelled() => Standing::Draining,
            Some(member) if !member.lease.is_held() => Standing::Lapsed,
            Some(_) => Standing::Ready,
        }
    }
}

/// Whether a worker takes on work, and if not, why.
#[cfg(feature = "http")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is registered and its lease is held.
    Ready,
    /// No scheduler has registered it yet, or its registration is over.
    Unregistered,
    /// Its heartbeats are not acknowledged.
    Lapsed,
    /// It was told to stop.
    Draining,
}

#[cfg(feature = "http")]
impl Standing {
    /// As JSON for `GET /health/ready`.
    pub(super) const fn view(self) -> &'static str {
        match self {
            Self::Ready => r#"{"status":"ready","detail":"registered, and the lease is held"}"#,
            Self::Unregistered => {
                r#"{"status":"unregistered","detail":"no scheduler has registered this worker: is one running?"}"#
            }
            Self::Lapsed => {
                r#"{"status":"lapsed","detail":"no scheduler acknowledges the heartbeats: nothing begins here until one does"}"#
            }
            Self::Draining => {
                r#"{"status":"draining","detail":"told to stop: finishes what it has, takes nothing new"}"#
            }
        }
    }
}
