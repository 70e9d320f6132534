//! State that a run reads and writes.
//!
//! A write is numbered like any other row before it is sent, but told to the workflow only once it is accepted: until
//! then nothing else is told, so that nothing runs ahead of it and no other row takes its number.

use std::collections::{BTreeMap, HashMap, VecDeque};

use piton_shared::{
    codec,
    journal::{Entry, Kind, Payload, StepKey},
    message::{
        append::Append,
        state::{StateScope, StateValue, StateWrite},
    },
    replay::{Access, Prompt, StateCall, Write},
    time::Timestamp,
};

use super::{
    Attempt, Effect, Intent, Moved, Stage,
    untold::{Answer, News},
};

/// Values whose version is remembered; beyond that all are read anew.
const VERSIONS: usize = 1024;

/// The open calls of state.
#[derive(Debug, Default)]
pub(super) struct StateCalls {
    open: BTreeMap<StepKey, OpenState>,
    /// Values for updates, to compute from.
    values: VecDeque<(StepKey, StateValue)>,
    writes: VecDeque<Write>,
    writing: Option<StepKey>,
    versions: HashMap<(StateScope, String), i64>,
}

#[derive(Debug)]
struct OpenState {
    call: StateCall,
    began: Timestamp,
    stage: StateStage,
}

/// Where a call of state stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StateStage {
    /// What stands there is being read.
    Reading,
    /// Its value is to be computed: it comes when the workflow looks at its call next.
    Asked,
    /// Its value waits to be written, or is under way.
    Writing,
    /// Its row waits to be told.
    Answered,
}

impl StateCalls {
    /// Whether a write is numbered and not answered yet.
    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Whether a call can be moved without news from outside.
    pub(super) fn is_moving(&self) -> bool {
        !self.values.is_empty() || self.open.values().any(|open| open.stage != StateStage::Asked)
    }

    /// Whether such a call is open.
    pub(super) fn has(&self, key: &StepKey) -> bool {
        self.open.contains_key(key)
    }

    /// Nobody waits for it.
    pub(super) fn withdraw(&mut self, key: &StepKey) {
        self.values.retain(|(of, _)| of != key);
        self.writes.retain(|write| write.key != *key);
        self.open.remove(key);
    }

    /// Its row is told.
    pub(super) fn told(&mut self, key: &StepKey) {
        self.open.remove(key);
    }

    /// Forgets the calls; what is known of versions stays.
    pub(super) fn clear(&mut self) {
        *self = Self { versions: std::mem::take(&mut self.versions), ..Self::default() };
    }

    fn know(&mut self, call: &StateCall, version: i64) {
        if self.versions.len() >= VERSIONS {
            self.versions.clear();
        }
        self.versions.insert((call.scope, call.of.clone()), version);
    }

    fn known(&self, call: &StateCall) -> Option<i64> {
        self.versions.get(&(call.scope, call.of.clone())).copied()
    }
}

impl Attempt {
    pub(super) fn ask_state(&mut self, call: StateCall, now: Timestamp, effects: &mut Vec<Effect>) {
        let key = call.key.clone();
        let write = match &call.access {
            Access::Get | Access::Update => None,
            Access::Set(value) => self.state.known(&call).map(|version| (value.clone(), version)),
            Access::SetIf { value, expected } => Some((value.clone(), *expected)),
        };
        let stage = if let Some((value, expected)) = write {
            self.state.writes.push_back(Write { key: key.clone(), value, expected });
            StateStage::Writing
        } else {
            let (scope, name) = (call.scope, call.of.clone());
            effects.push(Effect::ReadState { key: key.clone(), scope, name });
            StateStage::Reading
        };
        self.state.open.insert(key, OpenState { call, began: now, stage });
    }

    /// What stands there was read.
    pub(super) fn state_read(&mut self, key: &StepKey, current: StateValue) {
        let Some(OpenState { call, stage: stage @ StateStage::Reading, .. }) = self.state.open.get_mut(key) else {
            return;
        };
        let call = call.clone();
        *stage = match call.access {
            Access::Update => StateStage::Asked,
            Access::Get | Access::Set(_) | Access::SetIf { .. } => StateStage::Writing,
        };
        self.state.know(&call, current.version);
        match call.access {
            Access::Get | Access::SetIf { .. } => {
                self.answer_state(key, codec::versioned(current.value.as_deref(), current.version));
            }
            Access::Set(value) => {
                self.state.writes.push_back(Write { key: key.clone(), value, expected: current.version });
            }
            Access::Update => self.state.values.push_back((key.clone(), current)),
        }
    }

