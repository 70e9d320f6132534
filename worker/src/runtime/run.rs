//! A run in memory: a task that tells its attempt what happens and does what it decides.

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use super::{
    alone,
    attempt::{Attempt, Effect, EndedTry, Hold, Input, Start},
    execution::{self, Owner},
    failpoint::failpoint,
    holdings::Begun,
    journaler::{Job, Written},
    lease::{LeaseState, View},
    member::Member,
    read::{self, NotHeld},
    unfit,
};
use crate::Run;
use piton_shared::{
    journal::{Entry, Payload},
    message::{
        append::{Append, AppendAnswer, Next},
        claim::{Company, Grant},
    },
    replay::Machine,
};
use piton_telemetry::metrics::{Ending, Retried};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// How often a run that waits in memory looks for rows from outside of which no wake told it.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long to leave to the lease's thread to say that the lease has lapsed.
const LAPSE_PAUSE: Duration = Duration::from_millis(5);

/// What a run's task is sent.
#[derive(Debug)]
pub(super) enum Letter {
    /// A try has ended by itself.
    Ended(EndedTry),
    /// Rows from outside.
    Woken(Vec<Entry>),
}

/// Reads what the run needs, then tells its attempt what happens until it leaves.
pub(super) async fn live(
    member: &Arc<Member>,
    mut grant: Grant,
    letters: mpsc::Sender<Letter>,
    inbox: mpsc::Receiver<Letter>,
    drain: CancellationToken,
) {
    let read = async {
        let input = read::input(member, &mut grant).await?;
        let entries = read::rest_of_journal(member, &mut grant).await?;
        Ok::<_, NotHeld>((input, entries))
    };
    let Ok((input, entries)) = read.await else {
        return;
    };
    let lease = member.lease.watch();
    let lapses = lease.borrow().lapses;
    let hold = Hold { run: grant.run, attempt: grant.attempt, worker: member.id };
    let mut task = RunTask {
        member,
        owner: Owner { run: grant.run, attempt: grant.attempt, epoch: grant.epoch },
        company: grant.company,
        attempt: Attempt::new(hold, std::mem::take(&mut grant.open)),
        grant,
        input,
        ready: VecDeque::new(),
        slot: None,
        append: None,
        letters,
        inbox,
        lapses,
        lease,
        drain,
        draining: Draining::NotTold,
        look_at: Instant::now() + LOOK_EVERY,
        state: State::Held,
    };
    task.replay(entries).await;
    task.work().await;
}

/// A run's task.
struct RunTask<'a> {
    member: &'a Arc<Member>,
    owner: Owner,
    grant: Grant,
    input: Payload,
    /// Until it has come further than its workers' deaths.
    company: Company,
    attempt: Attempt,
    /// Tries that wait for a slot.
    ready: VecDeque<Start>,
    /// The place in the queue for a slot.
    slot: Option<Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>>,
    append: Option<oneshot::Receiver<Written>>,
    letters: mpsc::Sender<Letter>,
    inbox: mpsc::Receiver<Letter>,
    lease: watch::Receiver<View>,
    lapses: u64,
    drain: CancellationToken,
    draining: Draining,
    look_at: Instant,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Draining {
    NotTold,
    Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Held,
    Gone,
}

/// What wakes a run's task.
enum Event {
    Letter(Letter),
    Written(Option<Written>),
    Slot(Option<OwnedSemaphorePermit>),
    Lease,
    Drain,
    Look,
    Tick,
}

