//! Which firings are due, and which were missed.

use std::time::Duration;

use piton_shared::{limits, time::Timestamp, trigger::CatchUp};

use crate::{Rhythm, fire_at};

/// What a look at a schedule finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The occurrences that fire, the oldest first.
    pub fire: Vec<Timestamp>,
    /// What does not fire any more.
    pub missed: Option<Missed>,
    /// The first occurrence that is not due yet.
    pub next: Option<Next>,
}

/// An occurrence to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Its own time.
    pub occurrence: Timestamp,
    /// When it fires.
    pub fire_at: Timestamp,
}

/// Occurrences that do not fire: too much time has gone by since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The oldest.
    pub first: Timestamp,
    /// The newest.
    pub last: Timestamp,
    /// How many; [`limits::MISSED_COUNTED`] stands for as many or more.
    pub count: usize,
}

/// When a schedule fires.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Its rhythm.
    pub rhythm: &'a Rhythm,
    /// Its id: see [`fire_at`].
    pub schedule: u128,
    /// The longest time by which a firing is put off.
    pub jitter: Duration,
    /// What happens to what was missed.
    pub catch_up: CatchUp,
}

impl Terms<'_> {
    /// The first occurrence after a point in time.
    pub fn next_after(&self, after: Timestamp) -> Option<Next> {
        let occurrence = self.rhythm.next_after(after)?;
        Some(Next { occurrence, fire_at: self.fire_at(occurrence) })
    }

    fn fire_at(&self, occurrence: Timestamp) -> Timestamp {
        fire_at(self.rhythm, self.schedule, self.jitter, occurrence)
    }
}

/// Says what is due of a schedule whose first occurrence that nobody has looked at is `next`. `watched` is since when a scheduler
/// has been looking without a gap.
///
/// What should have fired since then, or up to [`limits::FIRING_GRACE`] before, is on time and fires whatever the policy is, the newest
/// [`limits::CATCH_UP`] of it: the schedulers may be slow, but they were there. What is older was missed. With [`CatchUp::One`]
/// one on time stands for all that were missed, and without one the newest of them fires.
pub fn due(terms: &Terms<'_>, next: Timestamp, now: Timestamp, watched: Timestamp) -> Due {
    let mut found = newest(terms.rhythm, next, now);
    if found.newest.last().is_some_and(|last| terms.fire_at(*last) > now) {
        found.newest.pop();
        found.count = found.count.less(1);
    }
    let Some(last) = found.newest.last().copied() else {
        // Nothing is due: its first occurrence is still to come, or is put off.
        return Due { fire: Vec::new(), missed: None, next: terms.next_after(just_before(next)) };
    };
    let all = found.newest;
    // By the clock of whoever looks the watch began now at the latest.
    let watched = watched.min(now);
    let is_on_time = |at: &Timestamp| watched.since(terms.fire_at(*at)) <= limits::FIRING_GRACE;
    let on_time = all.iter().filter(|at| is_on_time(at)).count();
    let fires = match terms.catch_up {
        CatchUp::Skip => on_time.min(limits::CATCH_UP),
        CatchUp::One => on_time.clamp(1, limits::CATCH_UP),
        CatchUp::All => all.len().min(limits::CATCH_UP),
    };
    let (left, fire) = all.split_at(all.len() - fires);
    let count = found.count.less(fires).at_most();
    let missed = left.last().map(|last| Missed { first: next, last: *last, count });
    Due { fire: fire.to_vec(), missed, next: terms.next_after(last) }
}

/// The newest occurrences of a span, and how many there are.
struct Newest {
    newest: Vec<Timestamp>,
    count: Count,
}

/// How many there are.
#[derive(Clone, Copy)]
enum Count {
    Exactly(usize),
    TooMany,
}

impl Count {
    fn less(self, some: usize) -> Self {
        match self {
            Self::Exactly(count) => Self::Exactly(count.saturating_sub(some)),
            Self::TooMany => Self::TooMany,
        }
    }

    fn at_most(self) -> usize {
        match self {
            Self::Exactly(count) => count.min(limits::MISSED_COUNTED),
            Self::TooMany => limits::MISSED_COUNTED,
        }
    }
}

/// One more than may fire at once, so that it is known what was left out, and one that may be put off.
const KEPT: usize = limits::CATCH_UP + 2;
/// Counted at most: with those that fire taken off, there are still as many missed ones as are told apart.
const COUNTED: usize = limits::MISSED_COUNTED + KEPT;

/// The newest [`KEPT`] occurrences from `first` to `last`. Of a rhythm that beats every second they are found without
/// walking through the years: no step here looks at more than [`COUNTED`] and one.
fn newest(rhythm: &Rhythm, first: Timestamp, last: Timestamp) -> Newest {
    let within = |after: Timestamp| -> Vec<Timestamp> {
        rhythm.after(after).take_while(|at| *at <= last).take(COUNTED + 1).collect()
    };
    let mut found = within(just_before(first));
    let count = if found.len() > COUNTED { Count::TooMany } else { Count::Exactly(found.len()) };
    // Seconds before `last`: as far back as `enough` there are as many as are kept, as far as `few` there are not.
    let (mut few, mut enough) = (0, last.since(first).as_secs().saturating_add(1));
    while found.len() > COUNTED && few + 1 < enough {
        let span = if few == 0 { KEPT as u64 } else { few.saturating_mul(2) };
        let span = if span < enough { span } else { few + (enough - few) / 2 };
        let nearer = within(Timestamp::from_micros(last.as_micros().saturating_sub_unsigned(span * 1_000_000)));
        if nearer.len() < KEPT {
            few = span;
        } else {
            enough = span;
            found = nearer;
        }
    }
    let from = found.len().saturating_sub(KEPT);
    Newest { newest: found.split_off(from), count }
}

fn just_before(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_sub(1))
}
