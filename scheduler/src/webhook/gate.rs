//! How much of what nothing comes of is put on record.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use piton_shared::limits::{WEBHOOK_OTHERS_KEPT, WEBHOOK_REFUSED_KEPT};
use uuid::Uuid;

use super::Verdict;

/// How long a count runs before it begins anew.
const WINDOW: Duration = Duration::from_hours(1);
/// Endpoints that are counted at once.
const ENDPOINTS: usize = 4096;

/// Counts what was put on record of each endpoint, so that nobody who sends again and again what is refused, or what was
/// sent before, can fill the database. Of this scheduler alone: of several, each keeps as many.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Arc<Mutex<HashMap<(Uuid, Kind), Window>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// Whoever knows the address can send it.
    Refused,
    /// Only who has a signed delivery can send it, but that again and again.
    Others,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    kept: u32,
}

/// Whether a delivery is put on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// It is.
    Keep,
    /// It is only counted.
    Count,
}

impl Gate {
    /// Whether one more is put on record. What became an event always is.
    pub(super) fn pass(&self, endpoint: Uuid, verdict: Verdict) -> Record {
        let (kind, most) = match verdict {
            Verdict::Taken | Verdict::Accepted => return Record::Keep,
            Verdict::Refused | Verdict::TooLarge | Verdict::WrongType => (Kind::Refused, WEBHOOK_REFUSED_KEPT),
            Verdict::Repeated
            | Verdict::Filtered
            | Verdict::Challenge
            | Verdict::Ping
            | Verdict::Paused
            | Verdict::Unreadable => (Kind::Others, WEBHOOK_OTHERS_KEPT),
        };
        let mut windows = self.0.lock();
        if windows.len() >= ENDPOINTS {
            windows.retain(|_, window| window.began.elapsed() < WINDOW);
            if windows.len() >= ENDPOINTS {
                return Record::Count;
            }
        }
        let window = windows.entry((endpoint, kind)).or_insert_with(|| Window { began: Instant::now(), kept: 0 });
        if window.began.elapsed() >= WINDOW {
            *window = Window { began: Instant::now(), kept: 0 };
        }
        if window.kept >= most {
            return Record::Count;
        }
        window.kept += 1;
        Record::Keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_its_own_room() {
        let gate = Gate::default();
        let [one, two] = [1, 2].map(Uuid::from_u128);
        let kept = |endpoint, verdict| (0..1000).filter(|_| gate.pass(endpoint, verdict) == Record::Keep).count();
        assert_eq!(kept(one, Verdict::Refused), WEBHOOK_REFUSED_KEPT as usize);
        assert_eq!(kept(one, Verdict::TooLarge), 0, "they share it");
        assert_eq!(kept(one, Verdict::Repeated), WEBHOOK_OTHERS_KEPT as usize);
        assert_eq!(kept(two, Verdict::Refused), WEBHOOK_REFUSED_KEPT as usize);
        assert_eq!(kept(one, Verdict::Accepted), 1000);
    }
}
