//! Reading a run's journal by its holder.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AttemptId, HoldId, RunId, WorkerId},
    journal::{Entry, Payload, StepKey},
    message::{
        batch::ItemResult,
        claim::OpenCall,
        dispatch::DispatchId,
        state::{StateScope, StateValue},
    },
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
    /// A page of what earlier attempts left open, by key.
    Open {
        /// The last key of the page before.
        after: Option<StepKey>,
    },
    /// Rows from outside after a number, in their order.
    Outside {
        /// The last number known.
        after: u32,
    },
    /// A value of the run's or its session's state.
    State {
        /// Whose.
        scope: StateScope,
        /// Under which name.
        name: String,
    },
    /// Results of a batch that ended, in the order of their items.
    BatchResults {
        /// The batch.
        key: StepKey,
        /// The last item known, or zero.
        after: u32,
    },
}

/// Asks for the input of dispatched work that did not come with its grant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadStep {
    /// Who asks.
    pub worker: WorkerId,
    /// The work.
    pub dispatch: DispatchId,
    /// The hold it is read under.
    pub hold: HoldId,
}

/// The answer to a [`ReadStep`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ReadStepAnswer {
    /// The input.
    Input(#[serde(with = "crate::codec::bytes")] Payload),
    /// The hold no longer counts.
    Fenced,
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
    /// A page of open calls.
    Open {
        /// The calls, by key.
        open: Vec<OpenCall>,
        /// Whether another page follows.
        more: More,
    },
    /// A value of state.
    State(StateValue),
    /// A page of a batch's results.
    Results {
        /// The results.
        results: Vec<ItemResult>,
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
