//! The journal: what a run has been told, in the order it was told.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{failure::Failure, ids::WorkerId, time::Timestamp};

/// Names a call within its run: scope path, name, occurrence in that scope.
///
/// `charge_card#1` is the first call of that name at the top; `parallel#1/0/charge_card#1` the first inside
/// the first branch of the first `parallel`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(String);

impl StepKey {
    /// Wraps a key as it stands in a journal.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of an item of this batch, counted from 1.
    #[must_use]
    pub fn item(&self, number: u32) -> Self {
        Self(format!("{}/{number}", self.0))
    }

    /// The key of the note that try `number` of this step may begin.
    #[must_use]
    pub fn retry(&self, number: u32) -> Self {
        Self(format!("{}~{number}", self.0))
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of call an entry answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A function's outcome.
    Step,
    /// A durable timer that the workflow waited for.
    Sleep,
    /// The wait before a try is over. Told to the driver, never to the workflow.
    Retry,
    /// Somebody asked that the run be cancelled.
    Cancel,
    /// What a batch came to, its items' results apart.
    Batch,
    /// Which branch of a race was first.
    Race,
    /// State of the run or of its session, read or written.
    State,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Step, Self::Sleep, Self::Retry, Self::Cancel, Self::Batch, Self::Race, Self::State];

    /// The word used in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Sleep => "sleep",
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Batch => "batch",
            Self::Race => "race",
            Self::State => "state",
        }
    }

    /// Reads [`Kind::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place in the one order in which a run is told its results.
///
/// Times and sequences are not the order of commits, so replay uses these numbers only: rows of attempts are
/// numbered by the attempt, rows from outside under the run's lock, and every own row says how many rows from
/// outside were told before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Written by an attempt.
    Own {
        /// Counts own rows of the run from 1, across attempts.
        number: u32,
        /// Rows from outside that were told before this one.
        after: u32,
    },
    /// Written by a scheduler for something that happened outside the workflow.
    Outside {
        /// Counts rows from outside from 1.
        number: u32,
    },
}

/// What a call came to: the encoded result, or the failure that ended its last try.
pub type Outcome = Result<Payload, Failure>;

/// An encoded value; see [`crate::codec`].
pub type Payload = Vec<u8>;

/// One row of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Which call this answers.
    pub key: StepKey,
    /// What kind of call that is.
    pub kind: Kind,
    /// The function, or the name given to a timer.
    pub name: String,
    /// What the call was made with.
    #[serde(with = "crate::codec::bytes")]
    pub input: Payload,
    /// What it came to.
    #[serde(with = "crate::codec::outcome")]
    pub outcome: Outcome,
    /// Where it stands in the order.
    pub place: Place,
    /// When its last try began.
    pub started_at: Timestamp,
    /// When it ended. What the workflow sees as `now` after it.
    pub finished_at: Timestamp,
    /// Who executed it; none for what a scheduler wrote.
    pub worker: Option<WorkerId>,
    /// Which try this was, from 1.
    pub try_number: u32,
}

/// Sorts entries into the order in which a run was told them.
///
/// Own rows go by their number; rows from outside come before the first own row that says it was preceded by
/// them. Linear after sorting.
pub fn in_order(entries: Vec<Entry>) -> Vec<Entry> {
    let mut own = Vec::with_capacity(entries.len());
    let mut outside = Vec::new();
    for entry in entries {
        match entry.place {
            Place::Own { number, after } => own.push((number, after, entry)),
            Place::Outside { number } => outside.push((number, entry)),
        }
    }
    own.sort_by_key(|(number, ..)| *number);
    outside.sort_by_key(|(number, _)| *number);
    let mut outside = outside.into_iter().peekable();
    let mut ordered = Vec::with_capacity(own.len() + outside.len());
    for (_, after, entry) in own {
        while let Some((_, told)) = outside.next_if(|(number, _)| *number <= after) {
            ordered.push(told);
        }
        ordered.push(entry);
    }
    ordered.extend(outside.map(|(_, entry)| entry));
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, place: Place) -> Entry {
        Entry {
            key: StepKey::new(key),
            kind: Kind::Step,
            name: "f".into(),
            input: vec![],
            outcome: Ok(vec![]),
            place,
            started_at: Timestamp::EPOCH,
            finished_at: Timestamp::EPOCH,
            worker: None,
            try_number: 1,
        }
    }

    #[test]
    fn outside_rows_stand_before_the_first_own_row_that_knew_of_them() {
        let rows = vec![
            entry("own2", Place::Own { number: 2, after: 2 }),
            entry("out3", Place::Outside { number: 3 }),
            entry("out1", Place::Outside { number: 1 }),
            entry("own1", Place::Own { number: 1, after: 0 }),
            entry("out2", Place::Outside { number: 2 }),
        ];
        let keys: Vec<_> = in_order(rows).into_iter().map(|e| e.key.as_str().to_owned()).collect();
        assert_eq!(keys, ["own1", "out1", "out2", "own2", "out3"]);
    }
}
