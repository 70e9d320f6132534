//! What this worker holds: runs in its memory, dispatched work, and the functions that are executed for them.
//!
//! All of it is under one lock that is never held across an await: whether a function may begin, and that it has begun, is
//! one step, so that after a kill was applied, or the lease has lapsed, none begins.

mod company;
mod denied;
mod executed;
mod steps;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use piton_shared::{
    ids::{AttemptId, Epoch, RunId},
    journal::{Entry, StepKey},
    message::{
        claim::{Company, Grant},
        dispatch::DispatchId,
        worker::UnderWay,
    },
    time::Timestamp,
};
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{denied::Denied, steps::HeldStep};
pub(super) use self::{
    executed::Executed,
    steps::{AddedStep, StepPlace},
};
use super::{
    clock::steady,
    controls::{Killed, Paused},
    lease::Lease,
    run::Letter,
    solitude::{Admission, Counted, Solitude, Suspects},
    validity::Validity,
};

/// What is held.
#[derive(Debug)]
pub(super) struct Holdings {
    lease: Arc<Lease>,
    inner: Mutex<Inner>,
    solitude: watch::Sender<Solitude>,
}

#[derive(Debug, Default)]
struct Inner {
    runs: HashMap<RunId, Held>,
    steps: HashMap<DispatchId, HeldStep>,
    /// Attempts, and holds on dispatched work, that were asked for and may be granted any moment.
    expected: HashSet<Uuid>,
    denied: Denied,
    killed: Killed,
    paused: Paused,
    solitude: Solitude,
    suspects: Suspects,
}

/// A run in memory.
#[derive(Debug)]
struct Held {
    attempt: AttemptId,
    epoch: Epoch,
    letters: mpsc::Sender<Letter>,
    lost: CancellationToken,
    wanted: watch::Sender<Wanted>,
    drain: CancellationToken,
    functions: HashMap<StepKey, Executed>,
}

/// What is wanted of a run that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// It goes on.
    Work,
    /// It finishes what runs, and is given back.
    Pause,
}

/// The place of a run in the holdings.
#[derive(Debug)]
pub(super) struct Place {
    /// Cancelled once it is lost.
    pub(super) lost: CancellationToken,
    /// Cancelled once it is to finish what runs and let go for good.
    pub(super) drain: CancellationToken,
    pub(super) wanted: watch::Receiver<Wanted>,
}

/// What becomes of a grant.
#[derive(Debug)]
pub(super) enum Added {
    /// It is held.
    Yes(Place),
    /// It is held already, by this very attempt or by one of a later publish: a grant may be handled late.
    Already,
    /// It was denied to a scheduler, which gives it to another.
    Denied,
    /// It came too late to know whether it still stands.
    Late,
    /// It was killed.
    Killed,
    /// It was paused after it was granted.
    Paused,
    /// The worker is kept for another run, which runs alone.
    Refused,
    /// As many runs are here as may be beside it.
    Crowded,
}

/// Whether a function has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    Yes,
    /// It is lost or paused, or the lease has lapsed.
    No,
}

impl Holdings {
    pub(super) fn new(lease: Arc<Lease>) -> Self {
        Self { lease, inner: Mutex::default(), solitude: watch::Sender::default() }
    }

    /// Takes a run, granted by a statement that saw controls up to `control_version`; `drain` tells it to let go. An attempt
    /// of an earlier publish that held it here has lost it. If it is to be alone, all others are told to let go.
    pub(super) fn add(
        &self,
        grant: &Grant,
        control_version: i64,
        validity: Validity,
        letters: mpsc::Sender<Letter>,
        drain: CancellationToken,
    ) -> Added {
        let mut inner = self.inner.lock();
        if inner.killed.contains(grant.run) {
            return Added::Killed;
        }
        if inner.denied.contains(grant.attempt.uuid()) {
            return Added::Denied;
        }
        if inner.paused.since(grant.run, control_version) {
            return Added::Paused;
        }
        if inner.runs.get(&grant.run).is_some_and(|held| held.attempt == grant.attempt || held.epoch >= grant.epoch) {
            return Added::Already;
        }
        if validity.is_over(steady()) {
            return Added::Late;
        }
        inner.suspects.left(grant.run);
        let admission = inner.solitude.admit(grant.run, grant.company);
        self.tell_solitude(&inner);
        if let (Company::Few(most), Admission::Shared) = (grant.company, admission)
            && inner.suspects.admit(grant.run, most) == Counted::TooMany
        {
            return Added::Crowded;
        }
        match admission {
            Admission::Refused => return Added::Refused,
            Admission::Alone => {
                let others = inner.runs.iter().filter(|(run, _)| **run != grant.run);
                others.for_each(|(_, held)| held.drain.cancel());
            }
            Admission::Shared => {}
        }
        let lost = CancellationToken::new();
        let (wanted, receiver) = watch::channel(Wanted::Work);
        let (attempt, epoch) = (grant.attempt, grant.epoch);
        let held = Held {
            attempt,
            epoch,
            letters,
            lost: lost.clone(),
            wanted,
            drain: drain.clone(),
            functions: HashMap::new(),
        };
        if let Some(before) = inner.runs.insert(grant.run, held) {
            before.lose();
        }
        Added::Yes(Place { lost, drain, wanted: receiver })
    }

