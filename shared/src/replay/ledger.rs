//! The calls of a run: asked, handed out, answered, withdrawn.
//!
//! All of it is data under one lock. Wakers, decoders and destructors are the user's code and run outside of it, which
//! is why methods here hand wakers back in place of waking.

use std::{
    collections::{BTreeMap, HashMap, hash_map},
    hash::{DefaultHasher, Hash, Hasher},
    task::Waker,
};

use super::{
    call::{Call, Items, Prompt, Request, Write},
    fetches::Fetches,
};
use crate::{
    failure::StepError,
    journal::{Payload, StepKey},
    limits,
    parked::Parked,
    time::Timestamp,
};

/// How a call ended, as the workflow gets it.
pub(super) type Answer = Result<Payload, StepError>;

/// The number of a call in the order of asking. Never used again.
pub(super) type CallId = u64;

#[derive(Debug)]
enum Entry {
    Waiting { call: Call, shown: Shown, waker: Waker },
    Answered { key: StepKey, answer: Answer },
}

/// Whether the driver was handed the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    NotYet,
    Yes,
}

#[derive(Debug)]
enum Queued {
    Start(CallId),
    Withdraw(StepKey),
    Items(Items),
    Write(Write),
}

/// How a call that is no longer open came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// A row answered it.
    Answered,
    /// Nobody waits for it; a row that answers it is tolerated.
    Withdrawn,
}

/// What a future finds when it is polled.
pub(super) enum Found {
    Answer(StepKey, Answer),
    /// The driver wants something of it.
    Prompt(Prompt),
    Waiting,
    /// Another task polls it now: leave its waker with [`Ledger::rewake`].
    Moved,
}

#[derive(Debug)]
pub(super) struct Ledger {
    /// Boxed, because a leaf of the map has room for eleven.
    calls: BTreeMap<CallId, Box<Entry>>,
    /// The calls that wait for a row.
    open: HashMap<StepKey, CallId>,
    /// By the key's hash: a long run would not keep all its keys.
    settled: HashMap<u64, Settled>,
    /// What the driver wants of open calls, until their futures are polled.
    prompts: HashMap<CallId, Prompt>,
    pub(super) fetches: Fetches,
    queue: Vec<Queued>,
    asked: CallId,
    /// Counts what the workflow did with its calls, to tell a busy poll from an idle one.
    pub(super) moves: u64,
    pub(super) parked: Option<Parked>,
    pub(super) now: Timestamp,
    pub(super) replaying: bool,
    pub(super) cancelled: Option<Timestamp>,
    last_answered: Option<StepKey>,
}

impl Ledger {
    pub(super) fn new(started_at: Timestamp) -> Self {
        Self {
            calls: BTreeMap::new(),
            open: HashMap::new(),
            settled: HashMap::new(),
            prompts: HashMap::new(),
            fetches: Fetches::default(),
            queue: Vec::new(),
            asked: 0,
            moves: 0,
            parked: None,
            now: started_at,
            replaying: false,
            cancelled: None,
            last_answered: None,
        }
    }

    /// The first reason stays.
    pub(super) fn park(&mut self, reason: Parked) {
        self.parked.get_or_insert(reason);
    }

    pub(super) fn park_limit(&mut self, message: impl Into<String>) {
        self.park(Parked::Limit { message: message.into() });
    }

    pub(super) fn park_stranger(&mut self) {
        let after = self.last_answered.clone();
        self.park(Parked::ForeignAwait { after });
    }

    /// Opens a call, unless that passes a bound. Hands the waker back if not, to be dropped outside the lock.
    pub(super) fn ask(&mut self, call: Call, waker: Waker) -> Result<CallId, Waker> {
        if self.open.len() >= limits::OPEN_CALLS {
            self.park_limit(format!(
                "{} calls are open and `{}` would be one more: await some before asking for others",
                limits::OPEN_CALLS,
                call.key()
            ));
        }
        if self.parked.is_some() {
            return Err(waker);
        }
        self.asked += 1;
        self.moves += 1;
        let id = self.asked;
        self.open.insert(call.key().clone(), id);
        let entry = Entry::Waiting { call, shown: Shown::NotYet, waker };
        self.calls.insert(id, Box::new(entry));
        self.queue.push(Queued::Start(id));
        Ok(id)
    }

    /// Takes the answer, or else what the driver wants.
    pub(super) fn find(&mut self, id: CallId, waker: &Waker) -> Found {
        if let Some(prompt) = self.prompts.remove(&id) {
            self.moves += 1;
            return Found::Prompt(prompt);
        }
        match self.calls.get(&id).map(Box::as_ref) {
            None => return Found::Waiting,
            Some(Entry::Waiting { waker: known, .. }) if known.will_wake(waker) => {
                return Found::Waiting;
            }
            Some(Entry::Waiting { .. }) => return Found::Moved,
            Some(Entry::Answered { .. }) => {}
        }
        match self.calls.remove(&id).map(|entry| *entry) {
            Some(Entry::Answered { key, answer }) => {
                self.moves += 1;
                Found::Answer(key, answer)
            }
            Some(Entry::Waiting { .. }) | None => Found::Waiting,
        }
    }

    /// Leaves another waker and hands back the one to drop.
    pub(super) fn rewake(&mut self, id: CallId, waker: Waker) -> Waker {
        match self.calls.get_mut(&id).map(Box::as_mut) {
            Some(Entry::Waiting { waker: known, .. }) => std::mem::replace(known, waker),
            Some(Entry::Answered { .. }) | None => waker,
        }
    }

