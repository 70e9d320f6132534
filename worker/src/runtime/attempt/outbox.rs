//! What waits to be written, and what is under way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use piton_shared::{
    failure::Failure,
    journal::{Entry, Kind, Place, StepKey},
    limits,
    message::append::{Append, FailedTry, NewWait, Next},
};

use super::Hold;

/// Bytes that an append may weigh: a message less its frame. A single row that weighs more is sent all the same, to
/// be refused by name.
const APPEND_BYTES: usize = limits::MESSAGE_BYTES - 32 * 1024;
/// What a row weighs beside its texts and payloads.
const ROW_BYTES: usize = 256;

/// What waits to be written, and what is under way.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    rows: VecDeque<Entry>,
    failed_tries: VecDeque<FailedTry>,
    waits: BTreeMap<StepKey, NewWait>,
    withdrawn: BTreeSet<StepKey>,
    end: Option<Next>,
    flight: Option<Flight>,
    /// The last accepted append that changed more than rows.
    number: u32,
    /// The last own row that is known to be written.
    acknowledged: u32,
}

/// An append that was not answered yet.
#[derive(Debug)]
pub(super) struct Flight {
    own: Option<u32>,
    number: u32,
    goes: Goes,
}

/// Where a run goes with an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    On,
    ToSleep,
    ToItsEnd,
    ToAPerson,
}

/// What an append is to bring about when nothing else is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    GoOn,
    Suspend { seen_outside: u32 },
}

impl Flight {
    /// Whether the attempt is over once this is accepted.
    pub(super) fn leaves(&self) -> bool {
        match self.goes {
            Goes::On => false,
            Goes::ToSleep | Goes::ToItsEnd | Goes::ToAPerson => true,
        }
    }

    /// Whether this parks the run.
    pub(super) fn parks(&self) -> bool {
        self.goes == Goes::ToAPerson
    }
}

impl Outbox {
    pub(super) fn row(&mut self, entry: Entry) {
        self.rows.push_back(entry);
    }

    pub(super) fn failed_try(&mut self, failed: FailedTry) {
        self.failed_tries.push_back(failed);
    }

    pub(super) fn wait(&mut self, wait: NewWait) {
        self.waits.insert(wait.key.clone(), wait);
    }

    /// Nobody waits for this timer any longer.
    pub(super) fn withdraw(&mut self, key: StepKey) {
        if self.waits.remove(&key).is_none() {
            self.withdrawn.insert(key);
        }
    }

    /// This timer is over: it need not be set any more.
    pub(super) fn fired(&mut self, key: &StepKey) {
        self.waits.remove(key);
    }

    /// What the run came to goes last; timers are of no use any more.
    pub(super) fn close(&mut self, next: Next) {
        self.waits.clear();
        self.end = Some(next);
    }

