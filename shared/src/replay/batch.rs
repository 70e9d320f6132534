//! The future of a batch: hands over its items chunk by chunk, as it is asked for them.

use std::{
    fmt,
    iter::Peekable,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    call::{Call, Items, Prompt},
    core::Core,
    open::{Heard, Open},
};
use crate::{
    codec,
    failure::StepError,
    journal::StepKey,
    limits,
    message::{
        batch::{BatchItem, BatchSummary},
        read::More,
    },
    parked::Parked,
};

/// Where a batch takes its items from, one by one; an item that cannot be one parks the run with the text.
pub type ItemSource = Box<dyn Iterator<Item = Result<BatchItem, String>> + Send>;

/// A batch, as a future. It has its key from when it is made and asks when it is first polled; dropped before its
/// answer, the batch is withdrawn.
///
/// Items are taken from the source only when the driver asks for them, and only as many as one append carries. A later
/// attempt takes a new source to where the last one was written, and a batch that has ended takes nothing from it.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Batched {
    call: Open,
    key: Option<StepKey>,
    source: Peekable<ItemSource>,
    /// Items that were taken from the source.
    taken: u32,
}

/// A batch that has ended: its key, by which its results are read, and what it came to.
pub type BatchEnd = (StepKey, BatchSummary);

impl Batched {
    pub(super) fn new(core: Arc<Core>, call: Option<Call>, source: ItemSource) -> Self {
        let key = call.as_ref().map(|call| call.key().clone());
        Self { call: Open::new(core, call), key, source: source.peekable(), taken: 0 }
    }

    fn hand_over(&mut self, from: u32) {
        let Some(key) = self.key.clone() else { return };
        let core = Arc::clone(self.call.core());
        // The source is the user's code: it runs outside the ledger's lock, and must not count on the context.
        match core.answer_prompt(|| self.chunk(key, from)) {
            Ok(items) => core.ledger().hand_items(items),
            Err(reason) => core.ledger().park(reason),
        }
    }

    fn chunk(&mut self, key: StepKey, first: u32) -> Result<Items, Parked> {
        self.skip_to(&key, first)?;
        let mut items = Vec::new();
        let mut room = Room::default();
        while let Some(next) = self.source.peek() {
            match next {
                Ok(item) if !room.takes(item) => break,
                Ok(_) | Err(_) => {}
            }
            let number = self.taken + 1;
            if number > limits::BATCH_ITEMS {
                return Err(limit(format!("the batch `{key}` has more than {} items", limits::BATCH_ITEMS)));
            }
            match self.source.next() {
                Some(Ok(item)) => items.push(item),
                Some(Err(message)) => return Err(limit(format!("item {number} of the batch `{key}`: {message}"))),
                None => break,
            }
            self.taken = number;
        }
        let more = if self.source.peek().is_some() { More::Follows } else { More::End };
        Ok(Items { key, first, items, more })
    }

    /// Takes the source to where the items begin that are wanted.
    fn skip_to(&mut self, key: &StepKey, first: u32) -> Result<(), Parked> {
        let before = first.saturating_sub(1);
        if before < self.taken {
            return Err(limit(format!("the batch `{key}` was asked again for items that it had handed over")));
        }
        while self.taken < before {
            if self.source.next().is_none() {
                return Err(Parked::Mismatch {
                    key: key.clone(),
                    recorded: format!("a batch of {before} items or more"),
                    asked: format!("a batch of {} items", self.taken),
                });
            }
            self.taken += 1;
        }
        Ok(())
    }
}

impl Future for Batched {
    type Output = Result<BatchEnd, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.call.poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Heard::Prompt(Prompt::Items { from })) => self.hand_over(from),
                Poll::Ready(Heard::Prompt(Prompt::Value(_))) => {}
                Poll::Ready(Heard::Answer(_, Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(Heard::Answer(key, Ok(payload))) => {
                    return match codec::decode(&payload) {
                        Ok(summary) => Poll::Ready(Ok((key, summary))),
                        Err(error) => {
                            self.call.park_undecodable(key, error.to_string());
                            Poll::Pending
                        }
                    };
                }
            }
        }
    }
}

impl fmt::Debug for Batched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batched").field("key", &self.key).field("taken", &self.taken).finish_non_exhaustive()
    }
}

fn limit(message: String) -> Parked {
    Parked::Limit { message }
}

/// What is left of a chunk.
struct Room {
    items: usize,
    bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { items: limits::BATCH_CHUNK_ITEMS, bytes: limits::BATCH_CHUNK_BYTES }
    }
}

impl Room {
    /// Room for this item is taken, if there is any. The first one always has it: no payload is larger than a chunk.
    fn takes(&mut self, item: &BatchItem) -> bool {
        let weight = limits::BATCH_ITEM_OVERHEAD + item.input.len() + item.id.as_ref().map_or(0, String::len);
        match (self.items.checked_sub(1), self.bytes.checked_sub(weight)) {
            (Some(items), Some(bytes)) => {
                *self = Self { items, bytes };
                true
            }
            (None, _) | (_, None) => false,
        }
    }
}