    /// Leaves a prompt for an open call that takes such a one, and hands back who is to be woken for it.
    pub(super) fn prompt(&mut self, key: &StepKey, prompt: Prompt) -> Option<Waker> {
        let id = *self.open.get(key)?;
        match self.calls.get_mut(&id)?.as_mut() {
            Entry::Waiting { call, shown: Shown::Yes, waker } if call.takes(&prompt) => {
                self.prompts.insert(id, prompt);
                Some(std::mem::replace(waker, Waker::noop().clone()))
            }
            Entry::Waiting { .. } | Entry::Answered { .. } => None,
        }
    }

    /// Hands items of an open batch to the driver.
    pub(super) fn hand_items(&mut self, items: Items) {
        self.queue.push(Queued::Items(items));
    }

    /// Hands a computed value of an open update to the driver.
    pub(super) fn hand_write(&mut self, write: Write) {
        self.queue.push(Queued::Write(write));
    }

    /// The future is gone. Hands back its waker, to be dropped outside the lock.
    pub(super) fn withdraw(&mut self, id: CallId) -> Option<Waker> {
        self.moves += 1;
        self.prompts.remove(&id);
        match *self.calls.remove(&id)? {
            Entry::Waiting { call, shown, waker } => {
                self.settle(call.key(), Settled::Withdrawn);
                if shown == Shown::Yes {
                    self.queue.push(Queued::Withdraw(call.key().clone()));
                }
                Some(waker)
            }
            Entry::Answered { .. } => None,
        }
    }

    fn settle(&mut self, key: &StepKey, how: Settled) {
        self.open.remove(key);
        self.settled.insert(hash(key), how);
    }

    /// The open call of this key.
    pub(super) fn waiting(&self, key: &StepKey) -> Option<&Call> {
        match &**self.calls.get(self.open.get(key)?)? {
            Entry::Waiting { call, .. } => Some(call),
            Entry::Answered { .. } => None,
        }
    }

    /// How a call ended that is no longer open; none if it was never asked for.
    pub(super) fn settled(&self, key: &StepKey) -> Option<Settled> {
        self.settled.get(&hash(key)).copied()
    }

    /// A withdrawn call was answered after all: a second answer would be one too many.
    pub(super) fn tolerate(&mut self, key: &StepKey) {
        if let hash_map::Entry::Occupied(mut settled) = self.settled.entry(hash(key)) {
            settled.insert(Settled::Answered);
        }
    }

    /// Answers an open call and hands back who waits for it.
    pub(super) fn answer(&mut self, key: &StepKey, answer: Answer, at: Timestamp) -> Option<Waker> {
        let id = *self.open.get(key)?;
        self.settle(key, Settled::Answered);
        self.prompts.remove(&id);
        self.now = self.now.max(at);
        self.last_answered = Some(key.clone());
        let entry = Entry::Answered { key: key.clone(), answer };
        match *self.calls.insert(id, Box::new(entry))? {
            Entry::Waiting { waker, .. } => Some(waker),
            Entry::Answered { .. } => None,
        }
    }

    /// Answers every open call with the cancel, once in a run, and hands back who waits, in the order of asking.
    pub(super) fn cancel(&mut self, at: Timestamp) -> Vec<Waker> {
        if self.cancelled.is_some() {
            return Vec::new();
        }
        self.now = self.now.max(at);
        self.cancelled = Some(at);
        let mut wakers = Vec::with_capacity(self.open.len());
        for entry in self.calls.values_mut() {
            let Entry::Waiting { call, .. } = &**entry else {
                continue;
            };
            let key = call.key().clone();
            let answered = Entry::Answered { key: key.clone(), answer: Err(StepError::Cancelled) };
            if let Entry::Waiting { shown, waker, .. } = std::mem::replace(&mut **entry, answered) {
                wakers.push(waker);
                self.settled.insert(hash(&key), Settled::Withdrawn);
                if shown == Shown::Yes {
                    self.queue.push(Queued::Withdraw(key));
                }
            }
        }
        self.open.clear();
        self.prompts.clear();
        wakers
    }

    /// What is new for the driver, in the order in which it came up.
    pub(super) fn take_requests(&mut self) -> Vec<Request> {
        let Self { queue, calls, open, .. } = self;
        let requests = queue.drain(..).filter_map(|queued| match queued {
            Queued::Withdraw(key) => Some(Request::Withdraw(key)),
            // Of a call that is no longer open nobody wants anything.
            Queued::Items(items) => open.contains_key(&items.key).then_some(Request::Items(items)),
            Queued::Write(write) => open.contains_key(&write.key).then_some(Request::Write(write)),
            Queued::Start(id) => match &mut **calls.get_mut(&id)? {
                Entry::Waiting { call, shown, .. } => {
                    *shown = Shown::Yes;
                    Some(Request::Start(call.clone()))
                }
                Entry::Answered { .. } => None,
            },
        });
        let mut requests: Vec<_> = requests.collect();
        requests.extend(self.fetches.show().map(Request::Fetch));
        let queue = &mut self.queue;
        // What stays in memory between turns should be what is open, not what once was.
        queue.shrink_to(8);
        requests
    }

    /// Forgets starts that were answered before anybody was handed them, so that a long replay keeps none.
    pub(super) fn compact(&mut self) {
        if self.queue.len() > 64 + 2 * self.open.len() {
            let Self { queue, calls, .. } = self;
            queue.retain(|queued| match queued {
                Queued::Withdraw(_) | Queued::Items(_) | Queued::Write(_) => true,
                Queued::Start(id) => {
                    matches!(calls.get(id).map(Box::as_ref), Some(Entry::Waiting { .. }))
                }
            });
        }
    }

    /// How many calls wait for a row.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// The calls that wait for a row, in the order of asking.
    pub(super) fn waiting_calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().filter_map(|entry| match &**entry {
            Entry::Waiting { call, .. } => Some(call),
            Entry::Answered { .. } => None,
        })
    }
}

fn hash(key: &StepKey) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
