//! Reads that no row of the journal holds, one after the other.
//!
//! The driver is handed one at a time, and while it is open nothing else is told. So two readers beside each other see
//! their pages in the same order in every replay.

use std::{
    collections::{BTreeMap, VecDeque},
    task::Waker,
};

use super::call::{Fetch, FetchedResults};
use crate::journal::StepKey;

#[derive(Debug, Default)]
pub(super) struct Fetches {
    asked: u64,
    /// The first is the one that is open.
    waiting: VecDeque<Waiting>,
    shown: Option<u64>,
    supplied: BTreeMap<u64, FetchedResults>,
}

#[derive(Debug)]
struct Waiting {
    fetch: Fetch,
    waker: Waker,
}

/// What a reader finds when it is polled.
pub(super) enum Fetched {
    Results(FetchedResults),
    Waiting,
    /// Another task polls it now: leave its waker with [`Fetches::rewake`].
    Moved,
}

impl Fetches {
    pub(super) fn ask(&mut self, batch: StepKey, after: u32, waker: Waker) -> u64 {
        self.asked += 1;
        let id = self.asked;
        self.waiting.push_back(Waiting { fetch: Fetch { id, batch, after }, waker });
        id
    }

    /// The one that is to be supplied before anything else is told.
    pub(super) fn open(&self) -> Option<&Fetch> {
        self.waiting.front().map(|first| &first.fetch)
    }

    /// The one that is open, unless the driver was handed it before.
    pub(super) fn show(&mut self) -> Option<Fetch> {
        let open = self.open()?.clone();
        (self.shown.replace(open.id) != Some(open.id)).then_some(open)
    }

    /// Takes what was read for the one that is open, and hands back who waits for it. Anything else is nobody's.
    pub(super) fn supply(&mut self, id: u64, results: FetchedResults) -> Option<Waker> {
        let first = self.waiting.pop_front_if(|first| first.fetch.id == id)?;
        self.supplied.insert(id, results);
        Some(first.waker)
    }

    pub(super) fn find(&mut self, id: u64, waker: &Waker) -> Fetched {
        if let Some(results) = self.supplied.remove(&id) {
            return Fetched::Results(results);
        }
        match self.waiting.iter().find(|waiting| waiting.fetch.id == id) {
            Some(waiting) if !waiting.waker.will_wake(waker) => Fetched::Moved,
            Some(_) | None => Fetched::Waiting,
        }
    }

    /// Leaves another waker and hands back the one to drop.
    pub(super) fn rewake(&mut self, id: u64, waker: Waker) -> Waker {
        match self.waiting.iter_mut().find(|waiting| waiting.fetch.id == id) {
            Some(waiting) => std::mem::replace(&mut waiting.waker, waker),
            None => waker,
        }
    }

    /// The reader is gone. Hands back its waker, to be dropped outside the lock.
    pub(super) fn withdraw(&mut self, id: u64) -> Option<Waker> {
        self.supplied.remove(&id);
        let at = self.waiting.iter().position(|waiting| waiting.fetch.id == id)?;
        self.waiting.remove(at).map(|waiting| waiting.waker)
    }
}
