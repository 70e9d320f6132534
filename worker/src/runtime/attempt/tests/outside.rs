//! What a run has given away, as the tables hold it.

use std::collections::BTreeMap;

use piton_shared::{
    codec,
    journal::StepKey,
    message::{
        append::Append,
        batch::{BatchItem, BatchStatus, BatchSummary, ItemResult},
        claim::Waiting,
        dispatch::NewDispatch,
        read::More,
    },
    replay::{Fetch, FetchedResults},
};

use super::plan::encode;

/// Results of a page.
const PAGE: usize = 256;

/// Steps and batches that were given away.
#[derive(Debug, Default)]
pub(super) struct Outside {
    pub(super) steps: BTreeMap<StepKey, NewDispatch>,
    batches: BTreeMap<StepKey, Batch>,
    ended: BTreeMap<StepKey, Vec<ItemResult>>,
}

#[derive(Debug)]
struct Batch {
    items: Vec<BatchItem>,
    more: More,
}

impl Outside {
    /// Takes what an append gives away, and what it takes back.
    pub(super) fn take(&mut self, append: &Append, answered: impl Fn(&StepKey) -> bool) {
        for key in &append.withdrawn {
            self.steps.remove(key);
            self.batches.remove(key);
        }
        for dispatch in &append.dispatches {
            assert!(!answered(&dispatch.key), "a step that is over is given away: {dispatch:?}");
            let before = self.steps.insert(dispatch.key.clone(), dispatch.clone());
            assert!(before.is_none(), "given away twice: {dispatch:?}");
        }
        for chunk in append.batches.iter().filter(|chunk| !answered(&chunk.key)) {
            let fresh = || Batch { items: Vec::new(), more: More::Follows };
            let batch = self.batches.entry(chunk.key.clone()).or_insert_with(fresh);
            assert_eq!(batch.more, More::Follows, "it was sealed: {:?}", chunk.key);
            assert_eq!(chunk.first as usize, batch.items.len() + 1, "chunks follow each other: {:?}", chunk.key);
            batch.items.extend(chunk.items.iter().cloned());
            batch.more = chunk.more;
        }
    }

    pub(super) fn open(&self) -> Vec<(StepKey, Waiting)> {
        let steps = self.steps.keys().map(|key| (key.clone(), Waiting::Dispatched));
        let batches = self.batches.iter().map(|(key, batch)| {
            let items = u32::try_from(batch.items.len()).expect("few");
            (key.clone(), Waiting::Batch { items, more: batch.more })
        });
        steps.chain(batches).collect()
    }

    /// Ends one of the batches that were given all their items; returns its key and the value of its row.
    pub(super) fn end_batch(&mut self, index: usize) -> Option<(StepKey, Vec<u8>)> {
        let sealed: Vec<_> = self.batches.iter().filter(|(_, batch)| batch.more == More::End).collect();
        let key = sealed.get(index % sealed.len().max(1))?.0.clone();
        let batch = self.batches.remove(&key)?;
        let total = u32::try_from(batch.items.len()).expect("few");
        let results = (1..).zip(batch.items).map(|(item, it)| {
            let input: u64 = codec::decode(&it.input).expect("a number");
            let outcome = Some(Ok(encode(input.wrapping_add(1))));
            ItemResult { item, id: it.id, outcome, try_number: 1, worker: None, started_at: None, finished_at: None }
        });
        self.ended.insert(key.clone(), results.collect());
        let summary = BatchSummary {
            status: BatchStatus::Completed,
            total,
            completed: total,
            failed: 0,
            cancelled: 0,
            duration_ms: 0,
            item_ms: 0,
        };
        Some((key, codec::encode(&summary).expect("numbers")))
    }

    /// The run has ended, and with it what is still open.
    pub(super) fn end(&mut self) {
        self.steps.clear();
        self.batches.clear();
    }

    /// A page of the results of a batch that ended.
    pub(super) fn results(&self, fetch: &Fetch) -> FetchedResults {
        let rest = &self.ended[&fetch.batch][fetch.after as usize..];
        let results = rest.iter().take(PAGE).cloned().collect();
        FetchedResults { results, more: if rest.len() > PAGE { More::Follows } else { More::End } }
    }
}
