//! Time, as a worker takes it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use piton_shared::time::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// Keeps counting while the machine sleeps, or a lease would seem to last longer than it does.
#[cfg(target_os = "linux")]
const STEADY: ClockId = ClockId::Boottime;
/// The best there is elsewhere.
#[cfg(not(target_os = "linux"))]
const STEADY: ClockId = ClockId::Monotonic;

/// The time since some fixed moment, that never jumps.
pub(super) fn steady() -> Duration {
    let now = clock_gettime(STEADY);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// The time of day, which after it was read once goes on without jumps. Copies agree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    wall: Timestamp,
    steady: Duration,
}

impl Clock {
    pub(super) fn new() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(wall.as_micros()).unwrap_or(i64::MAX);
        Self { wall: Timestamp::from_micros(micros), steady: steady() }
    }

    pub(super) fn now(self) -> Timestamp {
        self.wall.plus(steady().saturating_sub(self.steady))
    }

    /// When a timer has to end that is to end then.
    pub(super) fn instant(self, at: Timestamp) -> Instant {
        Instant::now() + at.since(self.now())
    }
}
