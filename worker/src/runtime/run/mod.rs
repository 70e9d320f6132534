//! A run in memory: a task that tells its attempt what happens and does what it decides.

mod act;

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::FuturesUnordered};
use piton_shared::{
    journal::{Entry, Payload},
    message::claim::{Company, Grant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::{Attempt, EndedTry, Hold, Input, Start},
    execution::Owner,
    holdings::Wanted,
    journaler::Written,
    lease::{LeaseState, View},
    member::Member,
    polls::{Code, Watched},
    read::{self, NotHeld},
};

/// How often a run that waits in memory looks for rows from outside of which no wake told it.
const LOOK_EVERY: Duration = Duration::from_secs(5);

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
    wanted: watch::Receiver<Wanted>,
) {
    let read = async {
        let input = read::input(member, &mut grant).await?;
        // First what is open, then the journal: what is answered in between is found there.
        let open = read::rest_of_open(member, &mut grant).await?;
        let entries = read::rest_of_journal(member, &mut grant).await?;
        Ok::<_, NotHeld>((input, open, entries))
    };
    let Ok((input, open, entries)) = read.await else {
        return;
    };
    let lease = member.lease.watch();
    let lapses = lease.borrow().lapses;
    let hold = Hold { run: grant.run, attempt: grant.attempt, worker: member.id };
    let code = Code { run: grant.run, name: grant.workflow.clone(), step: None };
    let mut task = RunTask {
        member,
        owner: Owner { run: grant.run, attempt: grant.attempt, epoch: grant.epoch },
        company: grant.company,
        attempt: Attempt::new(hold, open, member.options.queues.clone().into()),
        grant,
        input,
        ready: VecDeque::new(),
        slot: None,
        append: None,
        reads: FuturesUnordered::new(),
        letters,
        inbox,
        lapses,
        lease,
        drain,
        draining: Draining::NotTold,
        wanted,
        look_at: Instant::now() + LOOK_EVERY,
        watched: member.polls.of(code),
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
    /// What is being read beside everything else.
    reads: FuturesUnordered<Reading>,
    letters: mpsc::Sender<Letter>,
    inbox: mpsc::Receiver<Letter>,
    lease: watch::Receiver<View>,
    lapses: u64,
    drain: CancellationToken,
    draining: Draining,
    wanted: watch::Receiver<Wanted>,
    look_at: Instant,
    /// The workflow's code.
    watched: Watched,
    state: State,
}

/// A read, and what is learned by it.
type Reading = Pin<Box<dyn Future<Output = Input> + Send>>;

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
    Read(Input),
    Lease,
    Drain,
    Wanted,
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
                Event::Read(input) => self.on(input).await,
                Event::Wanted => self.wanted_changed().await,
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
            Some(input) = self.reads.next(), if !self.reads.is_empty() => Event::Read(input),
            changed = self.lease.changed() => match changed {
                Ok(()) => Event::Lease,
                Err(_) => Event::Written(None),
            },
            () = self.drain.cancelled(), if self.draining == Draining::NotTold => Event::Drain,
            Ok(()) = self.wanted.changed() => Event::Wanted,
            slot = optional(self.slot.as_mut()), if waits_for_slot => {
                self.slot = None;
                Event::Slot(slot)
            }
            () = tokio::time::sleep_until(until) => if self.look_at <= until { Event::Look } else { Event::Tick },
        }
    }
}

/// Waits for it if it is there, and for ever if not.
async fn optional<F: Future + Unpin>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
