//! What an attempt learns.

use piton_shared::{
    journal::{Entry, Outcome, StepKey},
    message::{
        append::{Append, AppendAnswer},
        state::StateValue,
    },
    parked::Parked,
    replay::{Fetch, FetchedResults, Machine},
    time::Timestamp,
};

/// What an attempt learns.
#[derive(Debug)]
pub(crate) enum Input {
    /// The journal was read, for the first time or again, and a machine that was told nothing stands ready. The entries
    /// come in any order; of those from outside exactly the first ones, as many as the grant counted.
    Journal { machine: Box<Machine>, entries: Vec<Entry> },
    /// A try ended.
    Ended(EndedTry),
    /// The append that was under way, answered.
    Answered { answer: AppendAnswer, append: Box<Append> },
    /// Rows from outside came unasked, in any order, perhaps not for the first time.
    Woken(Vec<Entry>),
    /// Rows from outside that were asked for, or given with an answer.
    OutsideRead(Vec<Entry>),
    /// What stands where [`Effect::ReadState`](super::Effect::ReadState) had it read.
    StateRead { key: StepKey, value: StateValue },
    /// A page of a batch's results, as it was asked for.
    Fetched { fetch: Fetch, results: FetchedResults },
    /// The run cannot go on here, and needs a person.
    Unfit(Parked),
    /// The worker's lease has lapsed: what ran is dropped already.
    Lapsed,
    /// The lease is held again, the same one.
    Renewed,
    /// The worker takes no new work: finish what runs, then let go.
    Drain,
    /// The run is paused: finish what runs, then let go. Tries that were to begin and have not are named.
    Pause { not_begun: Vec<StepKey> },
    /// It may go on, if it is still held.
    Unpause,
    /// The run was killed, or is held by another.
    Lost,
    /// Time passed.
    Tick,
}

/// A try that ended by itself, by its timeout or in a panic.
#[derive(Debug)]
pub(crate) struct EndedTry {
    pub(crate) key: StepKey,
    pub(crate) try_number: u32,
    pub(crate) outcome: Outcome,
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Timestamp,
}
