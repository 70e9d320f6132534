//! A scheduler with one run, in memory: what the statements of the store do, in a few lines.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use piton_shared::{
    codec,
    failure::Failure,
    ids::{AttemptId, RunId, WorkerId},
    journal::{Entry, Kind, Outcome, Place, StepKey, in_order},
    message::{
        append::{Append, AppendAnswer, FailedTry, NewWait, Next},
        claim::{OpenCall, Waiting},
        state::{StateScope, StateValue},
    },
    replay::{Fetch, Machine, Replayed, Request, Turn},
    time::Timestamp,
};
use uuid::Uuid;

use super::{outside::Outside, plan::Plan};
use crate::runtime::attempt::{Hold, left::retried};

/// Where the run is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    Queued,
    Running,
    Suspended,
    Parked(Next),
    Ended(Next),
}

/// The scheduler and its database.
#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) now: Timestamp,
    pub(super) state: State,
    pub(super) attempt: AttemptId,
    pub(super) attempts: u128,
    append_number: u32,
    pub(super) outside: u32,
    journal: BTreeMap<StepKey, (AttemptId, Entry)>,
    waits: BTreeMap<StepKey, (NewWait, Timestamp)>,
    tries: Vec<FailedTry>,
    /// What was given away.
    pub(super) away: Outside,
    pub(super) state_values: HashMap<(StateScope, String), StateValue>,
    pub(super) paused: Paused,
    /// Writes of the session's state, by call and version.
    pub(super) counted: BTreeSet<(StepKey, i64)>,
}

/// Whether the run may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paused {
    No,
    Yes,
}

/// What a claim gives.
pub(super) struct Granted {
    pub(super) hold: Hold,
    pub(super) machine: Machine,
    pub(super) entries: Vec<Entry>,
    pub(super) open: Vec<OpenCall>,
}

