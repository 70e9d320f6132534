//! What is kept of a run besides its journal: items and results of batches, and state.

use std::collections::BTreeMap;

use piton::StepKey;
use piton_shared::{
    codec,
    journal::{Outcome, Payload},
    message::{
        batch::{BatchItem, BatchStatus, BatchSummary, BatchTerms, ItemResult, OnFailure},
        read::More,
        state::StateValue,
    },
    replay::{Access, Fetch, FetchedResults, StateCall, Write},
};

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) results: BTreeMap<StepKey, Vec<ItemResult>>,
    pub(crate) state: BTreeMap<(&'static str, String), StateValue>,
}

impl Store {
    /// Keeps how the items ended, and sums it up.
    pub(crate) fn end_batch(
        &mut self,
        key: &StepKey,
        terms: &BatchTerms,
        items: Vec<(BatchItem, Outcome)>,
    ) -> BatchSummary {
        let total = items.len() as u32;
        let (mut completed, mut failed) = (0, 0);
        let mut results = Vec::new();
        for (number, (item, outcome)) in (1..).zip(items) {
            let outcome = (failed == 0 || terms.on_failure == OnFailure::Continue).then_some(outcome);
            match &outcome {
                Some(Ok(_)) => completed += 1,
                Some(Err(_)) => failed += 1,
                None => {}
            }
            let (item, id) = (number, item.id);
            let tries = u32::from(outcome.is_some());
            let result =
                ItemResult { item, id, outcome, try_number: tries, worker: None, started_at: None, finished_at: None };
            results.push(result);
        }
        self.results.insert(key.clone(), results);
        let status = match (failed, completed) {
            (0, _) => BatchStatus::Completed,
            (_, 0) => BatchStatus::Failed,
            _ if terms.on_failure == OnFailure::Stop => BatchStatus::Failed,
            _ => BatchStatus::PartialFailure,
        };
        let cancelled = total - completed - failed;
        BatchSummary { status, total, completed, failed, cancelled, duration_ms: 10, item_ms: 6 }
    }

    /// Two results at a time.
    pub(crate) fn page(&self, fetch: &Fetch) -> FetchedResults {
        let rest = &self.results[&fetch.batch][fetch.after as usize..];
        let more = if rest.len() > 2 { More::Follows } else { More::End };
        FetchedResults { results: rest.iter().take(2).cloned().collect(), more }
    }

    pub(crate) fn current(&self, call: &StateCall) -> StateValue {
        self.state.get(&place(call)).cloned().unwrap_or_default()
    }

    /// Reads or writes, and gives what the row of it holds.
    pub(crate) fn access(&mut self, call: &StateCall, computed: Option<Write>) -> Payload {
        let current = self.current(call);
        let new = match (&call.access, computed) {
            (Access::Get, _) | (Access::Update, None) => None,
            (Access::Set(value), _) => Some(value.clone()),
            (Access::SetIf { value, expected }, _) => (*expected == current.version).then(|| value.clone()),
            (Access::Update, Some(write)) => Some(write.value),
        };
        let now = match new {
            Some(value) => StateValue { value, version: current.version + 1 },
            None if matches!(call.access, Access::SetIf { .. }) => {
                return codec::contested(current.value.as_deref(), current.version);
            }
            None => current,
        };
        let payload = codec::versioned(now.value.as_deref(), now.version);
        self.state.insert(place(call), now);
        payload
    }
}

fn place(call: &StateCall) -> (&'static str, String) {
    (call.scope.as_str(), call.of.clone())
}
