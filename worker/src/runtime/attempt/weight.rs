//! What things weigh in an append, and the room that is left in one.

use piton_shared::{
    failure::Failure,
    journal::{Entry, Outcome, StepKey},
    limits,
    message::{
        append::{Append, FailedTry, NewWait, Next},
        batch::BatchItems,
        dispatch::NewDispatch,
        state::StateWrite,
    },
};

/// Bytes that an append may weigh: a message less its frame. A single row that weighs more is sent all the same, to
/// be refused by name.
pub(super) const APPEND_BYTES: usize = limits::MESSAGE_BYTES - 32 * 1024;
/// What a row weighs beside its texts and payloads.
const ROW_BYTES: usize = 256;
/// What terms of execution weigh.
const TERMS_BYTES: usize = 512;

/// What an append weighs in a message, generously.
pub(crate) fn weight(append: &Append) -> usize {
    let next = of_next(&append.next);
    let rows: usize = append.rows.iter().map(of_row).sum();
    let tries: usize = append.failed_tries.iter().map(of_try).sum();
    let waits: usize = append.waits.iter().map(of_wait).sum();
    let gone: usize = append.withdrawn.iter().map(of_key).sum();
    let given: usize = append.dispatches.iter().map(of_dispatch).sum();
    let items: usize = append.batches.iter().map(of_items).sum();
    let state = append.state.as_ref().map_or(0, of_write);
    ROW_BYTES + next + rows + tries + waits + gone + given + items + state
}

/// Rows that an append costs in a commit; the run's own row counts as one.
pub(crate) fn rows(append: &Append) -> usize {
    let items: usize = append.batches.iter().map(rows_of_items).sum();
    1 + append.rows.len()
        + append.failed_tries.len()
        + append.waits.len()
        + append.withdrawn.len()
        + append.dispatches.len()
        + items
        + usize::from(append.state.is_some())
}

/// What an outcome weighs in a message, generously.
pub(crate) fn of_outcome(outcome: &Outcome) -> usize {
    match outcome {
        Ok(payload) => payload.len(),
        Err(failure) => of_failure(failure),
    }
}

/// What a failure weighs in a message, generously.
pub(crate) fn of_failure(failure: &Failure) -> usize {
    ROW_BYTES + failure.message.len() + failure.chain.iter().map(|cause| cause.len() + 8).sum::<usize>()
}

/// The room that is left in an append. The first thing always fits.
#[derive(Debug)]
pub(super) struct Room {
    bytes: usize,
    rows: usize,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { bytes: APPEND_BYTES, rows: limits::COMMIT_ROWS }
    }

    /// Takes a row, if there is room for it.
    pub(super) fn takes(&mut self, weight: usize) -> bool {
        self.takes_rows(weight, 1)
    }

    /// Takes something of so many rows, if there is room for all of it.
    pub(super) fn takes_rows(&mut self, weight: usize, rows: usize) -> bool {
        let untouched = self.bytes == APPEND_BYTES;
        if !untouched && (rows > self.rows || weight > self.bytes) {
            return false;
        }
        self.rows = self.rows.saturating_sub(rows);
        self.bytes = self.bytes.saturating_sub(weight);
        true
    }
}

pub(super) fn of_row(row: &Entry) -> usize {
    ROW_BYTES + row.key.as_str().len() + row.name.len() + row.input.len() + of_outcome(&row.outcome)
}

pub(super) fn of_try(failed: &FailedTry) -> usize {
    ROW_BYTES + failed.key.as_str().len() + failed.name.len() + of_failure(&failed.failure)
}

pub(super) fn of_wait(wait: &NewWait) -> usize {
    ROW_BYTES + wait.key.as_str().len() + wait.name.len() + wait.input.len()
}

pub(super) fn of_key(key: &StepKey) -> usize {
    ROW_BYTES + key.as_str().len()
}

pub(super) fn of_dispatch(dispatch: &NewDispatch) -> usize {
    of_key(&dispatch.key) + dispatch.function.len() + dispatch.input.len() + TERMS_BYTES
}

pub(super) fn of_items(chunk: &BatchItems) -> usize {
    let items = chunk.items.iter();
    let items: usize =
        items.map(|it| limits::BATCH_ITEM_OVERHEAD + it.id.as_ref().map_or(0, String::len) + it.input.len()).sum();
    of_key(&chunk.key) + chunk.terms.function.len() + TERMS_BYTES + items
}

/// The batch's own row counts as one.
pub(super) fn rows_of_items(chunk: &BatchItems) -> usize {
    1 + chunk.items.len()
}

pub(super) fn of_write(write: &StateWrite) -> usize {
    ROW_BYTES + write.name.len() + write.value.as_ref().map_or(0, Vec::len)
}

pub(super) fn of_next(next: &Next) -> usize {
    match next {
        Next::GoOn | Next::Suspend { .. } => 0,
        Next::Complete(result) => result.len(),
        Next::Fail(failure) | Next::Cancel(failure) => of_failure(failure),
        Next::Park(reason) => reason.to_string().len() * 2,
    }
}
