//! Drives one run: does what its attempt decides, with a database in memory and a clock that jumps.

use std::collections::VecDeque;

use piton_shared::{
    ids::{RunId, WorkerId},
    journal::{Kind, Outcome, Payload},
    message::append::Append,
    parked::Parked,
    replay::Machine,
    time::Timestamp,
};
use uuid::Uuid;

use super::{
    chance::Chance,
    database::Database,
    engine::TestEngine,
    error::RunError,
    executing::{self, Executing, Moved, Polled, Work},
    fault::{Blow, Faults, When},
    script::{Act, Play},
    story::{Story, TestTry, TryEnd, begun},
};
use crate::{
    FunctionContext, RegisteredWorkflow, Run, Try,
    runtime::attempt::{Attempt, Effect, EndedTry, Hold, Input, Start},
};

/// A run that was asked for.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) run_id: RunId,
    pub(super) workflow: RegisteredWorkflow,
    pub(super) input: Payload,
    pub(super) seed: Uuid,
    pub(super) tags: Vec<String>,
    pub(super) started_at: Timestamp,
    pub(super) faults: Faults,
}

/// A run that has ended, or cannot go on.
#[derive(Debug, Clone)]
pub(super) struct Driven {
    pub(super) result: Result<Payload, RunError>,
    pub(super) story: Story,
}

pub(super) async fn drive(engine: &TestEngine, asked: Asked) -> Driven {
    let drive = Drive {
        engine,
        now: asked.started_at,
        faults: asked.faults.clone(),
        chance: engine.chance(asked.seed),
        asked,
        database: Database::new(),
        attempt: None,
        executing: Vec::new(),
        inbox: VecDeque::new(),
        tries: Vec::new(),
        stopped: None,
    };
    drive.run().await
}

pub(super) struct Drive<'a> {
    pub(super) engine: &'a TestEngine,
    pub(super) asked: Asked,
    pub(super) now: Timestamp,
    pub(super) faults: Faults,
    pub(super) chance: Chance,
    pub(super) database: Database,
    pub(super) attempt: Option<Attempt>,
    pub(super) executing: Vec<Executing>,
    pub(super) inbox: VecDeque<Input>,
    pub(super) tries: Vec<TestTry>,
    /// Why the engine cannot go on with it.
    pub(super) stopped: Option<RunError>,
}

