//! A driver in miniature: keeps the journal, executes what is asked for, and can crash.

use uuid::Uuid;

use super::{
    super::{BoxFuture, Call, DeliveryError, Machine, Prompt, Replayed, Request, Road, Scope, StateCall, Turn, Write},
    store::Store,
};
use crate::{
    codec,
    failure::{Failure, StepError},
    journal::{Entry, Kind, Outcome, Payload, Place, StepKey},
    parked::Parked,
    time::Timestamp,
};

pub(super) const SEED: Uuid = Uuid::from_u128(0x5eed);

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Own,
    Outside,
}

pub(super) type Body = Box<dyn Fn(Scope) -> BoxFuture<Result<Payload, Failure>> + Send + Sync>;

/// A workflow from an async closure whose output is encoded.
pub(super) fn workflow<F, T>(body: impl Fn(Scope) -> F + Send + Sync + 'static) -> Body
where
    F: Future<Output = Result<T, Failure>> + Send + 'static,
    T: serde::Serialize,
{
    Box::new(move |scope| {
        let run = body(scope);
        Box::pin(async move { Ok(codec::encode(&run.await?)?) })
    })
}

pub(super) fn machine(body: &std::sync::Arc<Body>) -> Machine {
    let body = std::sync::Arc::clone(body);
    Machine::new(SEED, Timestamp::from_micros(1000), move |scope| body(scope))
}

/// What a function of the tests comes to: its input and one more; it fails where the input ends in 9.
pub(super) fn execute(call: &Call) -> Outcome {
    match call {
        Call::Sleep(_) => Ok(codec::UNIT.to_vec()),
        Call::Step(step) => match codec::decode::<u64>(&step.input) {
            Ok(input) if input % 10 == 9 => Err(Failure::permanent(format!("no {input}"))),
            Ok(input) => Ok(codec::encode(&(input + 1)).expect("a number encodes")),
            Err(_) => Ok(step.input.clone()),
        },
        Call::Race(race) => Ok(race.input()),
        Call::Batch(_) | Call::State(_) => Ok(Vec::new()),
    }
}

pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) journal: Vec<Entry>,
    /// What was asked for and neither answered nor withdrawn, in the order of asking.
    pub(super) open: Vec<Call>,
    pub(super) withdrawn: Vec<Call>,
    /// Every key that was ever asked for.
    pub(super) keys: Vec<StepKey>,
    /// Where each step was to be executed.
    pub(super) roads: Vec<(StepKey, Road)>,
    pub(super) end: Option<Turn>,
    /// What is kept besides the journal.
    pub(super) store: Store,
    pub(super) writes: Vec<Write>,
    /// Prompts and supplies: each may be a poll.
    pub(super) asides: u64,
}

impl World {
    /// A run that begins.
    pub(super) fn begin(body: Body) -> Self {
        Self::resume(&std::sync::Arc::new(body), &[])
    }

    /// A run that goes on from its journal.
    pub(super) fn resume(body: &std::sync::Arc<Body>, journal: &[Entry]) -> Self {
        Self::resume_with(body, journal, Store::default())
    }

    /// A run that goes on from its journal, beside what else is kept of it.
    pub(super) fn resume_with(body: &std::sync::Arc<Body>, journal: &[Entry], store: Store) -> Self {
        let mut world = Self {
            machine: machine(body),
            journal: journal.to_vec(),
            open: Vec::new(),
            withdrawn: Vec::new(),
            keys: Vec::new(),
            roads: Vec::new(),
            end: None,
            store,
            writes: Vec::new(),
            asides: 0,
        };
        let turn = world.replay(journal);
        world.absorb(turn);
        world
    }

    fn replay(&mut self, mut rest: &[Entry]) -> Turn {
        loop {
            match self.machine.replay(rest).expect("a journal has no gaps") {
                Replayed::All(turn) => return turn,
                Replayed::Stopped(stopped) => {
                    rest = &rest[stopped.taken..];
                    self.asides += 1;
                    let turn = self.machine.supply(stopped.fetch.id, self.store.page(&stopped.fetch));
                    assert!(!matches!(&turn, Turn::Waiting(requests) if !requests.is_empty()), "{turn:?}");
                }
            }
        }
    }

