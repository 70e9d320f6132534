//! What a run has given away: steps for whoever has room, and batches.

use std::collections::BTreeMap;

use piton_shared::{
    codec,
    failure::Failure,
    journal::{Kind, Outcome, Payload, StepKey},
    limits,
    message::{
        append::Append,
        batch::{BatchItem, BatchStatus, BatchSummary, BatchTerms, ItemResult, OnFailure},
        claim::Waiting,
        read::More,
    },
    replay::{Fetch, FetchedResults, StepOptions},
    time::Timestamp,
};

use crate::runtime::attempt::Bounds;

/// Names work that was given away: a step, or an item of a batch, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WorkId {
    pub(super) key: StepKey,
    pub(super) item: u32,
}

impl WorkId {
    /// The key that its function sees.
    pub(super) fn step_key(&self) -> StepKey {
        if self.item == 0 { self.key.clone() } else { self.key.item(self.item) }
    }
}

/// Work that was given away.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) id: WorkId,
    pub(super) function: String,
    pub(super) input: Payload,
    pub(super) terms: StepOptions,
    pub(super) stands: Stands,
    /// The number of the next try, or of the one under way.
    pub(super) try_number: u32,
    pub(super) failed: u32,
    pub(super) first_started: Option<Timestamp>,
}

/// Where given work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    Ready,
    Executing,
    Waits { due: Timestamp },
}

impl Work {
    fn new(id: WorkId, function: String, input: Payload, terms: StepOptions) -> Self {
        let stands = Stands::Ready;
        Self { id, function, input, terms, stands, try_number: 1, failed: 0, first_started: None }
    }

    pub(super) fn bounds(&self) -> Bounds {
        let StepOptions { try_timeout, timeout, .. } = self.terms;
        Bounds { try_timeout, timeout, first_started: self.first_started }
    }

    /// Tries there may be: those that were interrupted use none up.
    pub(super) fn max_tries(&self) -> u32 {
        let interrupted = self.try_number.saturating_sub(1).saturating_sub(self.failed);
        self.terms.retry.clone().unwrap_or_default().max_tries.max(1).saturating_add(interrupted)
    }
}

/// How work ended for good.
#[derive(Debug)]
pub(super) struct WorkEnd {
    pub(super) outcome: Outcome,
    pub(super) try_number: u32,
    pub(super) started_at: Timestamp,
    pub(super) finished_at: Timestamp,
}

/// The row by which a run learns of it.
#[derive(Debug)]
pub(super) struct Learned {
    pub(super) key: StepKey,
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) input: Payload,
    pub(super) end: WorkEnd,
}

/// All that was given away and has not ended, in the order in which it was given.
#[derive(Debug, Default)]
pub(super) struct Away {
    work: Vec<Work>,
    batches: BTreeMap<StepKey, Batch>,
    ended: BTreeMap<StepKey, Vec<ItemResult>>,
}

#[derive(Debug)]
struct Batch {
    terms: BatchTerms,
    items: Vec<BatchItem>,
    more: More,
    released: u32,
    under_way: u32,
    results: BTreeMap<u32, ItemResult>,
    course: Course,
    began: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    GoesOn,
    /// An item failed, and the batch was to stop then.
    Stopped,
}

impl Away {
    /// Takes what an append gives away, and what it takes back. Returns the batches that are over with that.
    pub(super) fn take(&mut self, append: &Append, now: Timestamp) -> Vec<Learned> {
        for key in &append.withdrawn {
            self.work.retain(|work| work.id.key != *key);
            self.batches.remove(key);
        }
        for dispatch in &append.dispatches {
            let id = WorkId { key: dispatch.key.clone(), item: 0 };
            let (function, input) = (dispatch.function.clone(), dispatch.input.clone());
            self.work.push(Work {
                try_number: dispatch.next_try,
                failed: dispatch.failed_tries,
                first_started: dispatch.first_started_at,
                ..Work::new(id, function, input, dispatch.terms.clone())
            });
        }
        for chunk in &append.batches {
            let batch = self.batches.entry(chunk.key.clone()).or_insert_with(|| Batch::new(chunk.terms.clone(), now));
            batch.items.extend(chunk.items.iter().cloned());
            batch.more = chunk.more;
        }
        let keys: Vec<_> = append.batches.iter().map(|chunk| chunk.key.clone()).collect();
        keys.iter().filter_map(|key| self.go_on(key, now)).collect()
    }