impl Drive<'_> {
    async fn run(mut self) -> Driven {
        let result = loop {
            let (start, now) = (self.asked.started_at, self.now);
            self.strike(|when| when.time().is_some_and(|time| start.plus(time) <= now));
            if let Some(error) = self.stopped.take() {
                break Err(error);
            }
            if let Some(end) = self.end() {
                break end;
            }
            if self.attempt.is_none() && self.claim() == Claimed::Yes {
                continue;
            }
            if let Some(input) = self.inbox.pop_front() {
                self.on(input);
                continue;
            }
            match executing::moved(&mut self.executing, self.now, self.engine.patience_now()).await {
                Moved::Ended(one, outcome) => self.ended(*one, outcome),
                Moved::Standstill if self.strike_executing() == Struck::Yes => {}
                Moved::Standstill => {
                    let Some(next) = self.next_moment() else {
                        break Err(self.waits_for_ever());
                    };
                    self.pass_to(next);
                }
            }
        };
        let result = self.deterministic(result);
        Driven { result, story: self.story() }
    }

    fn claim(&mut self) -> Claimed {
        let Some(open) = self.database.claim() else {
            return Claimed::No;
        };
        let worker = WorkerId::new(Uuid::from_u128(u128::from(self.database.attempts)));
        let hold = Hold { run: self.asked.run_id, attempt: self.database.attempt, worker };
        self.attempt = Some(Attempt::new(hold, open));
        let journal = self.journal();
        self.inbox.push_back(journal);
        Claimed::Yes
    }

    fn journal(&self) -> Input {
        match self.machine() {
            Ok(machine) => Input::Journal { machine: Box::new(machine), entries: self.database.entries() },
            Err(reason) => Input::Unfit(reason),
        }
    }

    pub(super) fn machine(&self) -> Result<Machine, Parked> {
        let Asked { run_id, workflow, input, seed, started_at, .. } = &self.asked;
        let body = workflow.body(Run { id: *run_id, workflow: workflow.name().into() }, input)?;
        Ok(Machine::new(*seed, *started_at, body))
    }

    fn on(&mut self, input: Input) {
        let random = self.chance.next();
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        for effect in attempt.on(input, self.now, random) {
            // A fault may have struck meanwhile: what its worker still wanted is nobody's.
            if self.attempt.is_none() {
                break;
            }
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Start(start) => self.start(*start),
            Effect::Abort(key) => self.executing.retain(|one| {
                let stays = one.key != key;
                if !stays {
                    one.handle.cancel();
                }
                stays
            }),
            Effect::Append(append) => self.append(append),
            Effect::ReadOutside { after } => {
                self.inbox.push_back(Input::OutsideRead(self.database.outside_after(after)));
            }
            Effect::Replay => {
                let journal = self.journal();
                self.inbox.push_back(journal);
            }
            Effect::HandBack(_) => {
                self.gone();
                self.database.requeue();
            }
            Effect::Drop => self.gone(),
        }
    }

    fn start(&mut self, start: Start) {
        self.strike(|when| matches!(when, When::Begins(step) if step == start.key.as_str()));
        if self.attempt.is_none() {
            return;
        }
        let play = self.play(&start);
        let (run_id, epoch) = (self.asked.run_id, self.database.epoch);
        let (context, handle) = FunctionContext::begin(Try {
            run_id,
            step_key: start.key.clone(),
            epoch,
            number: start.try_number,
            max: start.max_tries,
        });
        let work = match (play.act.end(), &play.act) {
            (Some(outcome), _) => Work::Scripted { ends: self.now.plus(play.takes), outcome },
            (None, Act::Never) => Work::Endless,
            (None, Act::Call(call)) => Work::Polled(Polled::new(|| call(context, &start.input), play.takes)),
            (None, Act::Real | Act::End(_) | Act::Panic(_)) => {
                let Some(function) = self.engine.registry().function(&start.function) else {
                    let name = start.function.into_owned();
                    return self.inbox.push_back(Input::Unfit(Parked::Unregistered { name }));
                };
                let resources = self.engine.registry().resources();
                if let Some(missing) = function.needs().iter().find(|need| !resources.has(need)) {
                    let function = function.name().to_owned();
                    self.stopped = Some(RunError::ResourceMissing { function, resource: missing.type_name });
                    return;
                }
                Work::Polled(Polled::new(|| function.call(context, resources, &start.input), play.takes))
            }
        };
        let limit = start.bounds.of_try(self.now).map(|(limit, failure)| (self.now.plus(limit), failure));
        let record = self.tries.len();
        self.tries.push(begun(&start.key, &start.function, start.try_number, epoch, run_id, self.now));
        let (key, try_number, started_at) = (start.key, start.try_number, self.now);
        self.executing.push(Executing { key, try_number, record, started_at, limit, work, handle });
    }

    fn play(&self, start: &Start) -> Play {
        match self.faults.failure_of(&start.key) {
            Some(failure) => Play { act: Act::End(Err(failure.clone())), ..Play::default() },
            None => self.engine.play(&start.function, start.try_number),
        }
    }

    fn append(&mut self, append: Box<Append>) {
        let steps: Vec<_> =
            append.rows.iter().filter(|row| row.kind == Kind::Step).map(|row| row.key.clone()).collect();
        let of = |key: &str| steps.iter().any(|step| step.as_str() == key);
        let number = self.database.appends + 1;
        self.strike(|when| match when {
            When::Ended(step) => of(step),
            When::BeforeAppend(coming) => *coming == number,
            When::Begins(_) | When::Executes(_) | When::Written(_) | When::AfterAppend(_) | When::After(_) => false,
        });
        if self.attempt.is_none() {
            return;
        }
        let answer = self.database.append(&append, self.now);
        self.strike(|when| match when {
            When::Written(step) => of(step),
            When::AfterAppend(written) => *written == number,
            When::Begins(_) | When::Executes(_) | When::Ended(_) | When::BeforeAppend(_) | When::After(_) => false,
        });
        if self.attempt.is_some() {
            self.inbox.push_back(Input::Answered { answer, append });
        }
    }

    /// Lets happen what comes at this moment.
    fn strike(&mut self, is_now: impl Fn(&When) -> bool) -> Struck {
        let blows = self.faults.take(is_now);
        let struck = if blows.is_empty() { Struck::No } else { Struck::Yes };
        for blow in blows {
            match blow {
                Blow::Crash => {
                    if self.attempt.is_some() {
                        self.gone();
                        self.database.requeue();
                    }
                }
                Blow::Drain => self.inbox.push_back(Input::Drain),
                Blow::Cancel => {
                    let rows = self.database.cancel(self.now);
                    self.woken(rows);
                }
                Blow::Kill => {
                    self.database.kill();
                    self.gone();
                }
            }
        }
        struck
    }

    /// What comes while a function is executed comes when it was called and waits.
    fn strike_executing(&mut self) -> Struck {
        let executing: Vec<_> = self.executing.iter().map(|one| one.key.to_string()).collect();
        self.strike(|when| matches!(when, When::Executes(step) if executing.contains(step)))
    }

    /// Nobody holds it any more.
    fn gone(&mut self) {
        self.attempt = None;
        self.inbox.clear();
        for one in self.executing.drain(..) {
            one.handle.cancel();
        }
    }

    fn woken(&mut self, rows: Vec<piton_shared::journal::Entry>) {
        if !rows.is_empty() {
            self.inbox.push_back(Input::Woken(rows));
        }
    }

    fn ended(&mut self, one: Executing, outcome: Outcome) {
        let at = self.now;
        if let Some(record) = self.tries.get_mut(one.record) {
            record.end = match &outcome {
                Ok(_) => TryEnd::Returned { at },
                Err(failure) => TryEnd::Failed { at, failure: failure.clone() },
            };
        }
        let Executing { key, try_number, started_at, .. } = one;
        self.on(Input::Ended(EndedTry { key, try_number, outcome, started_at, finished_at: at }));
    }

    fn next_moment(&self) -> Option<Timestamp> {
        let fault = self.faults.first_time().map(|time| self.asked.started_at.plus(time));
        let attempt = self.attempt.as_ref().and_then(Attempt::wake_at);
        let executing = executing::next_moment(&self.executing);
        [fault, attempt, executing, self.database.first_due()].into_iter().flatten().min()
    }

    fn pass_to(&mut self, moment: Timestamp) {
        self.now = self.now.max(moment);
        while let Some((one, failure)) = executing::out_of_time(&mut self.executing, self.now) {
            self.ended(one, Err(failure));
        }
        let fired = self.database.fire(self.now);
        self.woken(fired);
        self.inbox.push_back(Input::Tick);
    }
}

/// Whether anything came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Struck {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claimed {
    Yes,
    No,
}