    pub(super) fn absorb(&mut self, turn: Turn) {
        match turn {
            Turn::Waiting(requests) => {
                let mut fetched = None;
                for request in requests {
                    match request {
                        Request::Start(call) => {
                            self.keys.push(call.key().clone());
                            if let Call::Step(step) = &call {
                                self.roads.push((step.key.clone(), step.road));
                            }
                            self.open.push(call);
                        }
                        Request::Items(items) => self.store.write_items(items),
                        Request::Write(write) => self.writes.push(write),
                        Request::Fetch(fetch) => fetched = Some(fetch),
                        Request::Withdraw(key) => {
                            let at = self.open.iter().position(|call| *call.key() == key);
                            let at = at.expect("only what was started is withdrawn");
                            self.withdrawn.push(self.open.remove(at));
                        }
                    }
                }
                assert_eq!(self.open.len(), self.machine.open_calls(), "the driver knows what is open");
                if let Some(fetch) = fetched {
                    if let Some(call) = self.open.first().cloned() {
                        let early = self.row(&call, Origin::Outside, Ok(vec![]));
                        let refused = self.machine.deliver(&early);
                        assert_eq!(refused, Err(DeliveryError::Fetching { fetch: fetch.id }));
                    }
                    self.asides += 1;
                    let turn = self.machine.supply(fetch.id, self.store.page(&fetch));
                    self.absorb(turn);
                }
            }
            Turn::Ended(_) | Turn::Parked(_) => self.end = Some(turn),
        }
    }

    pub(super) fn place(&self, origin: Origin) -> Place {
        let told = self.machine.told();
        match origin {
            Origin::Own => told.next_own(),
            Origin::Outside => Place::Outside { number: told.outside + 1 },
        }
    }

    /// The row that answers `call` next.
    pub(super) fn row(&self, call: &Call, origin: Origin, outcome: Outcome) -> Entry {
        let input = match call {
            Call::Step(step) => step.input.clone(),
            Call::Race(race) => race.input(),
            Call::State(state) => state.input(),
            Call::Sleep(_) | Call::Batch(_) => Vec::new(),
        };
        self.bare_row(call.key().clone(), call.kind(), call.name(), input, origin, outcome)
    }

    fn bare_row(
        &self,
        key: StepKey,
        kind: Kind,
        name: &str,
        input: Payload,
        origin: Origin,
        outcome: Outcome,
    ) -> Entry {
        let at = Timestamp::from_micros(2000 + self.journal.len() as i64);
        Entry {
            key,
            kind,
            name: name.to_owned(),
            input,
            outcome,
            place: self.place(origin),
            started_at: at,
            finished_at: at,
            worker: None,
            try_number: 1,
        }
    }

    pub(super) fn tell(&mut self, entry: Entry) {
        let turn = self.machine.deliver(&entry).expect("the row is the next");
        self.open.retain(|call| *call.key() != entry.key);
        self.withdrawn.retain(|call| *call.key() != entry.key);
        self.journal.push(entry);
        self.absorb(turn);
    }

    /// Executes the open call at this index and tells its result.
    pub(super) fn finish(&mut self, index: usize, origin: Origin) {
        let call = self.open[index].clone();
        let (origin, outcome) = match &call {
            Call::Step(_) | Call::Sleep(_) => (origin, execute(&call)),
            Call::Race(_) => (Origin::Own, execute(&call)),
            Call::Batch(batch) => {
                while self.end.is_none() && self.hand_over(&batch.key) {}
                (Origin::Outside, Ok(codec::encode(&self.store.summary(&batch.key)).expect("it encodes")))
            }
            Call::State(state) => (Origin::Own, Ok(self.access(state))),
        };
        if self.end.is_none() {
            let row = self.row(&call, origin, outcome);
            self.tell(row);
        }
    }

