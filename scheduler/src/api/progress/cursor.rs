//! How far a follower of a run was told.

use std::{fmt, str::FromStr};

use piton_shared::{state::RunState, time::Timestamp};

use crate::store::{Seen, Standing};

/// How far a follower is: the last own row, the last row from outside, when the last failed try ended, and how the run
/// stood. It is the `id` of an event, and says all that is needed to go on after it, at any scheduler.
///
/// Own rows are numbered from 1 without a gap and committed in that order: a run has one attempt at a time, and an attempt
/// one append at a time. Rows from outside are numbered under the run's lock and held until the commit, so they too become
/// visible in the order of their numbers. Two numbers therefore name everything that was told, whatever is committed later;
/// one would not: a row from outside may be told before an own row that was written without knowing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) seen: Seen,
    pub(super) tries_until: Timestamp,
    pub(super) stood: Option<Stood>,
}

/// How a run stands, as far as it is told as news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stood {
    pub(super) state: RunState,
    pub(super) attempts: u32,
    pub(super) pause: Pause,
}

/// Whether a run is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    Paused,
    Off,
}

impl Default for Cursor {
    fn default() -> Self {
        Self { seen: Seen::default(), tries_until: Timestamp::EPOCH, stood: None }
    }
}

impl Cursor {
    /// Whether the end was told.
    pub(super) fn is_over(&self) -> bool {
        self.stood.is_some_and(|stood| stood.state.is_terminal())
    }
}

impl From<&Standing> for Stood {
    fn from(standing: &Standing) -> Self {
        let pause = if standing.paused_at.is_some() { Pause::Paused } else { Pause::Off };
        Self { state: standing.state, attempts: standing.attempts, pause }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.seen.own, self.seen.outside, self.tries_until.as_micros())?;
        match self.stood {
            None => Ok(()),
            Some(Stood { state, attempts, pause: Pause::Off }) => write!(f, ".{attempts}.{state}"),
            Some(Stood { state, attempts, pause: Pause::Paused }) => write!(f, ".{attempts}.{state}.paused"),
        }
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).ok_or("names no event of a run's progress; take it from an event's `id` unchanged")
    }
}

fn read(text: &str) -> Option<Cursor> {
    // Both kinds of row are counted in the database by 31 bits.
    let count = |part: &str| part.parse::<u32>().ok().filter(|number| i32::try_from(*number).is_ok());
    let mut parts = text.split('.');
    let seen = Seen { own: count(parts.next()?)?, outside: count(parts.next()?)? };
    let tries_until = Timestamp::from_micros(parts.next()?.parse().ok()?);
    let stood = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (None, ..) => None,
        (Some(attempts), Some(state), pause, None) => {
            let pause = match pause {
                None => Pause::Off,
                Some("paused") => Pause::Paused,
                Some(_) => return None,
            };
            Some(Stood { state: state.parse().ok()?, attempts: count(attempts)?, pause })
        }
        (Some(_), ..) => return None,
    };
    Some(Cursor { seen, tries_until, stood })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_and_nothing_else_does() {
        for text in ["0.0.0", "12.3.1790000000000000.2.running", "1.0.0.1.suspended.paused", "7.7.5.3.completed"] {
            let cursor: Cursor = text.parse().expect(text);
            assert_eq!(cursor.to_string(), text);
        }
        assert!("7.7.5.3.completed".parse::<Cursor>().expect("a cursor").is_over());
        for bad in [
            "",
            "1",
            "1.2",
            "1.2.x",
            "-1.2.3",
            "1.2.3.4",
            "1.2.3.4.done",
            "1.2.3.4.running.x",
            "1.2.3.4.running.paused.",
            "4294967295.0.0",
        ] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
