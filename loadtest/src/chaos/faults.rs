//! What strikes, and when: a sequence that follows from its seed.

use std::time::Duration;

use piton_devstack::Network;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// How many there are of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) schedulers: usize,
    pub(super) workers: usize,
}

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Scheduler(usize),
    Worker(usize),
}

/// A connection that goes through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    WorkerToNats(usize),
    SchedulerToNats(usize),
    SchedulerToPostgres(usize),
}

/// What strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A process is killed with -9, and started again after a while.
    Kill { who: Who, back_after: Duration },
    /// A process is stopped, and goes on after a while.
    Freeze { who: Who, lasts: Duration },
    /// A link is bad for a while.
    Link { link: Link, network: Network, lasts: Duration },
    /// NATS is stopped in order and started again.
    RestartNats,
    /// NATS is killed, and comes back with nothing in it.
    WipeNats,
    /// Postgres is stopped in order and started again.
    RestartPostgres,
    /// Postgres is killed with -9 and started again.
    KillPostgres,
}

/// The faults of a seed. Endless.
#[derive(Debug)]
pub(super) struct Faults {
    random: StdRng,
    sizes: Sizes,
}

impl Faults {
    pub(super) fn of(seed: u64, sizes: Sizes) -> Self {
        Self { random: StdRng::seed_from_u64(seed), sizes }
    }

    /// The next fault, and how long after the one before.
    pub(super) fn next(&mut self) -> (Duration, Fault) {
        let pause = self.millis(300, 2_500);
        let fault = match self.random.random_range(0..100) {
            0..20 => Fault::Kill { who: self.who(), back_after: self.millis(100, 2_000) },
            20..45 => Fault::Freeze { who: self.who(), lasts: self.millis(300, 7_000) },
            45..92 => Fault::Link { link: self.link(), network: self.network(), lasts: self.millis(300, 6_000) },
            92..94 => Fault::RestartNats,
            94..96 => Fault::WipeNats,
            96..98 => Fault::RestartPostgres,
            _ => Fault::KillPostgres,
        };
        (pause, fault)
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.random.random_range(from..to))
    }

    fn who(&mut self) -> Who {
        match self.random.random_range(0..self.sizes.schedulers + self.sizes.workers) {
            at if at < self.sizes.schedulers => Who::Scheduler(at),
            at => Who::Worker(at - self.sizes.schedulers),
        }
    }

    fn link(&mut self) -> Link {
        match self.random.random_range(0..4) {
            0 | 1 => Link::WorkerToNats(self.random.random_range(0..self.sizes.workers)),
            2 => Link::SchedulerToNats(self.random.random_range(0..self.sizes.schedulers)),
            _ => Link::SchedulerToPostgres(self.random.random_range(0..self.sizes.schedulers)),
        }
    }

    fn network(&mut self) -> Network {
        match self.random.random_range(0..6) {
            0 => Network::Blackhole,
            1 => Network::Reset,
            2 => Network::NothingToServer,
            3 => Network::NothingToClient,
            _ => Network::Slow(self.millis(20, 5_000)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_all() {
        let sizes = Sizes { schedulers: 2, workers: 3 };
        let first = |seed| {
            let mut faults = Faults::of(seed, sizes);
            (0..50).map(|_| faults.next()).collect::<Vec<_>>()
        };
        assert_eq!(first(7), first(7));
        assert_ne!(first(7), first(8));
    }
}
