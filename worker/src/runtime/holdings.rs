//! The runs in this worker's memory, and the functions that are executed for them.
//!
//! All of it is under one lock that is never held across an await: whether a function may begin, and that it has begun, is
//! one step, so that after a kill was applied, or the lease has lapsed, none begins.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use piton_shared::{
    ids::{AttemptId, Epoch, RunId},
    journal::{Entry, StepKey},
    message::{claim::Grant, worker::UnderWay},
    time::Timestamp,
};
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    controls::Killed,
    lease::Lease,
    run::Letter,
    solitude::{Admission, Solitude},
};
use crate::{Progress, TryHandle};

/// The runs in memory.
#[derive(Debug)]
pub(super) struct Holdings {
    lease: Arc<Lease>,
    inner: Mutex<Inner>,
    solitude: watch::Sender<Solitude>,
}

#[derive(Debug, Default)]
struct Inner {
    runs: HashMap<RunId, Held>,
    /// Attempts that were asked for and may be granted any moment.
    expected: HashSet<AttemptId>,
    killed: Killed,
    solitude: Solitude,
}

/// A run in memory.
#[derive(Debug)]
struct Held {
    attempt: AttemptId,
    epoch: Epoch,
    letters: mpsc::Sender<Letter>,
    lost: CancellationToken,
    drain: CancellationToken,
    functions: HashMap<StepKey, Executed>,
}

/// A function under way.
#[derive(Debug)]
pub(super) struct Executed {
    pub(super) handle: TryHandle,
    pub(super) since: Timestamp,
    task: Option<AbortHandle>,
    beats: u64,
    beat_at: Option<Timestamp>,
    progress: Progress,
}

impl Executed {
    pub(super) fn new(handle: TryHandle, since: Timestamp) -> Self {
        Self { handle, since, task: None, beats: 0, beat_at: None, progress: Progress::default() }
    }

    fn abort(&self) {
        self.handle.cancel();
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    fn under_way(&mut self, now: Timestamp) -> UnderWay {
        let beats = self.handle.heartbeats();
        if beats != self.beats {
            self.beats = beats;
            self.beat_at = Some(now);
        }
        if let Some(progress) = self.handle.take_progress() {
            self.progress = progress;
        }
        let of = self.handle.of();
        UnderWay {
            run: of.run_id,
            key: of.step_key.clone(),
            try_number: of.number,
            since: self.since,
            beat_at: self.beat_at,
            progress: self.progress.share(),
            note: self.progress.text().map(str::to_owned),
        }
    }
}

/// What becomes of a grant.
#[derive(Debug)]
pub(super) enum Added {
    /// It is held; cancelled once it is lost.
    Yes(CancellationToken),
    /// It is held already, by this very attempt or by one of a later publish: a grant may be handled late.
    Already,
    /// It was killed.
    Killed,
    /// The worker is kept for another run, which runs alone.
    Refused,
}

/// Whether a function has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    Yes,
    /// The run is lost, or the lease has lapsed.
    No,
}

impl Holdings {
    pub(super) fn new(lease: Arc<Lease>) -> Self {
        Self { lease, inner: Mutex::default(), solitude: watch::Sender::default() }
    }

    /// For whom the worker is kept.
    pub(super) fn kept_for(&self) -> Solitude {
        *self.solitude.borrow()
    }

    /// Every change of [`Holdings::kept_for`].
    pub(super) fn solitude(&self) -> watch::Receiver<Solitude> {
        self.solitude.subscribe()
    }

    /// Takes a run; `drain` tells it to let go. An attempt of an earlier publish that held it here has lost it. If it is to
    /// be alone, all others are told to let go.
    pub(super) fn add(&self, grant: &Grant, letters: mpsc::Sender<Letter>, drain: CancellationToken) -> Added {
        let mut inner = self.inner.lock();
        if inner.killed.contains(grant.run) {
            return Added::Killed;
        }
        if inner.runs.get(&grant.run).is_some_and(|held| held.attempt == grant.attempt || held.epoch >= grant.epoch) {
            return Added::Already;
        }
        match inner.solitude.admit(grant.run, grant.company) {
            Admission::Refused => return Added::Refused,
            Admission::Alone => {
                let others = inner.runs.iter().filter(|(run, _)| **run != grant.run);
                others.for_each(|(_, held)| held.drain.cancel());
            }
            Admission::Shared => {}
        }
        self.tell_solitude(&inner);
        let lost = CancellationToken::new();
        let (attempt, epoch) = (grant.attempt, grant.epoch);
        let held = Held { attempt, epoch, letters, lost: lost.clone(), drain, functions: HashMap::new() };
        if let Some(before) = inner.runs.insert(grant.run, held) {
            before.lose();
        }
        Added::Yes(lost)
    }

