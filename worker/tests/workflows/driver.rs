//! A driver in a few lines: it asks the machine, executes, and writes the journal. No clock, no retry.

use std::collections::VecDeque;

use piton::{Ended, FunctionContext, Run, RunId, StepKey, Timestamp, Try, Uuid, Worker};
use piton_shared::{
    failure::Failure,
    ids::Epoch,
    journal::{Entry, Kind, Outcome, Payload, Place},
    message::{
        batch::{BatchItem, BatchTerms},
        read::More,
    },
    parked::Parked,
    replay::{BatchCall, Call, Items, Machine, Prompt, Replayed, Request, StateCall, StepOptions, Told, Turn, Write},
};

use crate::{encoded, store::Store};

/// How a run stood when it could not go on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    Ended(Result<Payload, Failure>),
    Parked(Parked),
    /// Every call was answered or withheld, and the workflow waits.
    Waiting,
}

/// What the world does with one call.
pub(crate) enum Answer {
    /// The worker's own function executes it.
    Execute,
    /// This is what it came to.
    With(Outcome),
    /// Somebody cancels the run while it is open.
    Cancel,
    /// Something else ends first.
    Later,
}

pub(crate) struct Driver<'a> {
    worker: &'a Worker,
    workflow: &'a str,
    input: Payload,
    pub(crate) journal: Vec<Entry>,
    pub(crate) asked: Vec<Call>,
    pub(crate) withdrawn: Vec<StepKey>,
    pub(crate) store: Store,
    /// What the machine asked for and no call waits for.
    items: Vec<Items>,
    writes: Vec<Write>,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(worker: &'a Worker, workflow: &'a str, input: &impl serde::Serialize) -> Self {
        let input = piton_shared::codec::encode(input).expect("the test's input encodes");
        Self {
            worker,
            workflow,
            input,
            journal: Vec::new(),
            asked: Vec::new(),
            withdrawn: Vec::new(),
            store: Store::default(),
            items: Vec::new(),
            writes: Vec::new(),
        }
    }

    fn machine(&self) -> Result<Machine, Parked> {
        let workflow = self.worker.registry().workflow(self.workflow).expect("it is registered");
        let run = Run { id: run_id(), workflow: workflow.name().into() };
        let body = workflow.body(run, &self.input)?;
        Ok(Machine::new(Uuid::from_u128(42), Timestamp::from_micros(1_000_000), body))
    }

    /// Drives the run to its end; `world` says what becomes of each call.
    pub(crate) async fn drive(&mut self, mut world: impl FnMut(&Call) -> Answer) -> End {
        let mut machine = match self.machine() {
            Ok(machine) => machine,
            Err(parked) => return End::Parked(parked),
        };
        let mut turn = machine.begin();
        let mut open = VecDeque::new();
        loop {
            if let Some(end) = self.absorb(&mut machine, turn, &mut open) {
                return end;
            }
            let Some(call) = open.pop_front() else {
                return End::Waiting;
            };
            let outcome = match world(&call) {
                Answer::Execute => match self.execute(&mut machine, &call).await {
                    Ok(outcome) => outcome,
                    Err(end) => return end,
                },
                Answer::With(outcome) => outcome,
                Answer::Later => {
                    open.push_back(call);
                    turn = Turn::Waiting(Vec::new());
                    continue;
                }
                Answer::Cancel => {
                    let entry = self.cancel(machine.told());
                    open.push_front(call);
                    turn = machine.deliver(&entry).expect("rows are written in order");
                    self.journal.push(entry);
                    continue;
                }
            };
            let entry = self.answer(&call, outcome, machine.told());
            self.asked.push(call);
            turn = machine.deliver(&entry).expect("rows are written in order");
            self.journal.push(entry);
        }
    }

    /// Takes in what a turn says; the end, if it is one.
    fn absorb(&mut self, machine: &mut Machine, mut turn: Turn, open: &mut VecDeque<Call>) -> Option<End> {
        loop {
            let requests = match turn {
                Turn::Ended(result) => return Some(End::Ended(result)),
                Turn::Parked(parked) => return Some(End::Parked(parked)),
                Turn::Waiting(requests) => requests,
            };
            let mut fetched = None;
            for request in requests {
                match request {
                    Request::Start(call) => open.push_back(call),
                    Request::Withdraw(key) => {
                        open.retain(|call| *call.key() != key);
                        self.withdrawn.push(key);
                    }
                    Request::Items(items) => self.items.push(items),
                    Request::Write(write) => self.writes.push(write),
                    Request::Fetch(fetch) => fetched = Some(fetch),
                }
            }
            let fetch = fetched?;
            turn = machine.supply(fetch.id, self.store.page(&fetch));
        }
    }

    /// Replays the first `rows` rows, as a worker does that takes the run over.
    pub(crate) fn replay(&self, rows: usize) -> Turn {
        let mut machine = self.machine().expect("it was read before");
        let mut rest = &self.journal[..rows];
        let mut turn = loop {
            match machine.replay(rest).expect("the journal has no gap") {
                Replayed::All(turn) => break turn,
                Replayed::Stopped(stopped) => {
                    rest = &rest[stopped.taken..];
                    machine.supply(stopped.fetch.id, self.store.page(&stopped.fetch));
                }
            }
        };
        while let Turn::Waiting(requests) = &turn
            && let [Request::Fetch(fetch)] = &requests[..]
        {
            turn = machine.supply(fetch.id, self.store.page(fetch));
        }
        turn
    }

    /// The run ends the same wherever it is taken over, and asks there for what it asked for before.
    pub(crate) fn check_replays(&self, end: &End) {
        for rows in 0..self.journal.len() {
            match self.replay(rows) {
                Turn::Waiting(_) => {}
                turn @ (Turn::Ended(_) | Turn::Parked(_)) => panic!("after {rows} rows: {turn:?}"),
            }
        }
        match self.replay(self.journal.len()) {
            Turn::Ended(replayed) => assert_eq!(End::Ended(replayed), *end),
            turn @ (Turn::Waiting(_) | Turn::Parked(_)) => panic!("it ended, and replays to {turn:?}"),
        }
    }

    /// The keys of the journal, in its order.
    pub(crate) fn keys(&self) -> Vec<&str> {
        self.journal.iter().map(|entry| entry.key.as_str()).collect()
    }

    async fn execute(&mut self, machine: &mut Machine, call: &Call) -> Result<Outcome, End> {
        Ok(match call {
            Call::Sleep(_) => Ok(encoded(&())),
            Call::Step(step) => self.function(&step.function, &step.key, &step.input, &step.options).await,
            Call::Race(race) => Ok(race.input()),
            Call::State(state) => Ok(self.access(machine, state)?),
            Call::Batch(batch) => Ok(self.batch(machine, batch).await?),
        })
    }

    fn access(&mut self, machine: &mut Machine, call: &StateCall) -> Result<Payload, End> {
        let turn = machine.prompt(&call.key, Prompt::Value(self.store.current(call)));
        if let Some(end) = self.absorb(machine, turn, &mut VecDeque::new()) {
            return Err(end);
        }
        let computed = self.writes.pop();
        Ok(self.store.access(call, computed))
    }

    async fn batch(&mut self, machine: &mut Machine, call: &BatchCall) -> Result<Payload, End> {
        let BatchCall { key, terms } = call;
        let mut items: Vec<(BatchItem, Outcome)> = Vec::new();
        loop {
            let turn = machine.prompt(key, Prompt::Items { from: items.len() as u32 + 1 });
            if let Some(end) = self.absorb(machine, turn, &mut VecDeque::new()) {
                return Err(end);
            }
            let chunk = self.items.pop().expect("a prompt is answered");
            for item in chunk.items {
                let of = key.item(items.len() as u32 + 1);
                let outcome = self.item(terms, &of, &item).await;
                items.push((item, outcome));
            }
            if chunk.more == More::End {
                return Ok(encoded(&self.store.end_batch(key, terms, items)));
            }
        }
    }

    fn item(&self, terms: &BatchTerms, key: &StepKey, item: &BatchItem) -> Ended {
        self.function(&terms.function, key, &item.input, &terms.item)
    }

    fn function(&self, name: &str, key: &StepKey, input: &[u8], options: &StepOptions) -> Ended {
        let registry = self.worker.registry();
        let function = registry.function(name).expect("it is registered");
        let of = Try {
            run_id: run_id(),
            step_key: key.clone(),
            epoch: Epoch(1),
            number: 1,
            max: options.retry.as_ref().map_or(5, |policy| policy.max_tries),
        };
        function.call(FunctionContext::begin(of).0, registry.resources(), input)
    }

    fn answer(&self, call: &Call, outcome: Outcome, told: Told) -> Entry {
        let input = match call {
            Call::Step(step) => step.input.clone(),
            Call::Race(race) => race.input(),
            Call::State(state) => state.input(),
            Call::Sleep(_) | Call::Batch(_) => Payload::new(),
        };
        let place = match call {
            Call::Batch(_) => Place::Outside { number: told.outside + 1 },
            Call::Sleep(_) | Call::Step(_) | Call::Race(_) | Call::State(_) => told.next_own(),
        };
        self.entry(call.key().clone(), call.kind(), call.name(), input, outcome, place)
    }

    fn cancel(&self, told: Told) -> Entry {
        let place = Place::Outside { number: told.outside + 1 };
        self.entry(StepKey::new("cancel"), Kind::Cancel, "cancel", Payload::new(), Ok(Payload::new()), place)
    }

    fn entry(&self, key: StepKey, kind: Kind, name: &str, input: Payload, outcome: Outcome, place: Place) -> Entry {
        let second = i64::try_from(self.journal.len()).expect("few rows") + 2;
        let at = Timestamp::from_micros(second * 1_000_000);
        Entry {
            key,
            kind,
            name: name.to_owned(),
            input,
            outcome,
            place,
            started_at: at,
            finished_at: at,
            worker: None,
            try_number: 1,
        }
    }
}

pub(crate) fn run_id() -> RunId {
    RunId::new(Uuid::from_u128(7))
}
