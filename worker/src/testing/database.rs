//! A scheduler's database with one run in it: what the statements of the store do, on values in memory.

use std::collections::BTreeMap;

use piton_shared::{
    codec,
    failure::Failure,
    ids::{AttemptId, Epoch},
    journal::{Entry, Kind, Outcome, Payload, Place, StepKey, in_order},
    message::{
        append::{Append, AppendAnswer, FailedTry, NewWait, Next},
        claim::{OpenCall, Waiting},
        state::{StateScope, StateValue, StateWrite},
    },
    parked::Parked,
    time::Timestamp,
};
use uuid::Uuid;

use super::{
    away::{Away, Learned},
    sessions::Session,
    story::Timer,
};
use crate::runtime::attempt::retried;

/// Where the run is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    Queued,
    Running,
    Suspended,
    Parked(Parked),
    Completed(Payload),
    Failed(Failure),
    Cancelled(Failure),
    Killed,
}

/// Whether anything new of the run may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    GoesOn,
    Paused,
}

/// One run's rows.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) state: State,
    /// Stands beside the state.
    pub(super) pause: Pause,
    pub(super) attempt: AttemptId,
    pub(super) attempts: u32,
    pub(super) epoch: Epoch,
    /// Appends that were written, of all attempts.
    pub(super) appends: u32,
    append_number: u32,
    outside: u32,
    journal: BTreeMap<StepKey, (AttemptId, Entry)>,
    waits: BTreeMap<StepKey, Wait>,
    pub(super) tries: Vec<FailedTry>,
    /// What was given away.
    pub(super) away: Away,
    /// The run's own state.
    values: BTreeMap<String, StateValue>,
    /// Its session's.
    session: Session,
    /// Rows that came with an append and of which its holder was not told.
    news: Vec<Entry>,
    /// Every timer that was ever set, for the story.
    pub(super) timers: Vec<Timer>,
}

#[derive(Debug)]
struct Wait {
    wait: NewWait,
    due: Timestamp,
    /// Its place among the timers of the story, which is the order in which they were set.
    timer: usize,
}

impl State {
    /// How the run ended, unless it goes on or was stopped.
    pub(super) fn end(&self) -> Option<Outcome> {
        match self {
            Self::Completed(result) => Some(Ok(result.clone())),
            Self::Failed(failure) | Self::Cancelled(failure) => Some(Err(failure.clone())),
            Self::Queued | Self::Running | Self::Suspended | Self::Parked(_) | Self::Killed => None,
        }
    }
}

impl Database {
    pub(super) fn new(session: Session) -> Self {
        Self {
            state: State::Queued,
            pause: Pause::GoesOn,
            attempt: AttemptId::new(Uuid::nil()),
            attempts: 0,
            epoch: Epoch(1),
            appends: 0,
            append_number: 0,
            outside: 0,
            journal: BTreeMap::new(),
            waits: BTreeMap::new(),
            tries: Vec::new(),
            away: Away::default(),
            values: BTreeMap::new(),
            session,
            news: Vec::new(),
            timers: Vec::new(),
        }
    }

    /// Takes hold of a queued run: the calls that earlier attempts left open.
    pub(super) fn claim(&mut self) -> Option<Vec<OpenCall>> {
        if self.state != State::Queued || self.pause == Pause::Paused {
            return None;
        }
        self.attempts += 1;
        self.attempt = AttemptId::new(Uuid::from_u128(u128::from(self.attempts)));
        self.append_number = 0;
        self.state = State::Running;
        Some(self.open())
    }

    /// The holder is gone, or the run's wait is over: it is published anew.
    pub(super) fn requeue(&mut self) {
        match self.state {
            State::Running | State::Suspended => {
                self.state = State::Queued;
                self.epoch = Epoch(self.epoch.0 + 1);
            }
            State::Queued
            | State::Parked(_)
            | State::Completed(_)
            | State::Failed(_)
            | State::Cancelled(_)
            | State::Killed => {}
        }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.journal.values().map(|(_, entry)| entry.clone()).collect()
    }

    /// The journal in the order in which the run was told it.
    pub(super) fn in_order(&self) -> Vec<Entry> {
        in_order(self.entries())
    }

    pub(super) fn outside_after(&self, after: u32) -> Vec<Entry> {
        let mut rows = self.entries();
        rows.retain(|entry| matches!(entry.place, Place::Outside { number } if number > after));
        rows
    }

