//! Whether a scheduler may end leases, after it was itself cut off: decided from what its sweeps saw.
//!
//! While it was cut off, workers had nobody to beat to. So those that live get the time they need to be heard: to find NATS
//! again, if it was away, and to beat once. That is counted while Postgres and NATS are both there, and only once: another cut
//! adds what it takes to find NATS again, and does not begin it anew.

use std::time::{Duration, Instant};

use piton_shared::limits;

/// What a sweep saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Postgres and NATS, both.
    Both,
    /// NATS is away: no heartbeat can arrive.
    NatsAway,
    /// Postgres is away: no heartbeat can be written.
    PostgresAway,
}

/// Whether leases that are over may be ended now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Allowed,
    NotYet,
}

/// The time that workers still need to be heard.
#[derive(Debug)]
pub(super) struct Grace {
    lease: Duration,
    owed: Duration,
    /// When both were there last.
    last: Instant,
    /// What was away since.
    cut: Cut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    No,
    Postgres,
    Nats,
}

impl Grace {
    /// What happened before is not known.
    pub(super) fn new(lease: Duration, now: Instant) -> Self {
        Self { lease, owed: lease, last: now, cut: Cut::No }
    }

    /// Takes what a sweep saw, and says whether leases may be ended.
    pub(super) fn look(&mut self, now: Instant, seen: Seen) -> Ending {
        let cut = match (seen, self.cut) {
            (Seen::NatsAway, _) | (Seen::PostgresAway, Cut::Nats) => Some(Cut::Nats),
            (Seen::PostgresAway, Cut::No | Cut::Postgres) => Some(Cut::Postgres),
            (Seen::Both, _) => None,
        };
        if let Some(cut) = cut {
            self.cut = cut;
            return Ending::NotYet;
        }
        let since = now.saturating_duration_since(self.last);
        self.last = now;
        self.owed = match (std::mem::replace(&mut self.cut, Cut::No), self.owed.is_zero()) {
            (Cut::Nats, true) => beating(self.lease) + reconnecting(since),
            (Cut::Nats, false) => (self.owed + reconnecting(since)).min(self.lease + reconnecting(since)),
            (Cut::Postgres, true) => beating(self.lease),
            (Cut::Postgres, false) => self.owed,
            // Postgres hung, or this process did: heartbeats were not taken, or not written.
            (Cut::No, true) if since > self.lease / 2 => beating(self.lease),
            (Cut::No, true | false) => self.owed.saturating_sub(since),
        };
        if self.owed.is_zero() { Ending::Allowed } else { Ending::NotYet }
    }
}

/// How long a worker that is connected may take to be heard: it gives up on what it asked before after half its lease, and beats
/// again within a quarter of it.
fn beating(lease: Duration) -> Duration {
    lease * 3 / 4
}

/// How long a worker may take to find NATS again that was away for so long: its waits double up to a bound, and are spread by
/// half.
fn reconnecting(away: Duration) -> Duration {
    away.saturating_add(Duration::from_millis(100)).min(limits::RECONNECT_WAIT) * 3 / 2
}

// A lease that was over before ends within five seconds after both are back: this scheduler finds NATS again, then the workers
// do, and what it held is taken over.
const _: () = assert!(
    3 * limits::RECONNECT_WAIT.as_millis() + limits::LEASE.as_millis() * 3 / 4 + 2 * limits::SWEEP.as_millis() < 4500
);

#[cfg(test)]
mod tests {
    use super::{Seen::*, *};

    const LEASE: Duration = Duration::from_millis(2500);

    /// When leases may be ended, in milliseconds, of sweeps every quarter of a second for so long that see what is said of each
    /// moment.
    fn allowed(millis: u64, seen: impl Fn(u64) -> Option<Seen>) -> Vec<u64> {
        let start = Instant::now();
        let mut grace = Grace::new(LEASE, start);
        let sweeps = (0..=millis).step_by(250).filter_map(|at| Some((at, seen(at)?)));
        sweeps
            .filter(|(at, seen)| grace.look(start + Duration::from_millis(*at), *seen) == Ending::Allowed)
            .map(|(at, _)| at)
            .collect()
    }

    /// How long after `back` the first lease may end.
    fn first_after(back: u64, allowed: &[u64]) -> u64 {
        allowed.iter().find(|at| **at >= back).expect("some time") - back
    }

    #[test]
    fn a_scheduler_that_begins_ends_no_lease_for_one_lease() {
        assert_eq!(allowed(3000, |_| Some(Both)), [2500, 2750, 3000]);
    }

    #[test]
    fn after_a_cut_workers_have_the_time_to_be_heard_and_no_more() {
        // What was away from the tenth second on, for how long, and the wait after that.
        for (what, away, least, most) in [
            (Some(NatsAway), 250, 2625, 2750),
            (Some(NatsAway), 4000, 2625, 2750),
            (Some(NatsAway), 60_000, 2625, 2750),
            (Some(PostgresAway), 250, 1875, 2250),
            (Some(PostgresAway), 60_000, 1875, 2250),
            // Postgres hung, or this process did. A moment of that costs nobody a lease.
            (None, 1000, 0, 0),
            (None, 2000, 1875, 2250),
            (None, 60_000, 1875, 2250),
        ] {
            let back = 10_000 + away;
            let seen = |at| if (10_000..back).contains(&at) { what } else { Some(Both) };
            let allowed = allowed(back + 10_000, seen);
            assert!(allowed.iter().all(|at| !(10_000..back).contains(at)), "{what:?} {away}");
            let waited = first_after(back, &allowed);
            assert!((least..=most).contains(&waited), "{what:?} was away for {away}: {waited}");
        }
    }

    #[test]
    fn cuts_every_few_seconds_put_no_lease_off_for_ever() {
        for (what, every, away, most) in [
            (NatsAway, 3000, 500, 5000),
            (NatsAway, 2000, 500, 12_000),
            (PostgresAway, 3000, 500, 3000),
            (PostgresAway, 1500, 500, 6000),
        ] {
            let seen = |at| Some(if at >= 10_000 && at % every < away { what } else { Both });
            let allowed = allowed(60_000, seen);
            let gaps = allowed.windows(2).map(|pair| pair[1] - pair[0]);
            let longest = gaps.max().expect("some");
            assert!(longest <= most, "{what:?} every {every}: {longest}");
        }
    }
}
