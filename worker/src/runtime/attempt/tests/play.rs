//! A worker with one run slot, to which things happen.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use piton_shared::{
    codec,
    failure::Failure,
    journal::{Entry, Kind, StepKey},
    message::{
        append::{Append, AppendAnswer},
        state::{StateScope, StateValue},
    },
    replay::Fetch,
};

use super::{
    chaos::Event,
    plan::{Plan, encode},
    verbs,
    world::{Paused, State, World},
};
use crate::runtime::attempt::{Attempt, Effect, EndedTry, Input, Start};

/// A worker with one run slot, and what is between it and the scheduler.
pub(super) struct Play {
    pub(super) world: World,
    attempt: Option<Attempt>,
    running: Vec<Start>,
    append: Option<Append>,
    answer: Option<AppendAnswer>,
    wakes: VecDeque<Vec<Entry>>,
    old_wakes: Vec<Vec<Entry>>,
    read_after: Option<u32>,
    reads: Vec<(StepKey, StateScope, String)>,
    fetch: Option<Fetch>,
    replay: bool,
    lapsed: bool,
    meddled: u64,
    failures: BTreeMap<StepKey, u32>,
    pub(super) begun: Vec<(StepKey, u128, u32)>,
}

impl Play {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            world: World::new(plan),
            attempt: None,
            running: Vec::new(),
            append: None,
            answer: None,
            wakes: VecDeque::new(),
            old_wakes: Vec::new(),
            read_after: None,
            reads: Vec::new(),
            fetch: None,
            replay: false,
            lapsed: false,
            meddled: 0,
            failures: BTreeMap::new(),
            begun: Vec::new(),
        }
    }

    fn forget(&mut self) {
        self.attempt = None;
        self.running.clear();
        self.append = None;
        self.answer = None;
        self.wakes.clear();
        self.read_after = None;
        self.reads.clear();
        self.fetch = None;
        self.replay = false;
        self.lapsed = false;
    }

    fn on(&mut self, input: Input) {
        let now = self.world.now;
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        for effect in attempt.on(input, now, 0.5) {
            match effect {
                Effect::Start(start) => self.begin(*start),
                Effect::Abort(key) => self.running.retain(|start| start.key != key),
                Effect::Append(append) => {
                    assert!(self.append.is_none() && self.answer.is_none(), "two appends at once");
                    self.append = Some(*append);
                }
                Effect::ReadState { key, scope, name } => self.reads.push((key, scope, name)),
                Effect::Fetch(fetch) => self.fetch = Some(fetch),
                Effect::ReadOutside { after } => self.read_after = Some(after),
                Effect::Replay => self.replay = true,
                Effect::HandBack(_) => {
                    self.forget();
                    self.world.requeue();
                }
                Effect::Drop => self.forget(),
            }
        }
    }

    fn begin(&mut self, start: Start) {
        assert!(!self.lapsed, "begun without a lease: {start:?}");
        assert!(self.running.iter().all(|it| it.key != start.key), "begun twice: {start:?}");
        assert!(self.world.paused == Paused::No || !self.attempt_holds(), "begun while it is paused: {start:?}");
        if self.attempt_holds() {
            assert!(!self.world.has(&start.key) || self.stolen(&start.key), "pinned and begun: {start:?}");
            let (machine, _) = self.world.replayed();
            assert!(
                machine.is_open(&start.key) || self.stolen(&start.key),
                "what led to it is not written yet: {start:?}"
            );
        }
        let fence = (start.key.clone(), self.world.attempts, start.try_number);
        assert!(!self.begun.contains(&fence), "one (epoch, try) twice: {fence:?}");
        self.begun.push(fence);
        self.running.push(start);
    }

    fn attempt_holds(&self) -> bool {
        self.world.state == State::Running
    }

    /// Whether rows from outside are committed that this attempt may not know of yet.
    fn stolen(&self, _: &StepKey) -> bool {
        let known = self.attempt.as_ref().and_then(Attempt::outside_known);
        known.is_none_or(|known| known < self.world.outside)
    }

    fn outcome(&mut self, key: &StepKey, function: &str, input: &[u8]) -> Result<Vec<u8>, Failure> {
        let failures = self.failures.entry(key.clone()).or_default();
        let input: u64 = codec::decode(input).expect("a number");
        let wanted = function.strip_prefix("fails").map_or(0, |n| n.parse().expect("a number"));
        if function == "hopeless" || *failures < wanted {
            *failures += 1;
            return Err(Failure::new("not this time"));
        }
        Ok(encode(input.wrapping_add(1)))
    }

    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Claim if self.attempt.is_none() => {
                if let Some(granted) = self.world.claim() {
                    self.attempt = Some(Attempt::new(granted.hold, granted.open, Arc::default()));
                    let (machine, entries) = (Box::new(granted.machine), granted.entries);
                    self.on(Input::Journal { machine, entries });
                }
            }
            Event::EndTry(index) if !self.running.is_empty() => {
                let start = self.running.remove(index % self.running.len());
                let outcome = self.outcome(&start.key, &start.function, &start.input);
                let started_at = self.world.now;
                self.world.now = self.world.now.plus(Duration::from_millis(1));
                self.on(Input::Ended(EndedTry {
                    key: start.key,
                    try_number: start.try_number,
                    outcome,
                    started_at,
                    finished_at: self.world.now,
                }));
            }
            Event::Commit if self.answer.is_none() => {
                if let Some(append) = &self.append {
                    self.answer = Some(self.world.append(append));
                }
            }
            Event::Answer => {
                if let Some(answer) = self.answer.take() {
                    let append = Box::new(self.append.take().expect("it was answered"));
                    self.on(Input::Answered { answer, append });
                }
            }
            Event::LoseAnswer => self.answer = None,
            Event::Wake => {
                if let Some(rows) = self.wakes.pop_front() {
                    self.old_wakes.push(rows.clone());
                    self.on(Input::Woken(rows));
                }
            }
            Event::LoseWake => self.old_wakes.extend(self.wakes.pop_front()),
            Event::RepeatWakes => {
                for rows in self.old_wakes.clone() {
                    self.on(Input::Woken(rows));
                }
            }
            Event::ReadOutside => {
                let known = self.attempt.as_ref().and_then(Attempt::outside_known);
                if let Some(after) = self.read_after.take().or(known) {
                    let rows = self.world.outside_after(after);
                    self.on(Input::OutsideRead(rows));
                }
            }
            Event::ReadJournal if self.replay => {
                self.replay = false;
                if self.attempt_holds() {
                    let (machine, entries) = (Box::new(self.world.machine()), self.world.entries());
                    self.on(Input::Journal { machine, entries });
                } else {
                    self.on(Input::Lost);
                }
            }
            Event::Pass(millis) => {
                let woken = self.world.pass(Duration::from_millis(millis));
                self.push_wake(woken);
                self.on(Input::Tick);
            }
            Event::Crash => {
                self.forget();
                self.world.requeue();
            }
            // The worker does not know: it goes on, and is refused.
            Event::LeaseEnds => self.world.requeue(),
            Event::Lapse if !self.lapsed && self.attempt.is_some() => {
                self.lapsed = true;
                self.on(Input::Lapsed);
                assert!(self.running.is_empty(), "it runs without a lease");
            }
            Event::Renew if self.lapsed => {
                self.lapsed = false;
                self.on(Input::Renewed);
            }
            Event::Drain => self.on(Input::Drain),
            Event::Cancel => {
                let woken = self.world.cancel();
                self.push_wake(woken);
            }
            Event::Steal(index) if !self.running.is_empty() => {
                let start = self.running[index % self.running.len()].clone();
                let name = start.function.clone().into_owned();
                let woken = self.world.answer(start.key, name, start.input, Ok(encode(99)));
                self.push_wake(woken);
            }
            Event::Execute(index) => self.execute(index),
            Event::EndBatch(index) => {
                if let Some((key, summary)) = self.world.away.end_batch(index) {
                    let unit = codec::UNIT.to_vec();
                    let woken = self.world.finish(key, Kind::Batch, verbs::terms().function, unit, Ok(summary));
                    self.push_wake(woken);
                }
            }
            Event::ReadState(index) if !self.reads.is_empty() => {
                let (key, scope, name) = self.reads.remove(index % self.reads.len());
                let value = self.world.stands(scope, &name);
                self.on(Input::StateRead { key, value });
            }
            Event::Fetch => {
                if let Some(fetch) = self.fetch.take() {
                    let results = self.world.away.results(&fetch);
                    self.on(Input::Fetched { fetch, results });
                }
            }
            Event::Meddle => {
                self.meddled += 1;
                let StateValue { value, version } = self.world.stands(StateScope::Session, verbs::COUNTER);
                let counted = value.map_or(0, |value| codec::decode(&value).expect("a number")) + 1;
                let value = StateValue { value: Some(encode(counted)), version: version + 1 };
                self.world.state_values.insert((StateScope::Session, verbs::COUNTER.to_owned()), value);
            }
            Event::Pause => {
                self.world.paused = Paused::Yes;
                self.on(Input::Pause { not_begun: Vec::new() });
            }
            Event::Unpause => {
                self.world.paused = Paused::No;
                self.on(Input::Unpause);
            }
            Event::Claim
            | Event::EndTry(_)
            | Event::ReadState(_)
            | Event::Commit
            | Event::ReadJournal
            | Event::Lapse
            | Event::Renew
            | Event::Steal(_) => {}
        }
    }

    /// One try of a step that was given away, on another worker.
    fn execute(&mut self, index: usize) {
        let steps = &self.world.away.steps;
        let Some(key) = steps.keys().nth(index % steps.len().max(1)).cloned() else {
            return;
        };
        let dispatch = steps[&key].clone();
        let most = dispatch.terms.retry.map_or(1, |retry| retry.max_tries);
        let outcome = self.outcome(&key, &dispatch.function, &dispatch.input);
        let failed = self.failures.get(&key).copied().unwrap_or_default();
        if outcome.is_ok() || failed >= most {
            self.world.away.steps.remove(&key);
            let woken = self.world.finish(key, Kind::Step, dispatch.function, dispatch.input, outcome);
            self.push_wake(woken);
        }
    }

    /// The session's counter was counted up by others and by this run's rows, each once.
    pub(super) fn check_counter(&self) {
        let StateValue { value, .. } = self.world.stands(StateScope::Session, verbs::COUNTER);
        let counted = value.map_or(0, |value| codec::decode::<u64>(&value).expect("a number"));
        let mut rows = 0;
        for entry in self.world.entries() {
            let version = entry.outcome.as_ref().ok().and_then(|it| codec::unversioned(it).ok());
            let Some(version) = version.filter(|_| entry.kind == Kind::State).map(|value| value.version) else {
                continue;
            };
            let written = match entry.name.as_str() {
                "update" => true,
                "set" => self.world.counted.contains(&(entry.key.clone(), version)),
                _ => false,
            };
            rows += u64::from(written);
        }
        assert_eq!(counted, self.meddled + rows, "{:#?}", self.world);
    }

    fn push_wake(&mut self, woken: Vec<Entry>) {
        if !woken.is_empty() && self.attempt.is_some() {
            self.wakes.push_back(woken);
        }
    }

    /// Lets everything happen in turn until the run has ended.
    pub(super) fn finish(&mut self) {
        for _ in 0..2_000 {
            if let State::Ended(_) = self.world.state {
                return;
            }
            if self.attempt.is_some() && !self.attempt_holds() && self.append.is_none() {
                // Lease-end and heartbeat tell it sooner or later.
                self.on(Input::Lost);
            }
            for event in [
                Event::Renew,
                Event::Claim,
                Event::ReadJournal,
                Event::Unpause,
                Event::ReadState(0),
                Event::Fetch,
                Event::Execute(0),
                Event::EndBatch(0),
                Event::Wake,
                Event::ReadOutside,
                Event::EndTry(0),
                Event::Commit,
                Event::Answer,
            ] {
                self.happen(event);
            }
            let due = self.attempt.as_ref().and_then(Attempt::wake_at);
            let next = due.into_iter().chain(self.world.first_due()).min();
            if let Some(next) = next
                && self.running.is_empty()
                && self.append.is_none()
            {
                let wait: Duration = next.since(self.world.now);
                self.happen(Event::Pass(u64::try_from(wait.as_millis()).expect("short") + 1));
            }
        }
        panic!("it does not end: {:#?}\n{:#?}", self.world, self.attempt);
    }
}
