//! Batches whose items are handed over, chunk by chunk.
//!
//! The workflow is asked for the next items only when those before are written, so that no more than a chunk of a batch
//! is in memory. Once all are given away the run may leave memory: the batch's row comes from outside.

use std::collections::BTreeMap;

use piton_shared::{
    journal::StepKey,
    message::{
        append::Append,
        batch::{BatchItems, BatchTerms},
        read::More,
    },
    replay::{BatchCall, Items, Prompt},
    time::Timestamp,
};

use super::{Attempt, Effect, Intent, Moved, Stage, left::Standing};

/// The open batches.
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: BTreeMap<StepKey, OpenBatch>,
}

#[derive(Debug)]
struct OpenBatch {
    terms: BatchTerms,
    /// The number of the first item that is not given away.
    next: u32,
    stage: BatchStage,
}

/// Where the hand-over of a batch's items stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BatchStage {
    /// The next items are to be asked for.
    Wanting,
    /// They were: they come when the workflow looks at its batch next.
    Asked,
    /// A chunk waits to be written, or is under way.
    Giving,
    /// All are given away.
    Given,
}

impl Batches {
    /// Whether items can be handed over without news from outside.
    pub(super) fn is_giving(&self) -> bool {
        self.open.values().any(|batch| match batch.stage {
            BatchStage::Wanting | BatchStage::Giving => true,
            BatchStage::Asked | BatchStage::Given => false,
        })
    }

    pub(super) fn remove(&mut self, key: &StepKey) {
        self.open.remove(key);
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    /// An append was written: the chunks in it are given away.
    pub(super) fn written(&mut self, append: &Append) {
        for chunk in &append.batches {
            if let Some(batch) = self.open.get_mut(&chunk.key) {
                batch.stage = match chunk.more {
                    More::Follows => BatchStage::Wanting,
                    More::End => BatchStage::Given,
                };
            }
        }
    }

    fn wanting(&self) -> Option<(StepKey, u32)> {
        let mut open = self.open.iter();
        open.find(|(_, batch)| batch.stage == BatchStage::Wanting).map(|(key, batch)| (key.clone(), batch.next))
    }
}

impl Attempt {
    pub(super) fn ask_batch(&mut self, call: BatchCall) {
        let (next, stage) = match self.left.standing(&call.key) {
            Some(Standing::Batch { more: More::End, .. }) => (0, BatchStage::Given),
            Some(Standing::Batch { items, more: More::Follows }) => (items.saturating_add(1), BatchStage::Wanting),
            Some(Standing::Sleep | Standing::Away) | None => (1, BatchStage::Wanting),
        };
        self.batches.open.insert(call.key, OpenBatch { terms: call.terms, next, stage });
    }

    /// Asks the workflow for the next items of each batch that wants some.
    pub(super) fn want_items(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> Moved {
        let mut moved = Moved::No;
        while let (Stage::Live(machine), Intent::Working) = (&mut self.stage, self.intent)
            && !self.state.is_writing()
            && self.fetches.is_empty()
            && let Some((key, from)) = self.batches.wanting()
        {
            moved = Moved::Yes;
            if let Some(batch) = self.batches.open.get_mut(&key) {
                batch.stage = BatchStage::Asked;
            }
            let turn = machine.prompt(&key, Prompt::Items { from });
            self.turn(turn, now, effects);
        }
        moved
    }

    pub(super) fn give_items(&mut self, items: Items) {
        let Some(batch) = self.batches.open.get_mut(&items.key) else {
            return;
        };
        let given = u32::try_from(items.items.len()).unwrap_or(u32::MAX);
        batch.next = items.first.saturating_add(given);
        batch.stage = BatchStage::Giving;
        let terms = batch.terms.clone();
        self.outbox.items(BatchItems {
            key: items.key,
            terms,
            first: items.first,
            items: items.items,
            more: items.more,
        });
    }
}
