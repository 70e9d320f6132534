//! What is kept of a run besides its journal: items and results of batches, and state.

use std::collections::BTreeMap;

use super::{
    super::{Access, Call, Fetch, FetchedResults, Items, StateCall, Write},
    world::execute,
};
use crate::{
    codec,
    journal::{Payload, StepKey},
    limits,
    message::{
        batch::{BatchItem, BatchStatus, BatchSummary, ItemResult},
        read::More,
        state::{StateScope, StateValue},
    },
};

#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    pub(super) batches: BTreeMap<StepKey, Batch>,
    state: BTreeMap<(&'static str, String), StateValue>,
    /// Writes of state so far; every third one meets somebody who was faster.
    writes: u32,
    /// Results on a page.
    pub(super) page: Option<u32>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Batch {
    pub(super) items: Vec<BatchItem>,
    pub(super) sealed: bool,
    pub(super) chunks: Vec<usize>,
}

impl Store {
    pub(super) fn write_items(&mut self, items: Items) {
        let batch = self.batches.entry(items.key).or_default();
        assert_eq!(items.first as usize, batch.items.len() + 1, "the next ones");
        assert!(!batch.sealed && items.items.len() <= limits::BATCH_CHUNK_ITEMS);
        assert!(items.more == More::End || !items.items.is_empty());
        let bytes: usize = items.items.iter().map(|item| item.input.len() + limits::BATCH_ITEM_OVERHEAD).sum();
        assert!(bytes <= limits::BATCH_CHUNK_BYTES, "{bytes}");
        batch.chunks.push(items.items.len());
        batch.items.extend(items.items);
        batch.sealed = items.more == More::End;
    }

    /// The number of the item that is to come, unless none is.
    pub(super) fn next_item(&self, batch: &StepKey) -> Option<u32> {
        match self.batches.get(batch) {
            None => Some(1),
            Some(batch) if batch.sealed => None,
            Some(batch) => Some(batch.items.len() as u32 + 1),
        }
    }

    pub(super) fn summary(&self, batch: &StepKey) -> BatchSummary {
        let total = self.batches.get(batch).map_or(0, |batch| batch.items.len() as u32);
        BatchSummary {
            status: BatchStatus::Completed,
            total,
            completed: total,
            failed: 0,
            cancelled: 0,
            duration_ms: 1,
            item_ms: 1,
        }
    }

    pub(super) fn page(&self, fetch: &Fetch) -> FetchedResults {
        let items = &self.batches[&fetch.batch].items;
        let page = self.page.unwrap_or(2);
        let last = items.len().min((fetch.after + page) as usize);
        let result = |item: u32| {
            let of = &items[item as usize - 1];
            let call = super::super::StepCall {
                key: fetch.batch.item(item),
                function: "f".into(),
                input: of.input.clone(),
                options: super::super::StepOptions::default(),
                canonical: codec::canonical,
                road: super::super::Road::Away,
            };
            ItemResult {
                item,
                id: of.id.clone(),
                outcome: Some(execute(&Call::Step(call))),
                try_number: 1,
                worker: None,
                started_at: None,
                finished_at: None,
            }
        };
        let more = if last < items.len() { More::Follows } else { More::End };
        FetchedResults { results: (fetch.after + 1..=last as u32).map(result).collect(), more }
    }

    pub(super) fn state(&self, call: &StateCall) -> StateValue {
        self.state.get(&place(call.scope, &call.of)).cloned().unwrap_or_default()
    }

    /// What the row of this access holds; nothing if somebody else was faster.
    pub(super) fn access(&mut self, call: &StateCall, write: Option<Write>) -> Option<Payload> {
        if matches!(call.access, Access::Update | Access::SetIf { .. }) {
            self.writes += 1;
            if self.writes.is_multiple_of(3) {
                let other = self.state(call);
                let value = Some(codec::encode(&(100 + u64::from(self.writes))).expect("it encodes"));
                self.state.insert(place(call.scope, &call.of), StateValue { value, version: other.version + 1 });
            }
        }
        let current = self.state(call);
        let new = match (&call.access, write) {
            (Access::Get, _) => None,
            (Access::Set(value), _) => Some(value.clone()),
            (Access::SetIf { value, expected }, _) => (*expected == current.version).then(|| value.clone()),
            (Access::Update, None) => panic!("an update has computed something"),
            (Access::Update, Some(write)) if write.expected == current.version => Some(write.value),
            (Access::Update, Some(_)) => return None,
        };
        let now = match new {
            Some(value) => StateValue { value, version: current.version + 1 },
            None if matches!(call.access, Access::SetIf { .. }) => {
                return Some(codec::contested(current.value.as_deref(), current.version));
            }
            None => current,
        };
        let payload = codec::versioned(now.value.as_deref(), now.version);
        self.state.insert(place(call.scope, &call.of), now);
        Some(payload)
    }
}

fn place(scope: StateScope, of: &str) -> (&'static str, String) {
    (scope.as_str(), of.to_owned())
}
