//! Random workflows under random mishaps: whatever happens, the run ends as its journal says, and no result that is
//! pinned is computed again.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use piton_shared::{
    failure::Failure,
    journal::{Entry, StepKey},
    message::append::{Append, AppendAnswer, Next},
};
use proptest::prelude::*;

use super::{
    plan::{Plan, encode, plans},
    world::{State, World},
};
use crate::runtime::attempt::{Attempt, Effect, EndedTry, Input, Start};

/// What happens next. The number chooses among what is possible.
#[derive(Debug, Clone, Copy)]
enum Event {
    Claim,
    EndTry(usize),
    /// The append reaches the scheduler.
    Commit,
    /// The scheduler's answer reaches the worker.
    Answer,
    /// It does not: the append is sent again.
    LoseAnswer,
    Wake,
    LoseWake,
    RepeatWakes,
    ReadOutside,
    ReadJournal,
    Pass(u64),
    Crash,
    LeaseEnds,
    Lapse,
    Renew,
    Drain,
    Cancel,
    /// Another's result for a step that is executed here.
    Steal(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => Just(Event::Claim),
        10 => (0_usize..8).prop_map(Event::EndTry),
        10 => Just(Event::Commit),
        10 => Just(Event::Answer),
        2 => Just(Event::LoseAnswer),
        5 => Just(Event::Wake),
        2 => Just(Event::LoseWake),
        1 => Just(Event::RepeatWakes),
        3 => Just(Event::ReadOutside),
        4 => Just(Event::ReadJournal),
        4 => (0_u64..90_000).prop_map(Event::Pass),
        1 => Just(Event::Crash),
        1 => Just(Event::LeaseEnds),
        1 => Just(Event::Lapse),
        2 => Just(Event::Renew),
        1 => Just(Event::Drain),
        1 => Just(Event::Cancel),
        1 => (0_usize..8).prop_map(Event::Steal),
    ];
    prop::collection::vec(event, 0..120)
}

/// A worker with one run slot, and what is between it and the scheduler.
struct Play {
    world: World,
    attempt: Option<Attempt>,
    running: Vec<Start>,
    append: Option<Append>,
    answer: Option<AppendAnswer>,
    wakes: VecDeque<Vec<Entry>>,
    old_wakes: Vec<Vec<Entry>>,
    read_after: Option<u32>,
    replay: bool,
    lapsed: bool,
    failures: BTreeMap<StepKey, u32>,
    begun: Vec<(StepKey, u128, u32)>,
}

impl Play {
    fn new(plan: Plan) -> Self {
        Self {
            world: World::new(plan),
            attempt: None,
            running: Vec::new(),
            append: None,
            answer: None,
            wakes: VecDeque::new(),
            old_wakes: Vec::new(),
            read_after: None,
            replay: false,
            lapsed: false,
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

    fn outcome(&mut self, start: &Start) -> Result<Vec<u8>, Failure> {
        let failures = self.failures.entry(start.key.clone()).or_default();
        let input: u64 = piton_shared::codec::decode(&start.input).expect("a number");
        let wanted = start.function.strip_prefix("fails").map_or(0, |n| n.parse().expect("a number"));
        if start.function == "hopeless" || *failures < wanted {
            *failures += 1;
            return Err(Failure::new("not this time"));
        }
        Ok(encode(input.wrapping_add(1)))
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Claim if self.attempt.is_none() => {
                if let Some(granted) = self.world.claim() {
                    self.attempt = Some(Attempt::new(granted.hold, granted.open));
                    let (machine, entries) = (Box::new(granted.machine), granted.entries);
                    self.on(Input::Journal { machine, entries });
                }
            }
            Event::EndTry(index) if !self.running.is_empty() => {
                let start = self.running.remove(index % self.running.len());
                let outcome = self.outcome(&start);
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
            Event::Claim
            | Event::EndTry(_)
            | Event::Commit
            | Event::ReadJournal
            | Event::Lapse
            | Event::Renew
            | Event::Steal(_) => {}
        }
    }

    fn push_wake(&mut self, woken: Vec<Entry>) {
        if !woken.is_empty() && self.attempt.is_some() {
            self.wakes.push_back(woken);
        }
    }

    /// Lets everything happen in turn until the run has ended.
    fn finish(&mut self) {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_run_ends_as_its_journal_says_whatever_happens(plan in plans(), events in events()) {
        let mut play = Play::new(plan.clone());
        let disturbed = events.iter().any(|event| matches!(event, Event::Cancel | Event::Steal(_)));
        for event in events {
            play.happen(event);
        }
        play.finish();
        play.world.check_ended();
        if !disturbed && plan.is_settled() {
            let expected = Next::Complete(encode(plan.expected(0)));
            prop_assert_eq!(&play.world.state, &State::Ended(expected));
        }
    }

    #[test]
    fn without_mishaps_each_function_succeeds_once(plan in plans()) {
        let mut play = Play::new(plan);
        play.finish();
        play.world.check_ended();
        let mut begun: Vec<_> = play.begun.iter().map(|(key, _, number)| (key.clone(), *number)).collect();
        begun.sort();
        let tries = begun.len();
        begun.dedup();
        prop_assert_eq!(tries, begun.len());
    }
}
