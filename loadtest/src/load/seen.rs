//! What was seen of a load.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::{dial::Dial, turn::Came};

/// The longest time that a histogram can hold, in microseconds; a longer one counts as this.
const LONGEST: u64 = 120_000_000;

/// What was seen: times and errors of the measured time, and promises of all the time.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What the workload times, in microseconds.
    pub latencies: Histogram<u64>,
    /// Of W5 and W7: until the run ended, in microseconds.
    pub until_ended: Histogram<u64>,
    /// What the workload counts and was done in the measured time.
    pub done: u64,
    /// What went wrong: how often, by what came instead.
    pub errors: BTreeMap<String, u64>,
    /// Runs that somebody was promised, warm-up and end included: an answer named them or their event, or a schedule said
    /// when.
    pub promised: u64,
    /// Those of them that their callers saw completed.
    pub completed: u64,
}

/// When a turn counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// By when it came to its end: of a closed loop.
    AtItsEnd,
    /// By when it should have begun, however late it ends: of an open loop. Otherwise those that a stall holds up until the
    /// load is over would not be counted.
    AtItsTurn,
}

impl Default for Seen {
    fn default() -> Self {
        let empty = Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are in order");
        Self {
            latencies: empty.clone(),
            until_ended: empty,
            done: 0,
            errors: BTreeMap::new(),
            promised: 0,
            completed: 0,
        }
    }
}

impl Seen {
    /// Takes down what came of a turn that was due at this moment.
    pub(super) fn take(&mut self, came: Came, due: Instant, counted: Counted, dial: &Dial) {
        let counts = |end| {
            dial.counts(match counted {
                Counted::AtItsEnd => end,
                Counted::AtItsTurn => due,
            })
        };
        self.promised += came.promised;
        self.completed += came.ended.len() as u64;
        if let Some(answered) = came.answered.filter(|answered| counts(*answered)) {
            self.latencies.saturating_record(micros(answered - due));
        }
        for ended in came.ended {
            if counts(ended) {
                self.until_ended.saturating_record(micros(ended - due));
            }
        }
        self.done += came.done.into_iter().filter(|done| dial.counts(*done)).count() as u64;
        for error in came.errors {
            if counts(Instant::now()) {
                self.wrong(error);
            }
        }
    }

    /// Takes down a request that was due and is not sent any more: it took at least so long.
    pub(super) fn give_up(&mut self, due: Instant, dial: &Dial) {
        if dial.counts(due) {
            self.latencies.saturating_record(micros(due.elapsed()));
            self.wrong("a request that was due and never sent".to_owned());
        }
    }

    fn wrong(&mut self, error: String) {
        *self.errors.entry(error).or_default() += 1;
    }
}

/// As a histogram takes it.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_closed_loop_counts_ends_and_an_open_one_turns() {
        let dial = Dial::default();
        let due = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        dial.measure();
        tokio::time::advance(Duration::from_secs(1)).await;
        let end = Instant::now();
        let came = || Came {
            promised: 1,
            answered: Some(end),
            ended: vec![end],
            done: vec![end],
            errors: vec!["odd".to_owned()],
        };
        let (mut closed, mut open) = (Seen::default(), Seen::default());
        closed.take(came(), due, Counted::AtItsEnd, &dial);
        open.take(came(), due, Counted::AtItsTurn, &dial);
        assert_eq!((closed.latencies.len(), open.latencies.len()), (1, 0), "it was due before anything counted");
        assert_eq!((closed.errors.len(), open.errors.len()), (1, 0));
        assert_eq!((closed.done, open.done), (1, 1), "throughput is what was done meanwhile");
        assert_eq!((closed.promised, open.promised, open.completed), (1, 1, 1), "promises count always");
        assert_eq!(closed.latencies.max() / 1000, 2000, "from when it was due");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_sent_counts_as_long_as_it_waited() {
        let (dial, mut seen) = (Dial::default(), Seen::default());
        let before = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        dial.measure();
        let due = Instant::now();
        tokio::time::advance(Duration::from_secs(5)).await;
        seen.give_up(before, &dial);
        seen.give_up(due, &dial);
        assert_eq!((seen.latencies.len(), seen.latencies.max() / 10_000), (1, 500));
        assert_eq!((seen.errors.values().sum::<u64>(), seen.promised), (1, 0));
    }
}
