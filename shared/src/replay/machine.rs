//! Keeps a workflow's future and drives it through its journal.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use uuid::Uuid;

use super::{
    call::Call,
    ledger::{Core, Settled},
    mismatch,
    scope::Scope,
    turn::{DeliveryError, Told, Turn},
};
use crate::{
    codec,
    failure::{Failure, StepError},
    journal::{Entry, Kind, Payload, Place, StepKey},
    limits,
    parked::Parked,
    time::Timestamp,
};

/// A future on the heap that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

type Outcome = Result<Payload, Failure>;

/// One attempt's view of a run: the workflow's future and the rows it was told.
///
/// Rows come strictly in order: an own row must be the next own row and know of exactly the outside rows that were told,
/// an outside row must be the next of those. A row that was told before changes nothing; a gap is refused.
pub struct Machine {
    core: Arc<Core>,
    body: Body,
    told: Told,
    polls: u64,
}

enum Body {
    New(Box<dyn FnOnce(Scope) -> BoxFuture<Outcome> + Send>),
    Running(BoxFuture<Outcome>),
    Ended(Outcome),
    Parked(Parked),
}

/// How a row stands to what was told before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Next,
    Old,
}

/// Which call a row answers.
#[derive(Debug, PartialEq)]
enum Answers {
    /// An open one, byte for byte.
    Same,
    /// An open one that has to be compared with the row outside the lock.
    Other(Box<Call>),
    /// One that another row answered.
    Again,
    /// One that nobody waits for.
    Withdrawn,
    /// None that the workflow ever made.
    Nothing,
}

impl Machine {
    /// A run that was not polled yet. `seed` feeds `random` and `uuid`; `started_at` is `now` until the first result.
    pub fn new(
        seed: Uuid,
        started_at: Timestamp,
        body: impl FnOnce(Scope) -> BoxFuture<Outcome> + Send + 'static,
    ) -> Self {
        Self {
            core: Arc::new(Core::new(seed, started_at)),
            body: Body::New(Box::new(body)),
            told: Told::default(),
            polls: 0,
        }
    }

    /// Polls the workflow for the first time. For a run without a journal.
    pub fn begin(&mut self) -> Turn {
        self.start();
        self.turn()
    }

    /// Tells one row and polls to a standstill.
    ///
    /// # Errors
    /// [`DeliveryError`] when the row cannot be told now. Nothing changed then.
    pub fn deliver(&mut self, entry: &Entry) -> Result<Turn, DeliveryError> {
        self.start();
        self.tell(entry)?;
        Ok(self.turn())
    }

    /// Tells a run's journal, in order, and returns only what is still open behind it.
    ///
    /// Meanwhile [`Scope::is_replaying`] is true: until the last own row, because an attempt was told everything up to
    /// it. Rows from outside behind that may be news, and are treated as such.
    ///
    /// # Errors
    /// [`DeliveryError`] when the journal has a gap. What came before it was told.
    pub fn replay(&mut self, entries: &[Entry]) -> Result<Turn, DeliveryError> {
        let known =
            entries.iter().rposition(|entry| matches!(entry.place, Place::Own { .. })).map_or(0, |last| last + 1);
        let told =
            self.replay_all(&entries[..known], !entries.is_empty()).and_then(|()| self.tell_all(&entries[known..]));
        self.core.ledger().replaying = false;
        told.map(|()| self.turn())
    }

    /// Tells a page of a journal that has more: the last page goes to [`Machine::replay`], and only that returns what
    /// is open.
    ///
    /// # Errors
    /// [`DeliveryError`] when the journal has a gap. What came before it was told.
    pub fn feed(&mut self, page: &[Entry]) -> Result<(), DeliveryError> {
        let told = self.replay_all(page, true);
        self.core.ledger().replaying = false;
        told
    }

    fn replay_all(&mut self, entries: &[Entry], replaying: bool) -> Result<(), DeliveryError> {
        self.core.ledger().replaying = replaying;
        self.start();
        self.tell_all(entries)?;
        self.core.ledger().replaying = false;
        Ok(())
    }