    /// Counts these attempts or holds as known until the returned value is dropped.
    pub(super) fn expect(&self, asked: Vec<Uuid>) -> Expected<'_> {
        self.inner.lock().expected.extend(&asked);
        Expected { holdings: self, asked }
    }

    /// Forgets a run, if this attempt still holds it, with all that is executed for it.
    pub(super) fn remove(&self, run: RunId, attempt: AttemptId) {
        self.forget(&mut self.inner.lock(), run, attempt);
    }

    /// A scheduler says that this attempt has lost its run: it is dropped, also if its grant comes later.
    pub(super) fn drop_run(&self, run: RunId, attempt: AttemptId) {
        let mut inner = self.inner.lock();
        inner.denied.insert(attempt.uuid());
        self.forget(&mut inner, run, attempt);
    }

    fn forget(&self, inner: &mut Inner, run: RunId, attempt: AttemptId) {
        if inner.runs.get(&run).is_some_and(|held| held.attempt == attempt)
            && let Some(held) = inner.runs.remove(&run)
        {
            held.lose();
            self.left(inner, run);
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
        inner.steps.retain(|dispatch, held| {
            let other = dispatch.run != run;
            if !other {
                held.lose();
            }
            other
        });
    }

    /// From when this returns on no function of the run begins here; what runs goes on.
    pub(super) fn pause(&self, run: RunId, version: i64) {
        let mut inner = self.inner.lock();
        inner.paused.insert(run, version);
        inner.want(run, Wanted::Pause);
    }

    /// Functions of the run may begin again, if it is still held.
    pub(super) fn unpause(&self, run: RunId) {
        let mut inner = self.inner.lock();
        inner.paused.remove(run);
        inner.want(run, Wanted::Work);
    }

    /// Drops everything that is executed; what is held stays.
    pub(super) fn abort_functions(&self) {
        let mut inner = self.inner.lock();
        for held in inner.runs.values_mut() {
            held.functions.drain().for_each(|(_, function)| function.abort());
        }
        inner.steps.values_mut().for_each(HeldStep::abort);
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
            Some(held) if held.attempt == attempt && *held.wanted.borrow() == Wanted::Work && self.lease.is_held() => {
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

    /// Those of the runs that are not here. They are denied from now on: a grant of them that comes later begins nothing.
    pub(super) fn deny(&self, mut runs: Vec<(RunId, AttemptId)>) -> Vec<(RunId, AttemptId)> {
        let mut inner = self.inner.lock();
        runs.retain(|(run, attempt)| {
            let held = inner.runs.get(run).is_some_and(|held| held.attempt == *attempt);
            !held && !inner.expected.contains(&attempt.uuid())
        });
        for (_, attempt) in &runs {
            inner.denied.insert(attempt.uuid());
        }
        runs
    }

    /// Functions that have been under way for `longer`, the oldest first, at most `max`.
    pub(super) fn under_way(&self, now: Timestamp, longer: Duration, max: usize) -> Vec<UnderWay> {
        let mut inner = self.inner.lock();
        let Inner { runs, steps, .. } = &mut *inner;
        let of_runs = runs.values_mut().flat_map(|held| held.functions.values_mut());
        let functions = of_runs.chain(steps.values_mut().filter_map(HeldStep::function));
        let mut under_way: Vec<_> = functions
            .filter(|function| now.since(function.since) >= longer)
            .map(|function| function.under_way(now))
            .collect();
        under_way.sort_by_key(|function| function.since);
        under_way.truncate(max);
        under_way
    }

    pub(super) fn is_empty(&self) -> bool {
        let inner = self.inner.lock();
        inner.runs.is_empty() && inner.steps.is_empty()
    }

    /// Runs, and dispatched work.
    pub(super) fn len(&self) -> usize {
        let inner = self.inner.lock();
        inner.runs.len() + inner.steps.len()
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        let mut inner = self.inner.lock();
        inner.runs.drain().for_each(|(_, held)| held.lose());
        inner.steps.drain().for_each(|(_, held)| held.lose());
        inner.solitude = Solitude::Open;
        inner.suspects.clear();
        self.tell_solitude(&inner);
    }
}

impl Inner {
    fn want(&self, run: RunId, wanted: Wanted) {
        if let Some(held) = self.runs.get(&run) {
            held.wanted.send_if_modified(|now| std::mem::replace(now, wanted) != wanted);
        }
    }
}

/// Attempts and holds that count as known while this lives.
#[derive(Debug)]
#[must_use = "they are forgotten when it is dropped"]
pub(super) struct Expected<'a> {
    holdings: &'a Holdings,
    asked: Vec<Uuid>,
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        let mut inner = self.holdings.inner.lock();
        for asked in &self.asked {
            inner.expected.remove(asked);
        }
    }
}

impl Held {
    fn lose(&self) {
        self.lost.cancel();
        self.functions.values().for_each(Executed::abort);
    }
}