    /// What stands in the database for open calls.
    pub(super) fn open(&self) -> Vec<(StepKey, Waiting)> {
        let steps = self.work.iter().filter(|work| work.id.item == 0);
        let steps = steps.map(|work| (work.id.key.clone(), Waiting::Dispatched));
        let batches = self
            .batches
            .iter()
            .map(|(key, batch)| (key.clone(), Waiting::Batch { items: batch.total(), more: batch.more }));
        steps.chain(batches).collect()
    }

    /// Takes hold of the first work that may begin.
    pub(super) fn claim(&mut self, now: Timestamp) -> Option<Work> {
        let work = self.work.iter_mut().find(|work| match work.stands {
            Stands::Ready => true,
            Stands::Waits { due } => due <= now,
            Stands::Executing => false,
        })?;
        work.stands = Stands::Executing;
        Some(work.clone())
    }

    /// When the first wait between two tries is over.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        let due = self.work.iter().filter_map(|work| match work.stands {
            Stands::Waits { due } => Some(due),
            Stands::Ready | Stands::Executing => None,
        });
        due.min()
    }

    pub(super) fn get(&self, id: &WorkId) -> Option<&Work> {
        self.work.iter().find(|work| work.id == *id)
    }

    /// A try failed and another follows.
    pub(super) fn again(&mut self, id: &WorkId, started_at: Timestamp, due: Timestamp) {
        if let Some(work) = self.work.iter_mut().find(|work| work.id == *id) {
            work.failed += 1;
            work.try_number += 1;
            work.first_started.get_or_insert(started_at);
            work.stands = Stands::Waits { due };
        }
    }

    /// Whoever took it did not begin: no try is used up.
    pub(super) fn put_back(&mut self, id: &WorkId) {
        if let Some(work) = self.work.iter_mut().find(|work| work.id == *id) {
            work.stands = Stands::Ready;
        }
    }

    /// Whoever executed it is gone: another does, under the next number.
    pub(super) fn give_back(&mut self, id: &WorkId, started_at: Timestamp) {
        if let Some(work) = self.work.iter_mut().find(|work| work.id == *id) {
            work.try_number += 1;
            work.first_started.get_or_insert(started_at);
            work.stands = Stands::Ready;
        }
    }

    /// Work has ended for good. Returns the row by which the run learns of it, if this was all it waits for.
    pub(super) fn end(&mut self, id: &WorkId, end: WorkEnd) -> Option<Learned> {
        let index = self.work.iter().position(|work| work.id == *id)?;
        let Work { function, input, .. } = self.work.remove(index);
        if id.item == 0 {
            return Some(Learned { key: id.key.clone(), kind: Kind::Step, name: function, input, end });
        }
        let now = end.finished_at;
        self.batches.get_mut(&id.key)?.ended(id.item, end);
        self.go_on(&id.key, now)
    }

    /// Releases the next items of a batch, or ends it.
    fn go_on(&mut self, key: &StepKey, now: Timestamp) -> Option<Learned> {
        let batch = self.batches.get_mut(key)?;
        while let Some(work) = batch.release(key) {
            self.work.push(work);
        }
        if !batch.is_over() {
            return None;
        }
        let batch = self.batches.remove(key)?;
        let (summary, name) = (batch.summary(now), batch.terms.function.clone());
        self.ended.insert(key.clone(), batch.all_results());
        let outcome = codec::encode(&summary).map_err(Failure::from);
        let end = WorkEnd { outcome, try_number: 1, started_at: now, finished_at: now };
        Some(Learned { key: key.clone(), kind: Kind::Batch, name, input: codec::UNIT.to_vec(), end })
    }

    /// The run has ended, and with it what was still open.
    pub(super) fn clear(&mut self) {
        self.work.clear();
        self.batches.clear();
    }

    /// The results of all batches that ended.
    pub(super) fn into_results(self) -> BTreeMap<StepKey, Vec<ItemResult>> {
        self.ended
    }

    /// A page of the results of a batch that ended.
    pub(super) fn results(&self, fetch: &Fetch) -> FetchedResults {
        let all = self.ended.get(&fetch.batch).map(Vec::as_slice).unwrap_or_default();
        let rest = all.get(fetch.after as usize..).unwrap_or_default();
        let page = limits::BATCH_RESULTS_PAGE as usize;
        let more = if rest.len() > page { More::Follows } else { More::End };
        FetchedResults { results: rest.iter().take(page).cloned().collect(), more }
    }
}