    fn open(&self) -> Vec<OpenCall> {
        let mut open: BTreeMap<StepKey, OpenCall> = BTreeMap::new();
        let untold = |key: &StepKey| OpenCall {
            key: key.clone(),
            failed_tries: 0,
            last_try: 0,
            first_started_at: None,
            last_failed_at: None,
            waiting: None,
        };
        for tried in self.tries.iter().filter(|tried| !self.journal.contains_key(&tried.key)) {
            let call = open.entry(tried.key.clone()).or_insert_with(|| untold(&tried.key));
            call.failed_tries += 1;
            call.last_try = call.last_try.max(tried.try_number);
            let first = call.first_started_at.unwrap_or(tried.started_at);
            call.first_started_at = Some(first.min(tried.started_at));
            call.last_failed_at = call.last_failed_at.max(Some(tried.finished_at));
        }
        for Wait { wait, .. } in self.waits.values() {
            let step = retried(&wait.key).map(|(key, _)| key).filter(|key| open.contains_key(key));
            let key = step.unwrap_or_else(|| wait.key.clone());
            let waiting = if wait.kind == Kind::Retry { Waiting::Retry } else { Waiting::Sleep };
            open.entry(key.clone()).or_insert_with(|| untold(&key)).waiting = Some(waiting);
        }
        for (key, waiting) in self.away.open() {
            open.entry(key.clone()).or_insert_with(|| untold(&key)).waiting = Some(waiting);
        }
        open.into_values().collect()
    }

    /// One append at `now`.
    pub(super) fn append(&mut self, append: &Append, now: Timestamp) -> AppendAnswer {
        if append.attempt != self.attempt || self.state != State::Running {
            return AppendAnswer::Fenced;
        }
        debug_assert!(
            append.number == 0 || append.number == self.append_number + 1,
            "an append is numbered with a gap: {append:?}"
        );
        if let Some(current) = append.state.as_ref().and_then(|write| self.conflict(write)) {
            return AppendAnswer::Conflict { current };
        }
        self.appends += 1;
        self.tries.extend(append.failed_tries.iter().cloned());
        let others = |row: &Entry| self.journal.get(&row.key).is_some_and(|(attempt, _)| *attempt != append.attempt);
        if append.rows.iter().any(others) {
            return AppendAnswer::Superseded;
        }
        for row in &append.rows {
            self.journal.entry(row.key.clone()).or_insert((append.attempt, row.clone()));
        }
        self.append_number = self.append_number.max(append.number);
        for key in &append.withdrawn {
            self.waits.remove(key);
        }
        for wait in &append.waits {
            self.set(wait.clone(), now);
        }
        if let Some(write) = &append.state {
            self.write(write);
        }
        for learned in self.away.take(append, now) {
            let row = self.learn(learned);
            self.news.push(row);
        }
        self.go_on(&append.next)
    }

    /// What stands where a write was computed from something else.
    fn conflict(&self, write: &StateWrite) -> Option<StateValue> {
        let current = self.stands(write.scope, &write.name);
        (current.version != write.expected).then_some(current)
    }

    fn write(&mut self, write: &StateWrite) {
        let value = StateValue { value: write.value.clone(), version: write.expected + 1 };
        match write.scope {
            StateScope::Run => {
                self.values.insert(write.name.clone(), value);
            }
            StateScope::Session => self.session.write(&write.name, value),
        }
    }

    /// What stands in the state under this name.
    pub(super) fn stands(&self, scope: StateScope, name: &str) -> StateValue {
        match scope {
            StateScope::Run => self.values.get(name).cloned().unwrap_or_default(),
            StateScope::Session => self.session.read(name),
        }
    }

    /// Work that was given away has ended: the rows for the holder; a suspended run is queued instead.
    pub(super) fn learned(&mut self, learned: Learned) -> Vec<Entry> {
        let row = self.learn(learned);
        self.wake(vec![row])
    }

    /// Rows that came with an append, to wake its holder.
    pub(super) fn news(&mut self) -> Vec<Entry> {
        let news = std::mem::take(&mut self.news);
        self.wake(news)
    }

    fn learn(&mut self, Learned { key, kind, name, input, end }: Learned) -> Entry {
        let mut row = self.tell(key, kind, name, input, end.outcome, end.finished_at);
        row.started_at = end.started_at;
        row.try_number = end.try_number;
        if let Some((_, stored)) = self.journal.get_mut(&row.key) {
            stored.clone_from(&row);
        }
        row
    }