    fn tell_all(&mut self, entries: &[Entry]) -> Result<(), DeliveryError> {
        entries.iter().try_for_each(|entry| self.tell(entry))
    }

    /// The numbers of the last rows that were told, from which the driver numbers the next.
    pub fn told(&self) -> Told {
        self.told
    }

    /// How many calls wait for a row.
    pub fn open_calls(&self) -> usize {
        self.core.ledger().open()
    }

    /// Whether this call waits for a row.
    pub fn is_open(&self, key: &StepKey) -> bool {
        self.core.ledger().waiting(key).is_some()
    }

    /// How often the workflow was polled.
    pub fn polls(&self) -> u64 {
        self.polls
    }

    /// Whether something that is not durable has woken the workflow since its last turn: the next turn parks it.
    pub fn woken_by_stranger(&self) -> bool {
        self.core.alarm.heard_stranger()
    }

    fn turn(&self) -> Turn {
        match &self.body {
            Body::New(_) | Body::Running(_) => Turn::Waiting(self.core.ledger().take_requests()),
            Body::Ended(outcome) => Turn::Ended(outcome.clone()),
            Body::Parked(reason) => Turn::Parked(reason.clone()),
        }
    }

    fn start(&mut self) {
        if let Body::New(_) = self.body {
            self.settle();
        }
    }

    fn tell(&mut self, entry: &Entry) -> Result<(), DeliveryError> {
        if matches!(self.body, Body::Parked(_)) || self.order(entry.place)? == Order::Old {
            return Ok(());
        }
        match entry.kind {
            Kind::Retry => self.count(entry.place),
            Kind::Cancel => {
                self.count(entry.place);
                self.cancel(entry.finished_at);
            }
            Kind::Step | Kind::Sleep | Kind::Batch | Kind::Race | Kind::State => self.answer(entry)?,
        }
        self.core.ledger().compact();
        Ok(())
    }

    fn order(&self, place: Place) -> Result<Order, DeliveryError> {
        let Told { own, outside } = self.told;
        let (number, last, knows_all) = match place {
            Place::Own { number, after } => (number, own, after == outside),
            Place::Outside { number } => (number, outside, true),
        };
        if number <= last {
            Ok(Order::Old)
        } else if number == last + 1 && knows_all {
            Ok(Order::Next)
        } else {
            Err(DeliveryError::OutOfOrder { place, told: self.told })
        }
    }

    fn count(&mut self, place: Place) {
        match place {
            Place::Own { number, .. } => self.told.own = number,
            Place::Outside { number } => self.told.outside = number,
        }
    }

    fn cancel(&mut self, at: Timestamp) {
        let Body::Running(_) = self.body else { return };
        let wakers = self.core.ledger().cancel(at);
        let turn = self.core.alarm.turn();
        for waker in wakers {
            waker.wake();
        }
        drop(turn);
        self.settle();
    }

    fn answer(&mut self, entry: &Entry) -> Result<(), DeliveryError> {
        let answers = self.answers(entry);
        if answers == Answers::Again {
            return Err(DeliveryError::Answered { key: entry.key.clone() });
        }
        self.count(entry.place);
        match answers {
            Answers::Same => self.resolve(entry),
            Answers::Other(call) => match mismatch::compare(entry, &call) {
                Ok(()) => self.resolve(entry),
                Err(reason) => self.park(reason),
            },
            Answers::Withdrawn | Answers::Again => self.core.ledger().tolerate(&entry.key),
            Answers::Nothing => {
                let reason = match &self.body {
                    Body::Ended(_) => mismatch::already_ended(entry),
                    Body::New(_) | Body::Running(_) | Body::Parked(_) => {
                        mismatch::never_asked(entry, &self.core.ledger())
                    }
                };
                self.park(reason);
            }
        }
        Ok(())
    }

