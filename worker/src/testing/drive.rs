//! Drives one run: does what its attempt decides, with a database in memory and a clock that jumps.

use std::{collections::VecDeque, sync::Arc};

use piton_shared::{
    ids::{RunId, WorkerId},
    journal::{Entry, Kind, Payload},
    message::append::Append,
    name::Queue,
    parked::Parked,
    replay::Machine,
    time::Timestamp,
};
use uuid::Uuid;

use super::{
    begin::Begun,
    chance::Chance,
    database::{Database, Pause},
    engine::TestEngine,
    error::RunError,
    executing::{self, Executing, Moved, Of},
    fault::{Blow, Faults, When},
    story::{Story, TestTry},
};
use crate::{
    RegisteredWorkflow, Run,
    runtime::attempt::{Attempt, Effect, Hold, Input},
};

/// A run that was asked for.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) run_id: RunId,
    pub(super) workflow: RegisteredWorkflow,
    pub(super) input: Payload,
    pub(super) seed: Uuid,
    pub(super) tags: Vec<String>,
    pub(super) session: Option<String>,
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
    let asked_session = engine.session(asked.session.as_deref().unwrap_or(&asked.run_id.to_string()));
    let drive = Drive {
        engine,
        now: asked.started_at,
        faults: asked.faults.clone(),
        chance: engine.chance(asked.seed),
        asked,
        database: Database::new(asked_session),
        queues: engine.queues(),
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
    pub(super) queues: Arc<[Queue]>,
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
            if self.begin_away() == Begun::Some {
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
        self.attempt = Some(Attempt::new(hold, open, Arc::clone(&self.queues)));
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

    pub(super) fn on(&mut self, input: Input) {
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
            Effect::Abort(key) => self.drop_tries(|one| one.of == Of::Run && one.key == key),
            Effect::Append(append) => self.append(append),
            Effect::ReadOutside { after } => {
                self.inbox.push_back(Input::OutsideRead(self.database.outside_after(after)));
            }
            Effect::ReadState { key, scope, name } => {
                let value = self.database.stands(scope, &name);
                self.inbox.push_back(Input::StateRead { key, value });
            }
            Effect::Fetch(fetch) => {
                let results = self.database.away.results(&fetch);
                self.inbox.push_back(Input::Fetched { fetch, results });
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
        self.drop_taken_back();
        if self.attempt.is_some() {
            self.inbox.push_back(Input::Answered { answer, append });
            let news = self.database.news();
            self.woken(news);
        }
    }

    /// Lets happen to the run what comes at this moment.
    pub(super) fn strike(&mut self, is_now: impl Fn(&When) -> bool) -> Struck {
        self.strike_at(&Of::Run, is_now)
    }

    /// The same where somebody else may be hit: a crash hits who executes the try.
    pub(super) fn strike_at(&mut self, of: &Of, is_now: impl Fn(&When) -> bool) -> Struck {
        let blows = self.faults.take(is_now);
        let struck = if blows.is_empty() { Struck::No } else { Struck::Yes };
        for blow in blows {
            match (blow, of) {
                (Blow::Crash, Of::Run) => {
                    if self.attempt.is_some() {
                        self.gone();
                        self.database.requeue();
                    }
                }
                (Blow::Crash, Of::Away(id)) => {
                    self.database.away.give_back(id, self.now);
                    self.drop_tries(|one| one.of == *of);
                }
                (Blow::Drain, _) => self.inbox.push_back(Input::Drain),
                (Blow::Cancel, _) => {
                    let rows = self.database.cancel(self.now);
                    self.woken(rows);
                }
                (Blow::Pause, _) => {
                    self.database.pause = Pause::Paused;
                    self.inbox.push_back(Input::Pause { not_begun: Vec::new() });
                }
                (Blow::Resume, _) => {
                    self.database.pause = Pause::GoesOn;
                    self.inbox.push_back(Input::Unpause);
                }
                (Blow::Kill, _) => {
                    self.database.kill();
                    self.gone();
                    self.drop_taken_back();
                }
            }
        }
        struck
    }

    /// What comes while a function is executed comes when it was called and waits.
    fn strike_executing(&mut self) -> Struck {
        let executing: Vec<_> = self.executing.iter().map(|one| (one.of.clone(), one.key.to_string())).collect();
        for (of, key) in executing {
            if self.strike_at(&of, |when| matches!(when, When::Executes(step) if *step == key)) == Struck::Yes {
                return Struck::Yes;
            }
        }
        Struck::No
    }

    /// Nobody holds it any more. What it gave away goes on.
    fn gone(&mut self) {
        self.attempt = None;
        self.inbox.clear();
        self.drop_tries(|one| one.of == Of::Run);
    }

    /// Work that the run took back, or that ended with it, is nobody's.
    fn drop_taken_back(&mut self) {
        let taken_back = |one: &Executing| match &one.of {
            Of::Run => None,
            Of::Away(id) => self.database.away.get(id).is_none().then(|| id.clone()),
        };
        let gone: Vec<_> = self.executing.iter().filter_map(taken_back).map(Of::Away).collect();
        self.drop_tries(|one| gone.contains(&one.of));
    }

    fn drop_tries(&mut self, which: impl Fn(&Executing) -> bool) {
        self.executing.retain(|one| {
            let dropped = which(one);
            if dropped {
                one.handle.cancel();
            }
            !dropped
        });
    }

    pub(super) fn woken(&mut self, rows: Vec<Entry>) {
        if !rows.is_empty() {
            self.inbox.push_back(Input::Woken(rows));
        }
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
pub(super) enum Struck {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claimed {
    Yes,
    No,
}
