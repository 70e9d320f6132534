//! What waits to be written, and what is under way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use piton_shared::{
    journal::{Entry, Kind, Place, StepKey},
    message::{
        append::{Append, FailedTry, NewWait, Next},
        batch::BatchItems,
        dispatch::NewDispatch,
        state::StateWrite,
    },
};

use super::{
    Hold,
    given::Given,
    weight::{self, Room},
};

/// What waits to be written, and what is under way.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    rows: VecDeque<Entry>,
    failed_tries: VecDeque<FailedTry>,
    waits: BTreeMap<StepKey, NewWait>,
    withdrawn: BTreeSet<StepKey>,
    given: Given,
    /// At most one chunk of a batch.
    items: VecDeque<BatchItems>,
    /// A write of state with the row that answers it: it goes behind all rows.
    write: Option<(Entry, StateWrite)>,
    end: Option<Next>,
    flight: Option<Flight>,
    /// The last accepted append that changed more than rows.
    number: u32,
    /// The last own row that is known to be written.
    acknowledged: u32,
}

/// Whether all that was to be asked for a call could be taken back before anything of it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsaid {
    All,
    No,
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

    pub(super) fn give(&mut self, dispatch: NewDispatch) {
        self.given.push(dispatch);
    }

    pub(super) fn items(&mut self, chunk: BatchItems) {
        self.items.push_back(chunk);
    }

    /// Until this is answered no other row may be numbered.
    pub(super) fn write(&mut self, row: Entry, write: StateWrite) {
        self.write = Some((row, write));
    }

    /// Nobody waits for this timer, step or batch any longer.
    pub(super) fn withdraw(&mut self, key: StepKey) {
        if self.unsaid(&key) == Unsaid::No {
            self.withdrawn.insert(key);
        }
    }

    /// This call was answered from outside: nothing need be asked for it any more.
    pub(super) fn fired(&mut self, key: &StepKey) {
        self.unsaid(key);
    }

    /// Takes back what waits to be asked for this call.
    fn unsaid(&mut self, key: &StepKey) -> Unsaid {
        let chunk = self.items.iter().position(|chunk| chunk.key == *key);
        let first = chunk.and_then(|place| self.items.remove(place)).is_some_and(|chunk| chunk.first == 1);
        let unsaid = self.waits.remove(key).is_some() || self.given.remove(key).is_some() || first;
        if unsaid { Unsaid::All } else { Unsaid::No }
    }

    /// What the run came to goes last; what it asked for is of no use any more.
    pub(super) fn close(&mut self, next: Next) {
        self.unask();
        self.waits.clear();
        self.end = Some(next);
    }

    /// Drops what waits to be written.
    pub(super) fn clear(&mut self) {
        self.unask();
        self.rows.clear();
        self.failed_tries.clear();
        self.waits.clear();
        self.withdrawn.clear();
        self.end = None;
    }

    fn unask(&mut self) {
        self.given.clear();
        self.items.clear();
        self.write = None;
    }

    /// Drops what was computed by running ahead, keeps what is true all the same, and returns the results.
    pub(super) fn forget_computed(&mut self) -> VecDeque<Entry> {
        self.waits.retain(|_, wait| wait.kind == Kind::Retry);
        self.unask();
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
            && self.given.is_empty()
            && self.items.is_empty()
            && self.write.is_none()
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
    pub(super) fn superseded(&mut self, mut append: Append) -> Vec<Entry> {
        if append.state.is_some() {
            append.rows.pop();
        }
        let behind = self.forget_computed();
        self.failed_tries.extend(append.failed_tries);
        for wait in append.waits.into_iter().filter(|wait| wait.kind == Kind::Retry) {
            self.waits.entry(wait.key.clone()).or_insert(wait);
        }
        append.rows.into_iter().chain(behind).collect()
    }

    /// Takes back an append of which nothing was written, because of the state it was to write: all but the write.
    pub(super) fn restore(&mut self, mut append: Append) {
        append.rows.pop();
        append.rows.into_iter().rev().for_each(|row| self.rows.push_front(row));
        append.failed_tries.into_iter().rev().for_each(|failed| self.failed_tries.push_front(failed));
        self.withdrawn.extend(append.withdrawn);
        if self.end.is_none() {
            for wait in append.waits {
                self.waits.entry(wait.key.clone()).or_insert(wait);
            }
            self.given.restore(append.dispatches);
            append.batches.into_iter().rev().for_each(|chunk| self.items.push_front(chunk));
        }
    }

    /// The next append, unless one is under way or there is nothing to say. Rows go first; what was computed from them
    /// goes with the last of them, or later.
    pub(super) fn next(&mut self, hold: Hold, aim: Aim) -> Option<Append> {
        if self.flight.is_some() || (self.is_empty() && aim == Aim::GoOn) {
            return None;
        }
        let mut room = Room::new();
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
        while let Some(row) = self.rows.pop_front_if(|row| room.takes(weight::of_row(row))) {
            append.rows.push(row);
        }
        while let Some(failed) = self.failed_tries.pop_front_if(|it| room.takes(weight::of_try(it))) {
            append.failed_tries.push(failed);
        }
        if self.rows.is_empty() {
            self.computed(&mut append, &mut room);
        }
        append.next = self.next_state(aim, &mut room);
        if changes_more_than_rows(&append) {
            append.number = self.number + 1;
        }
        self.flight = Some(Flight::of(&append));
        Some(append)
    }

    /// What was computed from rows goes with the last of them.
    fn computed(&mut self, append: &mut Append, room: &mut Room) {
        while let Some(first) = self.waits.first_entry()
            && room.takes(weight::of_wait(first.get()))
        {
            append.waits.push(first.remove());
        }
        while let Some(first) = self.withdrawn.first()
            && room.takes(weight::of_key(first))
        {
            append.withdrawn.extend(self.withdrawn.pop_first());
        }
        while let Some(dispatch) = self.given.pop_if(|it| room.takes(weight::of_dispatch(it))) {
            append.dispatches.push(dispatch);
        }
        let mut takes = |it: &mut BatchItems| room.takes_rows(weight::of_items(it), weight::rows_of_items(it));
        while let Some(chunk) = self.items.pop_front_if(&mut takes) {
            append.batches.push(chunk);
        }
        let write = self.write.take_if(|(row, write)| room.takes(weight::of_row(row) + weight::of_write(write)));
        if let Some((row, write)) = write {
            append.rows.push(row);
            append.state = Some(write);
        }
    }

    /// The end goes when nothing else is left to be written before it.
    fn next_state(&mut self, aim: Aim, room: &mut Room) -> Next {
        let end = self.end.take();
        match (self.is_empty(), end, aim) {
            (true, Some(end), _) if room.takes(weight::of_next(&end)) => end,
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

fn changes_more_than_rows(append: &Append) -> bool {
    !append.waits.is_empty()
        || !append.withdrawn.is_empty()
        || !append.dispatches.is_empty()
        || !append.batches.is_empty()
        || append.state.is_some()
        || append.next != Next::GoOn
}
