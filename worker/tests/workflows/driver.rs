//! A driver in a few lines: it asks the machine, executes, and writes the journal. No clock, no retry.

use std::collections::VecDeque;

use piton::{Ended, FunctionContext, Run, RunId, StepKey, Timestamp, Try, Uuid, Worker};
use piton_shared::{
    failure::Failure,
    ids::Epoch,
    journal::{Entry, Kind, Outcome, Payload, Place},
    parked::Parked,
    replay::{Call, Machine, Request, Told, Turn},
};

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
}

pub(crate) struct Driver<'a> {
    worker: &'a Worker,
    workflow: &'a str,
    input: Payload,
    pub(crate) journal: Vec<Entry>,
    pub(crate) asked: Vec<Call>,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(worker: &'a Worker, workflow: &'a str, input: &impl serde::Serialize) -> Self {
        let input = piton_shared::codec::encode(input).expect("the test's input encodes");
        Self { worker, workflow, input, journal: Vec::new(), asked: Vec::new() }
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
            match turn {
                Turn::Ended(result) => return End::Ended(result),
                Turn::Parked(parked) => return End::Parked(parked),
                Turn::Waiting(requests) => {
                    open.extend(requests.into_iter().filter_map(|request| match request {
                        Request::Start(call) => Some(call),
                        Request::Withdraw(_) => None,
                    }));
                }
            }
            let Some(call) = open.pop_front() else {
                return End::Waiting;
            };
            let entry = match world(&call) {
                Answer::Execute => self.answer(&call, self.execute(&call).await, machine.told()),
                Answer::With(outcome) => self.answer(&call, outcome, machine.told()),
                Answer::Cancel => self.cancel(machine.told()),
            };
            self.asked.push(call);
            turn = machine.deliver(&entry).expect("rows are written in order");
            self.journal.push(entry);
        }
    }

    /// Replays the first `rows` rows, as a worker does that takes the run over.
    pub(crate) fn replay(&self, rows: usize) -> Turn {
        let mut machine = self.machine().expect("it was read before");
        if rows == 0 { machine.begin() } else { machine.replay(&self.journal[..rows]).expect("the journal has no gap") }
    }

    fn execute(&self, call: &Call) -> Ended {
        match call {
            Call::Sleep(_) => Box::pin(async { piton_shared::codec::encode(&()).map_err(Failure::from) }),
            Call::Step(step) => {
                let registry = self.worker.registry();
                let function = registry.function(&step.function).expect("it is registered");
                let of = Try {
                    run_id: run_id(),
                    step_key: step.key.clone(),
                    epoch: Epoch(1),
                    number: 1,
                    max: step.options.retry.as_ref().map_or(5, |policy| policy.max_tries),
                };
                function.call(FunctionContext::begin(of).0, registry.resources(), &step.input)
            }
        }
    }

    fn answer(&self, call: &Call, outcome: Outcome, told: Told) -> Entry {
        let input = match call {
            Call::Step(step) => step.input.clone(),
            Call::Sleep(_) => Payload::new(),
        };
        self.entry(call.key().clone(), call.kind(), call.name(), input, outcome, told.next_own())
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