    /// Counts these attempts as known until the returned value is dropped.
    pub(super) fn expect(&self, attempts: Vec<AttemptId>) -> Expected<'_> {
        self.inner.lock().expected.extend(&attempts);
        Expected { holdings: self, attempts }
    }

    /// Forgets a run, if this attempt still holds it, with all that is executed for it.
    pub(super) fn remove(&self, run: RunId, attempt: AttemptId) {
        let mut inner = self.inner.lock();
        if inner.runs.get(&run).is_some_and(|held| held.attempt == attempt)
            && let Some(held) = inner.runs.remove(&run)
        {
            held.lose();
            self.left(&mut inner, run);
        }
    }

    /// From when this returns on nothing of the run begins, and what ran is dropped at its next await.
    pub(super) fn kill(&self, run: RunId) {
        let mut inner = self.inner.lock();
        inner.killed.insert(run);
        if let Some(held) = inner.runs.remove(&run) {
            held.lose();
            self.left(&mut inner, run);
        }
    }

    /// How many runs are here beside this one.
    pub(super) fn beside(&self, run: RunId) -> usize {
        self.inner.lock().runs.keys().filter(|other| **other != run).count()
    }

    /// Drops the runs beside this one with all that is executed for them, and says which they were.
    pub(super) fn drop_beside(&self, run: RunId) -> Vec<(RunId, AttemptId)> {
        let mut inner = self.inner.lock();
        let others = inner.runs.extract_if(|other, _| *other != run);
        others
            .map(|(other, held)| {
                held.lose();
                (other, held.attempt)
            })
            .collect()
    }

    /// The worker is kept for this run no more, if this attempt still holds it.
    pub(super) fn open(&self, run: RunId, attempt: AttemptId) {
        let mut inner = self.inner.lock();
        if inner.runs.get(&run).is_some_and(|held| held.attempt == attempt) {
            self.left(&mut inner, run);
        }
    }

    fn left(&self, inner: &mut Inner, run: RunId) {
        inner.solitude.left(run);
        self.tell_solitude(inner);
    }

    fn tell_solitude(&self, inner: &Inner) {
        self.solitude.send_if_modified(|told| std::mem::replace(told, inner.solitude) != inner.solitude);
    }

    /// Drops everything that is executed; the runs stay.
    pub(super) fn abort_functions(&self) {
        for held in self.inner.lock().runs.values_mut() {
            held.functions.drain().for_each(|(_, function)| function.abort());
        }
    }

    /// Begins a function, unless the run is lost or the lease has lapsed.
    pub(super) fn begin(
        &self,
        attempt: AttemptId,
        mut function: Executed,
        spawn: impl FnOnce() -> AbortHandle,
    ) -> Begun {
        let mut inner = self.inner.lock();
        let (run, key) = (function.handle.of().run_id, function.handle.of().step_key.clone());
        match inner.runs.get_mut(&run) {
            Some(held) if held.attempt == attempt && self.lease.is_held() => {
                function.task = Some(spawn());
                held.functions.insert(key, function);
                Begun::Yes
            }
            Some(_) | None => Begun::No,
        }
    }

    /// A function has ended by itself.
    pub(super) fn ended(&self, run: RunId, attempt: AttemptId, key: &StepKey, try_number: u32) {
        let mut inner = self.inner.lock();
        if let Some(held) = inner.runs.get_mut(&run)
            && held.attempt == attempt
            && held.functions.get(key).is_some_and(|function| function.handle.of().number == try_number)
        {
            held.functions.remove(key);
        }
    }

    /// Drops a function whose result nobody wants.
    pub(super) fn abort(&self, run: RunId, attempt: AttemptId, key: &StepKey) {
        let mut inner = self.inner.lock();
        if let Some(held) = inner.runs.get_mut(&run)
            && held.attempt == attempt
            && let Some(function) = held.functions.remove(key)
        {
            function.abort();
        }
    }

    /// Passes rows from outside on. A wake is a hint: where there is no room it is dropped, and the run asks.
    pub(super) fn wake(&self, run: RunId, attempt: AttemptId, entries: Vec<Entry>) {
        let inner = self.inner.lock();
        if let Some(held) = inner.runs.get(&run)
            && held.attempt == attempt
            && let Err(error) = held.letters.try_send(Letter::Woken(entries))
        {
            tracing::debug!(%run, %error, "a wake found no room");
        }
    }

    /// Those of the runs that are not here.
    pub(super) fn unknown(&self, runs: Vec<(RunId, AttemptId)>) -> Vec<(RunId, AttemptId)> {
        let inner = self.inner.lock();
        let known = |run: &RunId, attempt: &AttemptId| {
            inner.expected.contains(attempt) || inner.runs.get(run).is_some_and(|held| held.attempt == *attempt)
        };
        runs.into_iter().filter(|(run, attempt)| !known(run, attempt)).collect()
    }

    /// Functions that have been under way for `longer`, the oldest first, at most `max`.
    pub(super) fn under_way(&self, now: Timestamp, longer: Duration, max: usize) -> Vec<UnderWay> {
        let mut inner = self.inner.lock();
        let functions = inner.runs.values_mut().flat_map(|held| held.functions.values_mut());
        let mut under_way: Vec<_> = functions
            .filter(|function| now.since(function.since) >= longer)
            .map(|function| function.under_way(now))
            .collect();
        under_way.sort_by_key(|function| function.since);
        under_way.truncate(max);
        under_way
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inner.lock().runs.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.inner.lock().runs.len()
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        let mut inner = self.inner.lock();
        for (_, held) in inner.runs.drain() {
            held.lose();
        }
        inner.solitude = Solitude::Open;
        self.tell_solitude(&inner);
    }
}

/// Attempts that count as known while this lives.
#[derive(Debug)]
#[must_use = "they are forgotten when it is dropped"]
pub(super) struct Expected<'a> {
    holdings: &'a Holdings,
    attempts: Vec<AttemptId>,
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        let mut inner = self.holdings.inner.lock();
        for attempt in &self.attempts {
            inner.expected.remove(attempt);
        }
    }
}

impl Held {
    fn lose(&self) {
        self.lost.cancel();
        self.functions.values().for_each(Executed::abort);
    }
}