impl Batch {
    fn new(terms: BatchTerms, began: Timestamp) -> Self {
        Self {
            terms,
            items: Vec::new(),
            more: More::Follows,
            released: 0,
            under_way: 0,
            results: BTreeMap::new(),
            course: Course::GoesOn,
            began,
        }
    }

    fn total(&self) -> u32 {
        u32::try_from(self.items.len()).unwrap_or(u32::MAX)
    }

    fn release(&mut self, key: &StepKey) -> Option<Work> {
        if self.course == Course::Stopped || self.under_way >= self.terms.max_concurrency.max(1) {
            return None;
        }
        let item = self.items.get(self.released as usize)?;
        self.released += 1;
        self.under_way += 1;
        let id = WorkId { key: key.clone(), item: self.released };
        Some(Work::new(id, self.terms.function.clone(), item.input.clone(), self.terms.item.clone()))
    }

    fn ended(&mut self, item: u32, end: WorkEnd) {
        self.under_way = self.under_way.saturating_sub(1);
        if end.outcome.is_err() && self.terms.on_failure == OnFailure::Stop {
            self.course = Course::Stopped;
        }
        let result = ItemResult {
            item,
            id: self.items.get(item as usize - 1).and_then(|item| item.id.clone()),
            outcome: Some(end.outcome),
            try_number: end.try_number,
            worker: None,
            started_at: Some(end.started_at),
            finished_at: Some(end.finished_at),
        };
        self.results.insert(item, result);
    }

    fn is_over(&self) -> bool {
        let all = self.released == self.total() || self.course == Course::Stopped;
        self.more == More::End && self.under_way == 0 && all
    }

    fn summary(&self, now: Timestamp) -> BatchSummary {
        let ended = |result: &&ItemResult| matches!(result.outcome, Some(Ok(_)));
        let completed = u32::try_from(self.results.values().filter(ended).count()).unwrap_or(u32::MAX);
        let failed = u32::try_from(self.results.len()).unwrap_or(u32::MAX) - completed;
        let status = match (self.course, completed, failed) {
            (Course::GoesOn, _, 0) => BatchStatus::Completed,
            (Course::Stopped, ..) | (Course::GoesOn, 0, _) => BatchStatus::Failed,
            (Course::GoesOn, ..) => BatchStatus::PartialFailure,
        };
        let took = |result: &ItemResult| Some(result.finished_at?.since(result.started_at?).as_millis());
        let item_ms: u128 = self.results.values().filter_map(took).sum();
        BatchSummary {
            status,
            total: self.total(),
            completed,
            failed,
            cancelled: self.total() - completed - failed,
            duration_ms: u64::try_from(now.since(self.began).as_millis()).unwrap_or(u64::MAX),
            item_ms: u64::try_from(item_ms).unwrap_or(u64::MAX),
        }
    }

    /// A result for each item, those that were never executed included.
    fn all_results(mut self) -> Vec<ItemResult> {
        let items = std::mem::take(&mut self.items);
        let results = (1..).zip(items).map(|(item, it)| {
            self.results.remove(&item).unwrap_or(ItemResult {
                item,
                id: it.id,
                outcome: None,
                try_number: 0,
                worker: None,
                started_at: None,
                finished_at: None,
            })
        });
        results.collect()
    }
}
