//! What is inside a poll: code that does not return from it keeps a thread to itself, and is named in the log.
//!
//! A function that blocks, or a workflow that computes for long, cannot be stopped and holds up whatever else its thread would
//! run. The thread that keeps the lease looks for such code, because it is the one that nothing holds up.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use piton_shared::{ids::RunId, journal::StepKey};

use super::clock::steady;

/// How long a poll may take before it is said; it is said again whenever it took twice as long.
const LONG: Duration = Duration::from_secs(1);

/// What this process polls. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Polls(Arc<Mutex<Polled>>);

#[derive(Debug, Default)]
struct Polled {
    next: u64,
    places: HashMap<u64, Arc<Place>>,
}

/// User code that is polled again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) run: RunId,
    pub(super) name: String,
    /// The step; none for a workflow.
    pub(super) step: Option<StepKey>,
}

#[derive(Debug)]
struct Place {
    code: Code,
    /// When the poll under way began, in microseconds of the steady clock; 0 while there is none.
    since: AtomicU64,
    /// How long it took when it was said last, in microseconds.
    said: AtomicU64,
}

/// Code that has not returned from its poll for a while.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stuck {
    pub(super) code: Code,
    pub(super) lasts: Duration,
}

impl Polls {
    /// Counts this code for as long as the returned value lives.
    pub(super) fn of(&self, code: Code) -> Watched {
        let place = Arc::new(Place { code, since: AtomicU64::new(0), said: AtomicU64::new(0) });
        let mut polled = self.0.lock();
        let id = polled.next;
        polled.next += 1;
        polled.places.insert(id, Arc::clone(&place));
        Watched { polls: self.clone(), id, place }
    }

    /// Whether some code is inside its poll this instant.
    pub(super) fn any_inside(&self) -> bool {
        self.0.lock().places.values().any(|place| place.since.load(Ordering::Acquire) > 0)
    }

    /// Says in the log what does not return.
    pub(super) fn warn(&self) {
        for Stuck { code: Code { run, name, step }, lasts } in self.stuck(steady()) {
            let seconds = lasts.as_secs();
            if let Some(step) = step {
                tracing::warn!(
                    %run, %step, function = name, seconds,
                    "a function does not return from its poll and keeps a thread of this worker to itself: \
                     await between pieces of work, or do what blocks in `tokio::task::spawn_blocking`"
                );
            } else {
                tracing::warn!(
                    %run, workflow = name, seconds,
                    "a workflow does not return from its poll and keeps a thread of this worker to itself: \
                     do what takes time in a function"
                );
            }
        }
    }

    fn stuck(&self, now: Duration) -> Vec<Stuck> {
        let now = micros(now);
        let polled = self.0.lock();
        let stuck = polled.places.values().filter_map(|place| {
            let since = place.since.load(Ordering::Acquire);
            let lasts = if since == 0 { 0 } else { now.saturating_sub(since) };
            let due = micros(LONG).max(place.said.load(Ordering::Relaxed) * 2);
            (lasts >= due).then(|| {
                place.said.store(lasts, Ordering::Relaxed);
                Stuck { code: place.code.clone(), lasts: Duration::from_micros(lasts) }
            })
        });
        stuck.collect()
    }
}

/// Code that is counted.
#[derive(Debug)]
pub(super) struct Watched {
    polls: Polls,
    id: u64,
    place: Arc<Place>,
}

impl Watched {
    /// A poll begins; it ends when the returned value is dropped.
    pub(super) fn enter(&self) -> Inside<'_> {
        self.enter_at(steady())
    }

    fn enter_at(&self, now: Duration) -> Inside<'_> {
        self.place.said.store(0, Ordering::Relaxed);
        self.place.since.store(micros(now).max(1), Ordering::Release);
        Inside(&self.place)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.polls.0.lock().places.remove(&self.id);
    }
}

/// A poll under way.
#[derive(Debug)]
#[must_use = "the poll ends when it is dropped"]
pub(super) struct Inside<'a>(&'a Place);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.since.store(0, Ordering::Release);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_return_is_said_at_each_doubling_and_no_more() {
        let polls = Polls::default();
        let code = Code { run: RunId::new(uuid::Uuid::nil()), name: "spin".to_owned(), step: None };
        let (watched, second) = (polls.of(code.clone()), Duration::from_secs(1));
        assert!(!polls.any_inside() && polls.stuck(100 * second).is_empty());
        for _ in 0..2 {
            let inside = watched.enter_at(10 * second);
            assert!(polls.any_inside());
            for (at, lasts) in
                [(10, None), (11, Some(1)), (12, Some(2)), (13, None), (14, Some(4)), (20, Some(10)), (29, None)]
            {
                let stuck = polls.stuck(at * second);
                let expected = lasts.map(|lasts| Stuck { code: code.clone(), lasts: lasts * second });
                assert_eq!(stuck.into_iter().next(), expected, "{at}");
            }
            drop(inside);
            assert!(polls.stuck(1000 * second).is_empty());
        }
        let _inside = watched.enter();
        drop(polls.of(code));
        assert_eq!(polls.0.lock().places.len(), 1);
    }
}