    /// Has an open batch hand over its next items; false once it has no more.
    pub(super) fn hand_over(&mut self, batch: &StepKey) -> bool {
        let Some(from) = self.store.next_item(batch) else { return false };
        self.asides += 1;
        let turn = self.machine.prompt(batch, Prompt::Items { from });
        self.absorb(turn);
        true
    }

    /// Reads or writes state as a driver does; now and then somebody else is faster.
    fn access(&mut self, call: &StateCall) -> Payload {
        loop {
            let current = self.store.state(call);
            let write = match &call.access {
                super::super::Access::Update => {
                    self.asides += 1;
                    let turn = self.machine.prompt(&call.key, Prompt::Value(current));
                    self.absorb(turn);
                    let Some(write) = self.writes.pop() else { return Vec::new() };
                    assert!(self.writes.is_empty() && write.key == call.key, "{:?}", self.writes);
                    Some(write)
                }
                super::super::Access::Get | super::super::Access::Set(_) | super::super::Access::SetIf { .. } => None,
            };
            if let Some(payload) = self.store.access(call, write) {
                return payload;
            }
        }
    }

    /// Executes the open call of this key and tells its result.
    pub(super) fn finish_key(&mut self, key: &str) {
        let index = self.open.iter().position(|call| call.key().as_str() == key);
        self.finish(index.unwrap_or_else(|| panic!("{key} is not open")), Origin::Own);
    }

    /// A withdrawn call was answered all the same.
    pub(super) fn finish_withdrawn(&mut self, index: usize) {
        let call = self.withdrawn[index].clone();
        let row = self.row(&call, Origin::Outside, execute(&call));
        self.tell(row);
    }

    pub(super) fn cancel(&mut self) {
        let number = self.journal.len();
        let key = StepKey::new(format!("cancel~{number}"));
        let row = self.bare_row(key, Kind::Cancel, "cancel", Vec::new(), Origin::Outside, Ok(Vec::new()));
        self.tell(row);
    }

    pub(super) fn retry(&mut self, index: usize, origin: Origin) {
        let call = self.open[index].clone();
        let key = call.key().retry(self.journal.len() as u32 + 2);
        let row = self.bare_row(key, Kind::Retry, call.name(), Vec::new(), origin, Ok(Vec::new()));
        self.tell(row);
    }

    /// Finishes whatever is open, oldest first, until the run ends.
    pub(super) fn run(&mut self) -> Turn {
        while self.end.is_none() {
            self.finish(0, Origin::Own);
        }
        self.end.clone().expect("it just ended")
    }

    pub(super) fn open_keys(&self) -> Vec<String> {
        self.open.iter().map(|call| call.key().to_string()).collect()
    }

    /// Tells a row whatever its place, as a redelivered message would.
    pub(super) fn deliver(&mut self, entry: &Entry) -> Result<Turn, DeliveryError> {
        self.machine.deliver(entry)
    }
}

/// The value of a run that ended well.
pub(super) fn value<T: serde::de::DeserializeOwned>(turn: Turn) -> T {
    match turn {
        Turn::Ended(Ok(payload)) => codec::decode(&payload).expect("the workflow encoded it"),
        other @ (Turn::Waiting(_) | Turn::Ended(Err(_)) | Turn::Parked(_)) => {
            panic!("it did not end well: {other:?}")
        }
    }
}

/// A step of the tests: `function` with a number, giving a number.
pub(super) fn step(scope: &Scope, function: &'static str, input: u64) -> super::super::Durable<u64> {
    scope.step(function, function, &input, super::super::StepOptions::default())
}

/// What a failed call of the tests counts as.
#[expect(clippy::needless_pass_by_value, reason = "taken as it comes out of a future")]
pub(super) fn or_error(result: Result<u64, StepError>) -> u64 {
    match result {
        Ok(value) => value,
        Err(StepError::Cancelled) => 7_000,
        Err(StepError::Failed(_) | StepError::TimedOut(_) | StepError::Panicked(_)) => 5_000,
    }
}

/// Why a run is parked.
pub(super) fn parked(world: World) -> Parked {
    match world.end {
        Some(Turn::Parked(reason)) => reason,
        other => panic!("it is not parked: {other:?}"),
    }
}