    /// Drops what waits to be written.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.failed_tries.clear();
        self.waits.clear();
        self.withdrawn.clear();
        self.end = None;
    }

    /// Drops what was computed by running ahead, keeps what is true all the same, and returns the results.
    pub(super) fn forget_computed(&mut self) -> VecDeque<Entry> {
        self.waits.retain(|_, wait| wait.kind == Kind::Retry);
        self.withdrawn.clear();
        self.end = None;
        std::mem::take(&mut self.rows)
    }

    /// Keeps of the timers for tries those whose step is still open.
    pub(super) fn keep_waits(&mut self, mut keep: impl FnMut(&StepKey) -> bool) {
        self.waits.retain(|key, _| keep(key));
    }

    /// Own rows up to this number are written.
    pub(super) fn acknowledge(&mut self, own: u32) {
        self.acknowledged = own;
    }

    pub(super) fn acknowledged(&self) -> u32 {
        self.acknowledged
    }

    /// Whether nothing waits to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.failed_tries.is_empty()
            && self.waits.is_empty()
            && self.withdrawn.is_empty()
            && self.end.is_none()
    }

    /// Whether no append is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.flight.is_none()
    }

    /// Whether an append is under way that lets the run leave memory.
    pub(super) fn suspends(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.goes == Goes::ToSleep)
    }

    /// The append that was under way, answered.
    pub(super) fn landed(&mut self) -> Option<Flight> {
        self.flight.take()
    }

    pub(super) fn accepted(&mut self, flight: &Flight) {
        if let Some(own) = flight.own {
            self.acknowledged = own;
        }
        self.number = self.number.max(flight.number);
    }

    /// Takes back what is true of an append that was not written, and returns its results and those behind it.
    pub(super) fn superseded(&mut self, append: Append) -> Vec<Entry> {
        let behind = self.forget_computed();
        self.failed_tries.extend(append.failed_tries);
        for wait in append.waits.into_iter().filter(|wait| wait.kind == Kind::Retry) {
            self.waits.entry(wait.key.clone()).or_insert(wait);
        }
        append.rows.into_iter().chain(behind).collect()
    }

    /// The next append, unless one is under way or there is nothing to say. Rows go first; what was computed from them
    /// goes with the last of them, or later.
    pub(super) fn next(&mut self, hold: Hold, aim: Aim) -> Option<Append> {
        if self.flight.is_some() || (self.is_empty() && aim == Aim::GoOn) {
            return None;
        }
        let mut room = Room { bytes: APPEND_BYTES, rows: limits::COMMIT_ROWS };
        let mut append = Append {
            run: hold.run,
            attempt: hold.attempt,
            number: 0,
            rows: Vec::new(),
            failed_tries: Vec::new(),
            waits: Vec::new(),
            withdrawn: Vec::new(),
            dispatches: Vec::new(),
            batches: Vec::new(),
            state: None,
            next: Next::GoOn,
        };
        while let Some(row) = self.rows.pop_front_if(|row| room.takes(row_weight(row))) {
            append.rows.push(row);
        }
        while let Some(failed) = self.failed_tries.pop_front_if(|it| room.takes(try_weight(it))) {
            append.failed_tries.push(failed);
        }
        if self.rows.is_empty() {
            while let Some(first) = self.waits.first_entry()
                && room.takes(wait_weight(first.get()))
            {
                append.waits.push(first.remove());
            }
            while let Some(first) = self.withdrawn.first()
                && room.takes(ROW_BYTES + first.as_str().len())
            {
                append.withdrawn.extend(self.withdrawn.pop_first());
            }
        }
        append.next = self.next_state(aim, &mut room);
        let changes_more = !append.waits.is_empty() || !append.withdrawn.is_empty() || append.next != Next::GoOn;
        if changes_more {
            append.number = self.number + 1;
        }
        self.flight = Some(Flight::of(&append));
        Some(append)
    }

    /// The end goes when nothing else is left to be written before it.
    fn next_state(&mut self, aim: Aim, room: &mut Room) -> Next {
        let end = self.end.take();
        match (self.is_empty(), end, aim) {
            (true, Some(end), _) if room.takes(next_weight(&end)) => end,
            (true, None, Aim::Suspend { seen_outside }) => Next::Suspend { seen_outside },
            (_, end, _) => {
                self.end = end;
                Next::GoOn
            }
        }
    }
}

impl Flight {
    fn of(append: &Append) -> Self {
        let own = append.rows.last().and_then(|row| match row.place {
            Place::Own { number, .. } => Some(number),
            Place::Outside { .. } => None,
        });
        Self {
            own,
            number: append.number,
            goes: match append.next {
                Next::GoOn => Goes::On,
                Next::Suspend { .. } => Goes::ToSleep,
                Next::Complete(_) | Next::Fail(_) | Next::Cancel(_) => Goes::ToItsEnd,
                Next::Park(_) => Goes::ToAPerson,
            },
        }
    }
}

/// What an append weighs in a message, generously.
pub(crate) fn weight(append: &Append) -> usize {
    let next = next_weight(&append.next);
    let rows: usize = append.rows.iter().map(row_weight).sum();
    let tries: usize = append.failed_tries.iter().map(try_weight).sum();
    let waits: usize = append.waits.iter().map(wait_weight).sum();
    let gone: usize = append.withdrawn.iter().map(|key| ROW_BYTES + key.as_str().len()).sum();
    ROW_BYTES + next + rows + tries + waits + gone
}

/// The room that is left in an append. The first thing always fits.
#[derive(Debug)]
struct Room {
    bytes: usize,
    rows: usize,
}

impl Room {
    fn takes(&mut self, weight: usize) -> bool {
        let untouched = self.bytes == APPEND_BYTES;
        if self.rows == 0 || (weight > self.bytes && !untouched) {
            return false;
        }
        self.rows -= 1;
        self.bytes = self.bytes.saturating_sub(weight);
        true
    }
}

fn row_weight(row: &Entry) -> usize {
    let outcome = match &row.outcome {
        Ok(payload) => payload.len(),
        Err(failure) => failure_weight(failure),
    };
    ROW_BYTES + row.key.as_str().len() + row.name.len() + row.input.len() + outcome
}

fn try_weight(failed: &FailedTry) -> usize {
    ROW_BYTES + failed.key.as_str().len() + failed.name.len() + failure_weight(&failed.failure)
}

fn wait_weight(wait: &NewWait) -> usize {
    ROW_BYTES + wait.key.as_str().len() + wait.name.len() + wait.input.len()
}

fn next_weight(next: &Next) -> usize {
    match next {
        Next::GoOn | Next::Suspend { .. } => 0,
        Next::Complete(result) => result.len(),
        Next::Fail(failure) | Next::Cancel(failure) => failure_weight(failure),
        Next::Park(reason) => reason.to_string().len() * 2,
    }
}

fn failure_weight(failure: &Failure) -> usize {
    ROW_BYTES + failure.message.len() + failure.chain.iter().map(|cause| cause.len() + 8).sum::<usize>()
}