    /// The call's row is told when its turn comes.
    fn answer_state(&mut self, key: &StepKey, answer: Payload) {
        let Some(open) = self.state.open.get_mut(key) else {
            return;
        };
        open.stage = StateStage::Answered;
        let (call, began) = (&open.call, open.began);
        self.untold.push(News::Answer(Answer {
            key: key.clone(),
            kind: Kind::State,
            name: call.name.clone().into_owned(),
            input: call.input(),
            outcome: Ok(answer),
            began,
        }));
    }

    /// Has updates computed from what stands there.
    pub(super) fn compute_state(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> Moved {
        let mut moved = Moved::No;
        while let Stage::Live(machine) = &mut self.stage
            && !self.state.is_writing()
            && self.fetches.is_empty()
            && let Some((key, value)) = self.state.values.pop_front()
        {
            moved = Moved::Yes;
            let turn = machine.prompt(&key, Prompt::Value(value));
            self.turn(turn, now, effects);
        }
        moved
    }

    /// An update's new value.
    pub(super) fn computed(&mut self, write: Write) {
        if let Some(open) = self.state.open.get_mut(&write.key) {
            open.stage = StateStage::Writing;
            self.state.writes.push_back(write);
        }
    }

    /// Numbers the next write, unless another is under way.
    pub(super) fn begin_write(&mut self, now: Timestamp) -> Moved {
        if self.hushed() || self.intent != Intent::Working {
            return Moved::No;
        }
        let Stage::Live(machine) = &self.stage else {
            return Moved::No;
        };
        let place = machine.told().next_own();
        let Some(write) = self.state.writes.pop_front() else {
            return Moved::No;
        };
        let Some(OpenState { call, began, .. }) = self.state.open.get(&write.key) else {
            return Moved::Yes;
        };
        let row = Entry {
            key: write.key.clone(),
            kind: Kind::State,
            name: call.name.clone().into_owned(),
            input: call.input(),
            outcome: Ok(codec::versioned(write.value.as_deref(), write.expected + 1)),
            place,
            started_at: *began,
            finished_at: now,
            worker: Some(self.hold.worker),
            try_number: 1,
        };
        let (scope, name) = (call.scope, call.of.clone());
        self.outbox.write(row, StateWrite { scope, name, value: write.value, expected: write.expected });
        self.state.writing = Some(write.key);
        Moved::Yes
    }

    /// An append with a write was accepted: now its row is told.
    pub(super) fn state_written(&mut self, append: &Append, now: Timestamp, effects: &mut Vec<Effect>) {
        let (Some(write), Some(row)) = (&append.state, append.rows.last()) else {
            return;
        };
        self.state.writing = None;
        if let Some(open) = self.state.open.remove(&row.key) {
            self.state.know(&open.call, write.expected + 1);
        }
        let Stage::Live(machine) = &mut self.stage else {
            return;
        };
        match machine.deliver(row) {
            Ok(turn) => self.turn(turn, now, effects),
            Err(_) => self.stale(Vec::new()),
        }
    }

    /// Somebody else has written the value meanwhile, and nothing of the append stands.
    pub(super) fn state_conflict(&mut self, append: Append, current: StateValue) {
        self.outbox.restore(append);
        let Some(key) = self.state.writing.take() else {
            return;
        };
        let Some(OpenState { call, stage, .. }) = self.state.open.get_mut(&key) else {
            return;
        };
        let call = call.clone();
        if call.access == Access::Update {
            *stage = StateStage::Asked;
        }
        self.state.know(&call, current.version);
        match call.access {
            Access::Set(value) => self.state.writes.push_front(Write { key, value, expected: current.version }),
            Access::Update => self.state.values.push_front((key, current)),
            Access::SetIf { .. } | Access::Get => {
                self.answer_state(&key, codec::contested(current.value.as_deref(), current.version));
            }
        }
    }
}
