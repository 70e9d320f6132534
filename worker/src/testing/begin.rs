//! Tries of functions: how they begin, and what their end means.

use std::borrow::Cow;

use piton_shared::{
    ids::Epoch,
    journal::{Outcome, Payload, StepKey},
    message::append::FailedTry,
    parked::Parked,
};

use super::{
    away::{Work as Given, WorkEnd, WorkId},
    database::Pause,
    drive::{Drive, Struck},
    error::RunError,
    executing::{Executing, Of, Polled, Work},
    fault::When,
    script::{Act, Play},
    story::{TryEnd, begun},
};
use crate::{
    FunctionContext, Try,
    runtime::attempt::{AfterTry, Bounds, EndedTry, Input, Start, after_try},
};

/// Whether anything began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    Some,
    None,
}

/// A try that is to begin.
struct Beginning {
    of: Of,
    key: StepKey,
    function: Cow<'static, str>,
    input: Payload,
    epoch: Epoch,
    try_number: u32,
    max_tries: u32,
    bounds: Bounds,
}

impl Drive<'_> {
    /// A try on the worker that holds the run.
    pub(super) fn start(&mut self, start: Start) {
        let Start { key, function, input, try_number, max_tries, bounds } = start;
        let epoch = self.database.epoch;
        self.begin(Beginning { of: Of::Run, key, function, input, epoch, try_number, max_tries, bounds });
    }

    /// Begins the first work that was given away and may begin.
    pub(super) fn begin_away(&mut self) -> Begun {
        if self.database.pause == Pause::Paused {
            return Begun::None;
        }
        let Some(work) = self.database.away.claim(self.now) else {
            return Begun::None;
        };
        let bounds = work.bounds();
        if bounds.over_at(self.now) {
            let started_at = work.first_started.unwrap_or(self.now);
            let (outcome, try_number) = (Err(bounds.out_of_time()), work.failed.max(1));
            self.end_away(&work.id, WorkEnd { outcome, try_number, started_at, finished_at: self.now });
            return Begun::Some;
        }
        let max_tries = work.max_tries();
        let Given { id, function, input, try_number, .. } = work;
        let (key, of) = (id.step_key(), Of::Away(id));
        let (function, epoch) = (function.into(), Epoch(try_number));
        self.begin(Beginning { of, key, function, input, epoch, try_number, max_tries, bounds });
        Begun::Some
    }

    fn begin(&mut self, beginning: Beginning) {
        let Beginning { of, key, function, input, epoch, try_number, max_tries, bounds } = beginning;
        let struck = self.strike_at(&of, |when| matches!(when, When::Begins(step) if step == key.as_str()));
        let goes_on = match &of {
            Of::Run => self.attempt.is_some(),
            Of::Away(id) => {
                struck == Struck::No || self.database.away.get(id).is_some_and(|it| it.try_number == try_number)
            }
        };
        if !goes_on {
            return;
        }
        if self.database.pause == Pause::Paused {
            match &of {
                Of::Run => self.inbox.push_back(Input::Pause { not_begun: vec![key] }),
                Of::Away(id) => self.database.away.put_back(id),
            }
            return;
        }
        let play = self.play(&key, &function, try_number);
        let (run_id, started_at) = (self.asked.run_id, self.now);
        let (context, handle) =
            FunctionContext::begin(Try { run_id, step_key: key.clone(), epoch, number: try_number, max: max_tries });
        let work = match (play.act.end(), &play.act) {
            (Some(outcome), _) => Work::Scripted { ends: started_at.plus(play.takes), outcome },
            (None, Act::Never) => Work::Endless,
            (None, Act::Call(call)) => Work::Polled(Polled::new(|| call(context, &input), play.takes)),
            (None, Act::Real | Act::End(_) | Act::Panic(_)) => {
                let Some(function) = self.engine.registry().function(&function) else {
                    return self.lacks(&of, function.into_owned());
                };
                let resources = self.engine.registry().resources();
                if let Some(missing) = function.needs().iter().find(|need| !resources.has(need)) {
                    let function = function.name().to_owned();
                    self.stopped = Some(RunError::ResourceMissing { function, resource: missing.type_name });
                    return;
                }
                Work::Polled(Polled::new(|| function.call(context, resources, &input), play.takes))
            }
        };
        let limit = bounds.of_try(started_at).map(|(limit, failure)| (started_at.plus(limit), failure));
        let record = self.tries.len();
        self.tries.push(begun(&key, &function, try_number, epoch, run_id, started_at));
        self.executing.push(Executing { of, key, try_number, record, started_at, limit, work, handle });
    }

    /// The run is parked for it; what was given away would wait for a worker that has it.
    fn lacks(&mut self, of: &Of, function: String) {
        match of {
            Of::Run => self.inbox.push_back(Input::Unfit(Parked::Unregistered { name: function })),
            Of::Away(_) => self.stopped = Some(RunError::Unregistered { function }),
        }
    }

    fn play(&self, key: &StepKey, function: &str, try_number: u32) -> Play {
        match self.faults.failure_of(key) {
            Some(failure) => Play { act: Act::End(Err(failure.clone())), ..Play::default() },
            None => self.engine.play(function, try_number),
        }
    }

    /// A try has ended by itself or by its timeout.
    pub(super) fn ended(&mut self, one: Executing, outcome: Outcome) {
        let at = self.now;
        if let Some(record) = self.tries.get_mut(one.record) {
            record.end = match &outcome {
                Ok(_) => TryEnd::Returned { at },
                Err(failure) => TryEnd::Failed { at, failure: failure.clone() },
            };
        }
        let Executing { of, key, try_number, started_at, .. } = one;
        let ended = EndedTry { key, try_number, outcome, started_at, finished_at: at };
        match of {
            Of::Run => self.on(Input::Ended(ended)),
            Of::Away(id) => self.ended_away(&id, ended),
        }
    }

    /// What the end of a try means for work that was given away: decided as its executor decides it.
    fn ended_away(&mut self, id: &WorkId, ended: EndedTry) {
        let random = self.chance.next();
        let Some(work) = self.database.away.get(id) else {
            return;
        };
        let EndedTry { key, try_number, outcome, started_at, finished_at } = ended;
        let policy = work.terms.retry.clone().unwrap_or_default();
        let bounds = Bounds { first_started: work.first_started.or(Some(started_at)), ..work.bounds() };
        let name = work.function.clone();
        match after_try(outcome, &policy, &bounds, work.failed, finished_at, random) {
            AfterTry::Over(outcome) => {
                let of = Of::Away(id.clone());
                self.strike_at(&of, |when| matches!(when, When::Ended(step) if step == key.as_str()));
                // A crash here: its executor is gone with what it had.
                if self.database.away.get(id).is_some_and(|work| work.try_number == try_number) {
                    self.end_away(id, WorkEnd { outcome, try_number, started_at, finished_at });
                    self.strike_at(&of, |when| matches!(when, When::Written(step) if step == key.as_str()));
                }
            }
            AfterTry::Again { failure, after } => {
                self.database.tries.push(FailedTry { key, try_number, name, failure, started_at, finished_at });
                self.database.away.again(id, started_at, finished_at.plus(after));
            }
        }
    }

    fn end_away(&mut self, id: &WorkId, end: WorkEnd) {
        if let Some(learned) = self.database.away.end(id, end) {
            let rows = self.database.learned(learned);
            self.woken(rows);
        }
    }
}
