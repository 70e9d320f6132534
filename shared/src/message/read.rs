//! Reading a run's journal by its holder.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AttemptId, RunId, WorkerId},
    journal::{Entry, Payload, StepKey},
};

/// Asks for what did not come with the grant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// Who asks.
    pub worker: WorkerId,
    /// The run.
    pub run: RunId,
    /// The hold it is read under.
    pub attempt: AttemptId,
    /// Which part.
    pub part: Part,
}

/// A part of what is stored of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Part {
    /// The input.
    Input,
    /// A page of the journal, by key.
    Journal {
        /// The last key of the page before.
        after: Option<StepKey>,
    },
    /// Rows from outside after a number, in their order.
    Outside {
        /// The last number known.
        after: u32,
    },
}

/// The answer to a [`Read`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ReadAnswer {
    /// The input.
    Input(#[serde(with = "crate::codec::bytes")] Payload),
    /// A page of entries.
    Entries {
        /// The rows.
        entries: Vec<Entry>,
        /// Whether another page follows.
        more: More,
    },
    /// The attempt no longer holds the run.
    Fenced,
}

/// Whether another page follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum More {
    /// Ask again with the last key.
    Follows,
    /// That was all.
    End,
}