    fn answers(&self, entry: &Entry) -> Answers {
        let ledger = self.core.ledger();
        match (ledger.waiting(&entry.key), ledger.settled(&entry.key)) {
            (Some(call), _) if mismatch::is_identical(entry, call) => Answers::Same,
            (Some(call), _) => Answers::Other(Box::new(call.clone())),
            (None, Some(Settled::Answered)) => Answers::Again,
            (None, Some(Settled::Withdrawn)) => Answers::Withdrawn,
            (None, None) => Answers::Nothing,
        }
    }

    fn resolve(&mut self, entry: &Entry) {
        let answer = match (&entry.outcome, entry.kind) {
            // A timer answers nothing, whatever its row holds.
            (Ok(_), Kind::Sleep) => Ok(codec::UNIT.to_vec()),
            (Ok(payload), Kind::Step | Kind::Retry | Kind::Cancel | Kind::Batch | Kind::Race | Kind::State) => {
                Ok(payload.clone())
            }
            (Err(failure), _) => Err(StepError::from(failure.clone())),
        };
        let waker = self.core.ledger().answer(&entry.key, answer, entry.finished_at);
        if let Some(waker) = waker {
            let _turn = self.core.alarm.turn();
            waker.wake();
        }
        self.settle();
    }

    fn park(&mut self, reason: Parked) {
        self.replace(Body::Parked(reason));
    }

    /// The destructors of a workflow are the user's code: what they throw must not reach the driver.
    fn replace(&mut self, body: Body) {
        let before = std::mem::replace(&mut self.body, body);
        let _turn = self.core.alarm.turn();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(before)));
    }

    /// Polls until nothing wakes the workflow any more, and says what became of it.
    fn settle(&mut self) {
        if self.core.alarm.heard_stranger() {
            self.core.ledger().park_stranger();
        }
        let mut idle = 0;
        loop {
            let (parked, moves) = {
                let ledger = self.core.ledger();
                (ledger.parked.clone(), ledger.moves)
            };
            if let Some(reason) = parked {
                return self.park(reason);
            }
            self.core.alarm.take_rung();
            let polled = self.poll();
            if self.core.alarm.heard_stranger() {
                self.core.ledger().park_stranger();
            }
            let parked = self.core.ledger().parked.is_some();
            match polled {
                Err(message) => return self.park(Parked::Panic { message }),
                Ok(_) if parked => continue,
                Ok(Poll::Ready(outcome)) => return self.replace(Body::Ended(outcome)),
                Ok(Poll::Pending) => {}
            }
            let mut ledger = self.core.ledger();
            if !self.core.alarm.take_rung() {
                if ledger.open() > 0 {
                    return;
                }
                // It waits, and there is nothing that could answer it.
                ledger.park_stranger();
            } else if ledger.moves != moves {
                idle = 0;
            } else {
                idle += 1;
                if idle >= limits::IDLE_POLLS {
                    ledger.park_limit(format!(
                        "it woke itself {idle} times without asking for anything: await what its context offers"
                    ));
                }
            }
        }
    }

    /// One poll of the workflow; the message if it panicked.
    fn poll(&mut self) -> Result<Poll<Outcome>, String> {
        let core = &self.core;
        let body = &mut self.body;
        let _turn = core.alarm.turn();
        self.polls += 1;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            if let Body::New(_) = body {
                let parked = Parked::Panic { message: "it panicked while it was called".to_owned() };
                if let Body::New(make) = std::mem::replace(body, Body::Parked(parked)) {
                    *body = Body::Running(make(Scope::top(Arc::clone(core))));
                }
            }
            match body {
                Body::Running(future) => future.as_mut().poll(&mut Context::from_waker(&core.alarm.waker())),
                Body::New(_) | Body::Ended(_) | Body::Parked(_) => Poll::Pending,
            }
        }));
        polled.map_err(|panic| mismatch::panic_message(panic.as_ref()))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let gone = Parked::ForeignAwait { after: None };
        self.replace(Body::Parked(gone));
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("told", &self.told)
            .field("open", &self.open_calls())
            .field("polls", &self.polls)
            .finish_non_exhaustive()
    }
}