pub(super) fn worker() -> WorkerId {
    WorkerId::new(Uuid::from_u128(7))
}

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            now: Timestamp::from_micros(1_000_000),
            state: State::Queued,
            attempt: AttemptId::new(Uuid::nil()),
            attempts: 0,
            append_number: 0,
            outside: 0,
            journal: BTreeMap::new(),
            waits: BTreeMap::new(),
            tries: Vec::new(),
            away: Outside::default(),
            state_values: HashMap::new(),
            paused: Paused::No,
            counted: BTreeSet::new(),
        }
    }

    pub(super) fn machine(&self) -> Machine {
        let started = Timestamp::from_micros(1_000_000);
        Machine::new(Uuid::from_u128(1), started, self.plan.clone().workflow())
    }

    pub(super) fn claim(&mut self) -> Option<Granted> {
        if self.state != State::Queued || self.paused == Paused::Yes {
            return None;
        }
        self.attempts += 1;
        self.attempt = AttemptId::new(Uuid::from_u128(self.attempts));
        self.append_number = 0;
        self.state = State::Running;
        let run = RunId::new(Uuid::from_u128(1));
        Some(Granted {
            hold: Hold { run, attempt: self.attempt, worker: worker() },
            machine: self.machine(),
            entries: self.entries(),
            open: self.open(),
        })
    }

    pub(super) fn requeue(&mut self) {
        match self.state {
            State::Running | State::Suspended => self.state = State::Queued,
            State::Queued | State::Parked(_) | State::Ended(_) => {}
        }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.journal.values().map(|(_, entry)| entry.clone()).collect()
    }

    pub(super) fn has(&self, key: &StepKey) -> bool {
        self.journal.contains_key(key)
    }

    pub(super) fn outside_after(&self, after: u32) -> Vec<Entry> {
        let mut rows: Vec<_> = self.entries();
        rows.retain(|entry| matches!(entry.place, Place::Outside { number } if number > after));
        rows
    }

    fn open(&self) -> Vec<OpenCall> {
        let mut open: BTreeMap<StepKey, OpenCall> = BTreeMap::new();
        let none = |key: &StepKey| OpenCall {
            key: key.clone(),
            failed_tries: 0,
            last_try: 0,
            first_started_at: None,
            last_failed_at: None,
            waiting: None,
        };
        for tried in self.tries.iter().filter(|tried| !self.has(&tried.key)) {
            let call = open.entry(tried.key.clone()).or_insert_with(|| none(&tried.key));
            call.failed_tries += 1;
            call.last_try = call.last_try.max(tried.try_number);
            let first = call.first_started_at.unwrap_or(tried.started_at);
            call.first_started_at = Some(first.min(tried.started_at));
            call.last_failed_at = call.last_failed_at.max(Some(tried.finished_at));
        }
        for (wait, _) in self.waits.values() {
            let step = retried(&wait.key).map(|(key, _)| key).filter(|key| open.contains_key(key));
            let key = step.unwrap_or_else(|| wait.key.clone());
            let waiting = if wait.kind == Kind::Retry { Waiting::Retry } else { Waiting::Sleep };
            open.entry(key.clone()).or_insert_with(|| none(&key)).waiting = Some(waiting);
        }
        for (key, waiting) in self.away.open() {
            open.entry(key.clone()).or_insert_with(|| none(&key)).waiting = Some(waiting);
        }
        open.into_values().collect()
    }

    /// One append, perhaps not for the first time.
    pub(super) fn append(&mut self, append: &Append) -> AppendAnswer {
        let mine = append.attempt == self.attempt;
        let holds = mine && self.state == State::Running;
        if !holds || (append.number != 0 && append.number != self.append_number + 1) {
            let repeated = mine && append.number != 0 && append.number <= self.append_number;
            if !repeated {
                assert!(!holds, "an append is numbered with a gap: {append:?}");
                return AppendAnswer::Fenced;
            }
            return match &append.next {
                Next::Suspend { seen_outside } if holds => {
                    AppendAnswer::Overtaken { outside: self.outside_after(*seen_outside) }
                }
                Next::GoOn
                | Next::Suspend { .. }
                | Next::Complete(_)
                | Next::Fail(_)
                | Next::Cancel(_)
                | Next::Park(_) => AppendAnswer::Accepted,
            };
        }
        if let Some(current) = self.conflict(append) {
            return AppendAnswer::Conflict { current };
        }
        let others = append
            .rows
            .iter()
            .any(|row| self.journal.get(&row.key).is_some_and(|(attempt, _)| *attempt != append.attempt));
        for tried in &append.failed_tries {
            if !self.tries.iter().any(|it| it.key == tried.key && it.try_number == tried.try_number) {
                self.tries.push(tried.clone());
            }
        }
        if others {
            return AppendAnswer::Superseded;
        }
        for row in &append.rows {
            self.journal.entry(row.key.clone()).or_insert((append.attempt, row.clone()));
        }
        self.append_number = self.append_number.max(append.number);
        for key in &append.withdrawn {
            self.waits.remove(key);
        }
        if let Some(write) = &append.state {
            let value = StateValue { value: write.value.clone(), version: write.expected + 1 };
            if let (StateScope::Session, Some(row)) = (write.scope, append.rows.last()) {
                self.counted.insert((row.key.clone(), value.version));
            }
            self.state_values.insert((write.scope, write.name.clone()), value);
        }
        let answered = |key: &StepKey| self.journal.contains_key(key);
        self.away.take(append, answered);
        for wait in &append.waits {
            assert!(!self.has(&wait.key), "a timer that is over is set again: {wait:?}");
            let due = self.now.plus(wait.after);
            self.waits.entry(wait.key.clone()).or_insert((wait.clone(), due));
        }
        match &append.next {
            Next::GoOn => {}
            Next::Suspend { seen_outside } if *seen_outside != self.outside => {
                return AppendAnswer::Overtaken { outside: self.outside_after(*seen_outside) };
            }
            Next::Suspend { .. } => self.state = State::Suspended,
            Next::Park(_) => self.state = State::Parked(append.next.clone()),
            Next::Complete(_) | Next::Fail(_) | Next::Cancel(_) => {
                self.waits.clear();
                self.away.end();
                self.state = State::Ended(append.next.clone());
            }
        }
        AppendAnswer::Accepted
    }

    /// What stands where an append would write over another version.
    fn conflict(&self, append: &Append) -> Option<StateValue> {
        let write = append.state.as_ref()?;
        let row = append.rows.last().expect("a row answers the call");
        assert_eq!(row.kind, Kind::State);
        let current = self.stands(write.scope, &write.name);
        (current.version != write.expected).then_some(current)
    }

    /// What stands in the state.
    pub(super) fn stands(&self, scope: StateScope, name: &str) -> StateValue {
        self.state_values.get(&(scope, name.to_owned())).cloned().unwrap_or_default()
    }

    /// Lets time pass, fires what is due and returns it, if the run is held.
    pub(super) fn pass(&mut self, time: Duration) -> Vec<Entry> {
        self.now = self.now.plus(time);
        let mut due: Vec<_> = self.waits.values().filter(|(_, due)| *due <= self.now).cloned().collect();
        due.sort_by_key(|(wait, due)| (*due, wait.key.clone()));
        let fired = due.into_iter().map(|(wait, _)| {
            self.waits.remove(&wait.key);
            self.tell(wait.key, wait.kind, wait.name, wait.input, Ok(codec::UNIT.to_vec()))
        });
        let fired: Vec<_> = fired.collect();
        self.wake(fired)
    }

    pub(super) fn cancel(&mut self) -> Vec<Entry> {
        let (key, unit) = (StepKey::new("cancel#1"), codec::UNIT.to_vec());
        if self.has(&key) || matches!(self.state, State::Ended(_)) {
            return Vec::new();
        }
        let told = self.tell(key, Kind::Cancel, "cancel".into(), unit.clone(), Ok(unit));
        self.wake(vec![told])
    }

    /// Work that was given away has ended, wherever the run is.
    pub(super) fn finish(
        &mut self,
        key: StepKey,
        kind: Kind,
        name: String,
        input: Vec<u8>,
        outcome: Outcome,
    ) -> Vec<Entry> {
        if self.has(&key) || matches!(self.state, State::Ended(_)) {
            return Vec::new();
        }
        let told = self.tell(key, kind, name, input, outcome);
        self.wake(vec![told])
    }

    /// Somebody else answers a step that is executed by its holder.
    pub(super) fn answer(&mut self, key: StepKey, name: String, input: Vec<u8>, outcome: Outcome) -> Vec<Entry> {
        if self.has(&key) || !matches!(self.state, State::Running) {
            return Vec::new();
        }
        let told = self.tell(key, Kind::Step, name, input, outcome);
        self.wake(vec![told])
    }

    /// When the first timer is due.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        self.waits.values().map(|(_, due)| *due).min()
    }

    fn tell(&mut self, key: StepKey, kind: Kind, name: String, input: Vec<u8>, outcome: Outcome) -> Entry {
        self.outside += 1;
        let entry = Entry {
            key: key.clone(),
            kind,
            name,
            input,
            outcome,
            place: Place::Outside { number: self.outside },
            started_at: self.now,
            finished_at: self.now,
            worker: None,
            try_number: 1,
        };
        let before = self.journal.insert(key, (AttemptId::new(Uuid::nil()), entry.clone()));
        assert!(before.is_none(), "two rows for one key: {entry:?}");
        entry
    }

    fn wake(&mut self, rows: Vec<Entry>) -> Vec<Entry> {
        if rows.is_empty() || self.state == State::Running {
            return rows;
        }
        if self.state == State::Suspended {
            self.state = State::Queued;
        }
        Vec::new()
    }

    /// What the journal leads to, read by nobody's attempt.
    pub(super) fn replayed(&self) -> (Machine, Turn) {
        let mut machine = self.machine();
        let entries = in_order(self.entries());
        let mut rest = entries.as_slice();
        let mut turn = loop {
            match machine.replay(rest).expect("a journal without gaps") {
                Replayed::All(turn) => break turn,
                Replayed::Stopped(stopped) => {
                    rest = &rest[stopped.taken..];
                    let results = self.away.results(&stopped.fetch);
                    machine.supply(stopped.fetch.id, results);
                }
            }
        };
        // Behind the last row it may read, too.
        while let Turn::Waiting(requests) = &turn
            && let Some(fetch) = requests.iter().find_map(fetch_of)
        {
            let results = self.away.results(fetch);
            turn = machine.supply(fetch.id, results);
        }
        (machine, turn)
    }

    /// Numbers without gaps, and an end that the journal leads to.
    pub(super) fn check_ended(&self) {
        let (mut own, mut outside) = (Vec::new(), Vec::new());
        for entry in self.entries() {
            match entry.place {
                Place::Own { number, .. } => own.push(number),
                Place::Outside { number } => outside.push(number),
            }
        }
        own.sort_unstable();
        outside.sort_unstable();
        assert!(own.iter().copied().eq(1..=own.len() as u32), "own numbers {own:?}");
        assert!(outside.iter().copied().eq(1..=outside.len() as u32), "outside numbers {outside:?}");
        let State::Ended(end) = &self.state else {
            panic!("the run did not end: {self:#?}");
        };
        let (_, turn) = self.replayed();
        let ended: Result<Vec<u8>, Failure> = match end {
            Next::Complete(result) => Ok(result.clone()),
            Next::Fail(failure) | Next::Cancel(failure) => Err(failure.clone()),
            Next::GoOn | Next::Suspend { .. } | Next::Park(_) => panic!("no end: {end:?}"),
        };
        assert_eq!(turn, Turn::Ended(ended), "the journal leads elsewhere");
    }
}

fn fetch_of(request: &Request) -> Option<&Fetch> {
    match request {
        Request::Fetch(fetch) => Some(fetch),
        Request::Start(_) | Request::Withdraw(_) | Request::Items(_) | Request::Write(_) => None,
    }
}