impl RunTask<'_> {
    async fn work(&mut self) {
        while self.state == State::Held {
            match self.next().await {
                Event::Letter(Letter::Ended(ended)) => self.on(Input::Ended(ended)).await,
                Event::Letter(Letter::Woken(entries)) => self.on(Input::Woken(entries)).await,
                Event::Written(Some(written)) => self.written(written).await,
                // The journaler is gone, or the lease: nothing of this can be written any more.
                Event::Written(None) => self.on(Input::Lost).await,
                Event::Slot(slot) => self.begin(slot).await,
                Event::Lease => self.lease_changed().await,
                Event::Drain => {
                    self.draining = Draining::Told;
                    self.on(Input::Drain).await;
                }
                Event::Look => self.look().await,
                Event::Tick => self.on(Input::Tick).await,
            }
        }
    }

    /// What happens next. Results come first: what was computed is worth more than what is to begin.
    async fn next(&mut self) -> Event {
        let waits_for_slot = !self.ready.is_empty() && self.lease.borrow().state == LeaseState::Held;
        if waits_for_slot && self.slot.is_none() {
            let slots = Arc::clone(&self.member.step_slots);
            self.slot = Some(Box::pin(async move { slots.acquire_owned().await.ok() }));
        }
        let clock = self.member.clock;
        let due = self.attempt.wake_at().map(|at| clock.instant(at));
        let until = due.map_or(self.look_at, |due| due.min(self.look_at));
        tokio::select! {
            biased;
            Some(letter) = self.inbox.recv() => Event::Letter(letter),
            written = optional(self.append.as_mut()) => {
                self.append = None;
                Event::Written(written.ok())
            }
            changed = self.lease.changed() => match changed {
                Ok(()) => Event::Lease,
                Err(_) => Event::Written(None),
            },
            () = self.drain.cancelled(), if self.draining == Draining::NotTold => Event::Drain,
            slot = optional(self.slot.as_mut()), if waits_for_slot => {
                self.slot = None;
                Event::Slot(slot)
            }
            () = tokio::time::sleep_until(until) => if self.look_at <= until { Event::Look } else { Event::Tick },
        }
    }

    async fn on(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let effects = self.attempt.on(input, self.member.clock.now(), rand::random());
            for effect in effects {
                if let Some(input) = self.perform(effect).await {
                    inputs.push_back(input);
                }
            }
        }
    }

    /// Does what the attempt wants, and returns what it learns by that at once.
    async fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Start(start) => {
                if start.try_number > 1 {
                    self.member.door.metrics.retries.at(Retried::Step).inc();
                }
                if let Some(queue) = start.queue.as_ref().filter(|queue| !self.member.options.queues.contains(queue)) {
                    return Some(unfit::elsewhere(&start, queue));
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

    async fn send(&mut self, append: Box<Append>) -> Option<Input> {
        if let Next::Suspend { .. } = append.next {
            failpoint!("suspend-send");
        }
        let (reply, answer) = oneshot::channel();
        if self.member.journal.send(Job { append, reply }).await.is_err() {
            return Some(Input::Lost);
        }
        self.append = Some(answer);
        None
    }

    async fn written(&mut self, Written { answer, append }: Written) {
        failpoint!("append-acknowledged");
        if answer == AppendAnswer::Accepted
            && let Some(ending) = ending(&append.next)
        {
            self.member.door.metrics.runs_ended.at(ending).inc();
            tracing::debug!(?ending, "the run has ended here");
        }
        if answer == AppendAnswer::Accepted && !append.rows.is_empty() && self.company == Company::Alone {
            self.company = Company::Shared;
            let (run, attempt) = (self.owner.run, self.owner.attempt);
            self.member.tasks.spawn(alone::over(Arc::clone(self.member), run, attempt));
        }
        if let AppendAnswer::Invalid { reason } = &answer {
            tracing::error!(reason, "an append cannot be written: the run is parked");
        }
        self.on(Input::Answered { answer, append }).await;
    }

    /// Begins the first try that waits, in the slot that came free.
    async fn begin(&mut self, slot: Option<OwnedSemaphorePermit>) {
        let (Some(slot), Some(start)) = (slot, self.ready.pop_front()) else {
            return;
        };
        let Some(function) = self.member.registry.function(&start.function) else {
            return self.on(unfit::lacks(&start)).await;
        };
        let again = start.clone();
        match execution::begin(self.member, self.owner, function, start, slot, self.letters.clone()) {
            Begun::Yes => {}
            // The lease has lapsed this instant: its thread is about to say so, unless it was renewed meanwhile.
            Begun::No => {
                self.ready.push_front(again);
                tokio::time::sleep(LAPSE_PAUSE).await;
            }
        }
    }

    async fn lease_changed(&mut self) {
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

    /// Wakes may be lost: what was told since is asked for now and then.
    async fn look(&mut self) {
        self.look_at = Instant::now() + LOOK_EVERY;
        if let Some(after) = self.attempt.outside_known() {
            let read = self.read_outside(after).await;
            self.on(read).await;
        }
    }

    async fn read_outside(&mut self, after: u32) -> Input {
        match read::outside(self.member, self.owner.run, self.owner.attempt, after).await {
            Ok(entries) => Input::OutsideRead(entries),
            Err(NotHeld) => Input::Lost,
        }
    }

    async fn replay(&mut self, entries: Vec<Entry>) {
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

/// Waits for it if it is there, and for ever if not.
async fn optional<F: Future + Unpin>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
