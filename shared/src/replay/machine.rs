//! Keeps a workflow's future and drives it through its journal.

use std::{fmt, pin::Pin, sync::Arc, task::Waker};

use uuid::Uuid;

use super::{
    call::{FetchedResults, Prompt},
    core::Core,
    scope::Scope,
    turn::{DeliveryError, Told, Turn},
};
use crate::{
    failure::Failure,
    journal::{Entry, Payload, StepKey},
    parked::Parked,
    time::Timestamp,
};

/// A future on the heap that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(super) type Outcome = Result<Payload, Failure>;

/// One attempt's view of a run: the workflow's future and the rows it was told.
///
/// Rows come strictly in order: an own row must be the next own row and know of exactly the outside rows that were told,
/// an outside row must be the next of those. A row that was told before changes nothing; a gap is refused.
pub struct Machine {
    pub(super) core: Arc<Core>,
    pub(super) body: Body,
    pub(super) told: Told,
    pub(super) polls: u64,
    pub(super) telling: Telling,
}

pub(super) enum Body {
    New(Box<dyn FnOnce(Scope) -> BoxFuture<Outcome> + Send>),
    Running(BoxFuture<Outcome>),
    Ended(Outcome),
    Parked(Parked),
}

/// What the machine is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// What happens: whatever is open is the driver's to see.
    Live,
    /// A journal that has more, which may answer what is open.
    Journal,
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
            telling: Telling::Live,
        }
    }

    /// Polls the workflow for the first time. For a run without a journal.
    pub fn begin(&mut self) -> Turn {
        self.telling = Telling::Live;
        self.start();
        self.turn()
    }

    /// Tells one row and polls to a standstill.
    ///
    /// # Errors
    /// [`DeliveryError`] when the row cannot be told now. Nothing changed then.
    pub fn deliver(&mut self, entry: &Entry) -> Result<Turn, DeliveryError> {
        self.telling = Telling::Live;
        self.core.ledger().replaying = false;
        self.start();
        self.tell(entry)?;
        Ok(self.turn())
    }

    /// Asks an open call for what no row holds: the next items of a batch, a new value of state. It polls to a standstill.
    /// The call answers with [`Request::Items`](super::Request::Items) or [`Request::Write`](super::Request::Write): in
    /// this turn, or in the one in which the workflow polls its future next. A call that is no longer open, that the
    /// driver was not handed or that takes no such prompt says nothing.
    ///
    /// A batch goes on from where it was or from further on, never back: keep what it handed over until it is written.
    /// An attempt that resumes asks for the first item that no earlier one wrote.
    pub fn prompt(&mut self, key: &StepKey, prompt: Prompt) -> Turn {
        let waker = self.core.ledger().prompt(key, prompt);
        self.wake(waker);
        self.turn()
    }

    /// Supplies what was read for the open fetch and polls to a standstill. While a journal is replayed nothing new comes
    /// of it: [`Machine::replay`] says what is open behind the last row.
    ///
    /// The results of a fetch that nobody waits for any more change nothing.
    pub fn supply(&mut self, fetch: u64, results: FetchedResults) -> Turn {
        let waker = self.core.ledger().fetches.supply(fetch, results);
        self.wake(waker);
        self.turn()
    }

    fn wake(&mut self, waker: Option<Waker>) {
        if let (Some(waker), Body::Running(_)) = (waker, &self.body) {
            let turn = self.core.alarm.turn();
            waker.wake();
            drop(turn);
            self.settle();
        }
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

    pub(super) fn turn(&self) -> Turn {
        match (&self.body, self.telling) {
            (Body::New(_) | Body::Running(_), Telling::Live) => Turn::Waiting(self.core.ledger().take_requests()),
            (Body::New(_) | Body::Running(_), Telling::Journal) => Turn::Waiting(Vec::new()),
            (Body::Ended(outcome), _) => Turn::Ended(outcome.clone()),
            (Body::Parked(reason), _) => Turn::Parked(reason.clone()),
        }
    }

    pub(super) fn start(&mut self) {
        if let Body::New(_) = self.body {
            self.settle();
        }
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