    fn set(&mut self, wait: NewWait, now: Timestamp) {
        if self.waits.contains_key(&wait.key) {
            return;
        }
        let due = now.plus(wait.after);
        let timer = self.timers.len();
        self.timers.push(Timer::set(&wait, now, due));
        self.waits.insert(wait.key.clone(), Wait { wait, due, timer });
    }

    fn go_on(&mut self, next: &Next) -> AppendAnswer {
        match next {
            Next::GoOn => {}
            Next::Suspend { seen_outside } if *seen_outside != self.outside => {
                return AppendAnswer::Overtaken { outside: self.outside_after(*seen_outside) };
            }
            Next::Suspend { .. } => self.state = State::Suspended,
            Next::Park(reason) => self.state = State::Parked(reason.clone()),
            Next::Complete(result) => self.end(State::Completed(result.clone())),
            Next::Fail(failure) => self.end(State::Failed(failure.clone())),
            Next::Cancel(failure) => self.end(State::Cancelled(failure.clone())),
        }
        AppendAnswer::Accepted
    }

    fn end(&mut self, state: State) {
        self.waits.clear();
        self.away.clear();
        self.values.clear();
        self.state = state;
    }

    /// When the first timer is due.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        // What was given away and is due begins nowhere while the run is paused.
        let away = self.away.first_due().filter(|_| self.pause == Pause::GoesOn);
        self.waits.values().map(|wait| wait.due).chain(away).min()
    }

    /// Fires what is due and returns the rows for the holder; a suspended run is queued instead.
    pub(super) fn fire(&mut self, now: Timestamp) -> Vec<Entry> {
        let due = self.waits.values().filter(|wait| wait.due <= now);
        // Two that are due at one moment fire in the order in which they were set.
        let mut due: Vec<_> = due.map(|wait| (wait.due, wait.timer, wait.wait.key.clone())).collect();
        due.sort();
        let fired: Vec<_> = due.into_iter().filter_map(|(.., key)| self.waits.remove(&key)).collect();
        let mut rows = Vec::with_capacity(fired.len());
        for Wait { wait, timer, .. } in fired {
            if let Some(timer) = self.timers.get_mut(timer) {
                timer.fired_at = Some(now);
            }
            rows.push(self.tell(wait.key, wait.kind, wait.name, wait.input, Ok(codec::UNIT.to_vec()), now));
        }
        self.wake(rows)
    }

    /// Somebody asks that the run be cancelled; one that never began is cancelled at once.
    pub(super) fn cancel(&mut self, now: Timestamp) -> Vec<Entry> {
        let key = StepKey::new("cancel#1");
        match self.state {
            State::Queued if self.attempts == 0 => self.end(State::Cancelled(Failure::cancelled())),
            State::Queued | State::Running | State::Suspended if !self.journal.contains_key(&key) => {
                let unit = codec::UNIT.to_vec();
                let row = self.tell(key, Kind::Cancel, "cancel".to_owned(), unit.clone(), Ok(unit), now);
                return self.wake(vec![row]);
            }
            State::Queued
            | State::Running
            | State::Suspended
            | State::Parked(_)
            | State::Completed(_)
            | State::Failed(_)
            | State::Cancelled(_)
            | State::Killed => {}
        }
        Vec::new()
    }

    /// Ends the run by force, unless it has ended.
    pub(super) fn kill(&mut self) {
        match self.state {
            State::Queued | State::Running | State::Suspended | State::Parked(_) => self.end(State::Killed),
            State::Completed(_) | State::Failed(_) | State::Cancelled(_) | State::Killed => {}
        }
    }

    fn tell(
        &mut self,
        key: StepKey,
        kind: Kind,
        name: String,
        input: Payload,
        outcome: Outcome,
        now: Timestamp,
    ) -> Entry {
        self.outside += 1;
        let entry = Entry {
            key: key.clone(),
            kind,
            name,
            input,
            outcome,
            place: Place::Outside { number: self.outside },
            started_at: now,
            finished_at: now,
            worker: None,
            try_number: 1,
        };
        self.journal.insert(key, (AttemptId::new(Uuid::nil()), entry.clone()));
        entry
    }

    fn wake(&mut self, rows: Vec<Entry>) -> Vec<Entry> {
        if rows.is_empty() || self.state == State::Running {
            return rows;
        }
        if self.state == State::Suspended {
            self.requeue();
        }
        Vec::new()
    }
}
