//! Doing what an attempt decides.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use piton_shared::{
    journal::{Entry, StepKey},
    message::{
        append::{Append, AppendAnswer, Next},
        claim::Company,
        read::Part,
    },
    replay::{Fetch, Machine},
};
use piton_telemetry::metrics::{Ending, Retried};
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};

use super::{LOOK_EVERY, RunTask, State};
use crate::{
    Run,
    runtime::{
        alone,
        attempt::{Effect, Input},
        execution,
        failpoint::failpoint,
        holdings::{Begun, Wanted},
        journaler::{Job, Written},
        lease::{LeaseState, View},
        read::{self, NotHeld},
        unfit,
    },
};

/// How long to leave to others to say why nothing may begin.
const PAUSE: Duration = Duration::from_millis(5);

impl RunTask<'_> {
    pub(super) async fn on(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let effects = {
                let _inside = self.watched.enter();
                self.attempt.on(input, self.member.clock.now(), rand::random())
            };
            for effect in effects {
                if let Some(input) = self.perform(effect).await {
                    inputs.push_back(input);
                }
            }
        }
    }

    /// Does what the attempt wants, and returns what it learns by that at once.
    pub(super) async fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Start(start) => {
                if start.try_number > 1 {
                    self.member.door.metrics.retries.at(Retried::Step).inc();
                }
                if self.member.registry.function(&start.function).is_none() {
                    return Some(unfit::lacks(&start));
                }
                self.ready.push_back(*start);
            }
            Effect::Abort(key) => {
                self.ready.retain(|start| start.key != key);
                self.member.holdings.abort(self.owner.run, self.owner.attempt, &key);
            }
            Effect::Append(append) => return self.send(append).await,
            Effect::ReadOutside { after } => return Some(self.read_outside(after).await),
            Effect::ReadState { key, scope, name } => self.read_state(key, Part::State { scope, name }),
            Effect::Fetch(fetch) => self.fetch(fetch),
            Effect::Replay => {
                let (run, attempt) = (self.owner.run, self.owner.attempt);
                return Some(match read::journal(self.member, run, attempt).await {
                    Ok(entries) => self.journal(entries),
                    Err(NotHeld) => Input::Lost,
                });
            }
            Effect::HandBack(reason) => {
                self.member.give_back(self.owner.run, self.owner.attempt, reason);
                self.state = State::Gone;
            }
            Effect::Drop => self.state = State::Gone,
        }
        None
    }

    pub(super) async fn send(&mut self, append: Box<Append>) -> Option<Input> {
        if let Next::Suspend { .. } = append.next {
            failpoint!("suspend-send");
        }
        if !append.dispatches.is_empty() {
            failpoint!("dispatch-send");
        }
        if !append.batches.is_empty() {
            failpoint!("items-send");
        }
        if append.state.is_some() {
            failpoint!("state-send");
        }
        let (reply, answer) = oneshot::channel();
        if self.member.journal.send(Job { append, reply }).await.is_err() {
            return Some(Input::Lost);
        }
        self.append = Some(answer);
        None
    }

    pub(super) async fn written(&mut self, Written { answer, append }: Written) {
        failpoint!("append-acknowledged");
        if answer == AppendAnswer::Accepted
            && let Some(ending) = ending(&append.next)
        {
            self.member.door.metrics.runs_ended.at(ending).inc();
            tracing::debug!(?ending, "the run has ended here");
        }
        if answer == AppendAnswer::Accepted && !append.rows.is_empty() {
            let (run, attempt) = (self.owner.run, self.owner.attempt);
            match std::mem::replace(&mut self.company, Company::Shared) {
                Company::Shared => {}
                Company::Few(_) => self.member.holdings.open(run, attempt),
                Company::Alone => {
                    self.member.tasks.spawn(alone::over(Arc::clone(self.member), run, attempt));
                }
            }
        }
        if let AppendAnswer::Invalid { reason } = &answer {
            tracing::error!(reason, "an append cannot be written: the run is parked");
        }
        self.on(Input::Answered { answer, append }).await;
    }

    /// Begins the first try that waits, in the slot that came free.
    pub(super) async fn begin(&mut self, slot: Option<OwnedSemaphorePermit>) {
        let (Some(slot), Some(start)) = (slot, self.ready.pop_front()) else {
            return;
        };
        let Some(function) = self.member.registry.function(&start.function) else {
            return self.on(unfit::lacks(&start)).await;
        };
        let again = start.clone();
        match execution::begin(self.member, self.owner, function, start, slot, self.letters.clone()) {
            Begun::Yes => {}
            // The lease has lapsed this instant, or the run was paused: either is about to be said, unless it is over.
            Begun::No => {
                self.ready.push_front(again);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    pub(super) async fn lease_changed(&mut self) {
        let View { state, lapses } = *self.lease.borrow_and_update();
        if lapses != self.lapses {
            self.lapses = lapses;
            self.ready.clear();
            self.on(Input::Lapsed).await;
        }
        match state {
            LeaseState::Held => self.on(Input::Renewed).await,
            LeaseState::Lapsed => {}
            LeaseState::Ended => self.on(Input::Lost).await,
        }
    }

    pub(super) async fn wanted_changed(&mut self) {
        let wanted = *self.wanted.borrow_and_update();
        match wanted {
            Wanted::Pause => {
                let not_begun = self.ready.drain(..).map(|start| start.key).collect();
                self.on(Input::Pause { not_begun }).await;
            }
            Wanted::Work => self.on(Input::Unpause).await,
        }
    }

    /// Wakes may be lost: what was told since is asked for now and then.
    pub(super) async fn look(&mut self) {
        self.look_at = Instant::now() + LOOK_EVERY;
        if let Some(after) = self.attempt.outside_known() {
            let read = self.read_outside(after).await;
            self.on(read).await;
        }
    }

    pub(super) async fn read_outside(&mut self, after: u32) -> Input {
        match read::outside(self.member, self.owner.run, self.owner.attempt, after).await {
            Ok(entries) => Input::OutsideRead(entries),
            Err(NotHeld) => Input::Lost,
        }
    }

    fn read_state(&self, key: StepKey, part: Part) {
        let (member, owner) = (Arc::clone(self.member), self.owner);
        self.reads.push(Box::pin(async move {
            failpoint!("state-read");
            match read::state(&member, owner.run, owner.attempt, part).await {
                Ok(value) => Input::StateRead { key, value },
                Err(NotHeld) => Input::Lost,
            }
        }));
    }

    fn fetch(&self, fetch: Fetch) {
        let (member, owner) = (Arc::clone(self.member), self.owner);
        self.reads.push(Box::pin(async move {
            match read::results(&member, owner.run, owner.attempt, &fetch).await {
                Ok(results) => Input::Fetched { fetch, results },
                Err(NotHeld) => Input::Lost,
            }
        }));
    }

    pub(super) async fn replay(&mut self, entries: Vec<Entry>) {
        let input = self.journal(entries);
        self.on(input).await;
    }

    fn journal(&self, entries: Vec<Entry>) -> Input {
        self.member.door.metrics.replayed_rows.add(entries.len() as u64);
        let run = Run { id: self.owner.run, workflow: self.grant.workflow.clone().into() };
        let workflow = self.member.registry.workflow(&self.grant.workflow);
        let workflow = workflow.expect("it was looked up before the run was taken");
        match workflow.body(run, &self.input) {
            Ok(body) => {
                let machine = Machine::new(self.grant.seed, self.grant.created_at, body);
                Input::Journal { machine: Box::new(machine), entries }
            }
            Err(reason) => Input::Unfit(reason),
        }
    }
}

/// How a run leaves the hands of workers with an append.
fn ending(next: &Next) -> Option<Ending> {
    match next {
        Next::GoOn | Next::Suspend { .. } => None,
        Next::Complete(_) => Some(Ending::Completed),
        Next::Fail(_) => Some(Ending::Failed),
        Next::Cancel(_) => Some(Ending::Cancelled),
        Next::Park(_) => Some(Ending::Parked),
    }
}
