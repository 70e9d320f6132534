//! What a batch came to.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
pub use piton_shared::message::batch::BatchStatus;
use piton_shared::{
    failure::StepError,
    journal::StepKey,
    message::{
        batch::{BatchSummary, ItemResult},
        read::More,
    },
    parked::Parked,
    replay::{BatchEnd, Fetching, Scope},
    time::Timestamp,
};

use crate::definition::Journaled;

/// What a batch came to: its numbers at once, its items' outcomes to be read.
///
/// The outcomes are not part of the journal and stay where they are: [`outputs`](Self::outputs) reads them page by page, as
/// often as you like, and in a replay again.
pub struct BatchResult<T> {
    /// How it ended.
    pub status: BatchStatus,
    /// Its numbers.
    pub stats: BatchStats,
    scope: Scope,
    key: StepKey,
    of: PhantomData<fn() -> T>,
}

/// The numbers of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchStats {
    /// Items in it.
    pub total: u32,
    /// Items whose function returned a value.
    pub completed: u32,
    /// Items that failed for good.
    pub failed: u32,
    /// Items that were never executed, because the batch stopped or was cancelled.
    pub cancelled: u32,
    /// Items that are none of these: zero once a batch has ended.
    pub pending: u32,
    /// From the first item's begin to the last one's end.
    pub duration: Duration,
    /// What an item's last try took on average.
    pub average_item_duration: Duration,
}

impl From<BatchSummary> for BatchStats {
    fn from(summary: BatchSummary) -> Self {
        let BatchSummary { status: _, total, completed, failed, cancelled, duration_ms, item_ms } = summary;
        let executed = u64::from(completed) + u64::from(failed);
        Self {
            total,
            completed,
            failed,
            cancelled,
            pending: total.saturating_sub(completed).saturating_sub(failed).saturating_sub(cancelled),
            duration: Duration::from_millis(duration_ms),
            average_item_duration: Duration::from_micros(item_ms.saturating_mul(1000) / executed.max(1)),
        }
    }
}

/// One item of a batch that has ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Item<T> {
    /// Its place in the batch, from 0. Its function saw the step key of the batch with a number from 1 behind it:
    /// `process_document#1/1` is that of index 0.
    pub index: usize,
    /// Your name for it, if you gave one.
    pub id: Option<String>,
    /// How it ended; [`StepError::Cancelled`] if it was never executed.
    pub outcome: Result<T, StepError>,
    /// How often it was tried.
    pub tries: u32,
    /// When its last try began.
    pub started_at: Option<Timestamp>,
    /// When its last try ended.
    pub finished_at: Option<Timestamp>,
}

/// An item that has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedItem {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Your name for it, if you gave one.
    pub id: Option<String>,
    /// Why it has none.
    pub error: StepError,
}

impl<T> BatchResult<T> {
    pub(crate) fn new(scope: Scope, (key, summary): BatchEnd) -> Self {
        Self { status: summary.status, stats: summary.into(), scope, key, of: PhantomData }
    }

    /// Whether every item completed.
    pub fn is_success(&self) -> bool {
        self.status == BatchStatus::Completed
    }

    /// The step key of the batch.
    pub fn key(&self) -> &StepKey {
        &self.key
    }

    /// All items in their order, as a stream that reads them by pages.
    pub fn outputs(&self) -> Outputs<T> {
        Outputs {
            scope: self.scope.clone(),
            key: self.key.clone(),
            page: VecDeque::new(),
            next: Next::After(0),
            of: PhantomData,
        }
    }

    /// The items that have no value, in their order. Reads the whole batch; what it gives is in memory at once.
    pub async fn failed_items(&self) -> Vec<FailedItem> {
        let mut failed = Vec::new();
        if self.is_success() {
            return failed;
        }
        let mut outputs = self.outputs();
        while let Some(result) = poll_fn(|cx| outputs.poll_result(cx)).await {
            let error = match result.outcome {
                Some(Ok(_)) => continue,
                Some(Err(failure)) => failure.into(),
                None => StepError::Cancelled,
            };
            failed.push(FailedItem { index: index(result.item), id: result.id, error });
        }
        failed
    }
}

/// The items of a batch that has ended. Reading it is no step and makes no row.
#[must_use = "nothing is read until `next` is awaited"]
pub struct Outputs<T> {
    scope: Scope,
    key: StepKey,
    page: VecDeque<ItemResult>,
    next: Next,
    of: PhantomData<fn() -> T>,
}

enum Next {
    /// The page behind this item.
    After(u32),
    Reading(Fetching),
    Nothing,
}

impl<T> Outputs<T> {
    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Option<ItemResult>> {
        loop {
            if let Some(result) = self.page.pop_front() {
                return Poll::Ready(Some(result));
            }
            match &mut self.next {
                Next::Nothing => return Poll::Ready(None),
                Next::After(item) => self.next = Next::Reading(self.scope.fetch(self.key.clone(), *item)),
                Next::Reading(fetching) => {
                    let Poll::Ready(page) = Pin::new(fetching).poll(cx) else { return Poll::Pending };
                    self.next = match (page.more, page.results.last()) {
                        (More::Follows, Some(last)) => Next::After(last.item),
                        (More::End, _) | (More::Follows, None) => Next::Nothing,
                    };
                    self.page = page.results.into();
                }
            }
        }
    }
}

impl<T: Journaled> Outputs<T> {
    /// The next item, in their order; none behind the last.
    pub async fn next(&mut self) -> Option<Item<T>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item<T>>> {
        let Poll::Ready(result) = self.poll_result(cx) else { return Poll::Pending };
        let Some(result) = result else { return Poll::Ready(None) };
        let outcome = match result.outcome {
            Some(Ok(payload)) => match T::decode(&payload) {
                Ok(value) => Ok(value),
                Err(error) => {
                    let key = self.key.item(result.item);
                    self.scope.park(Parked::Undecodable { key, message: error.to_string() });
                    return Poll::Pending;
                }
            },
            Some(Err(failure)) => Err(failure.into()),
            None => Err(StepError::Cancelled),
        };
        Poll::Ready(Some(Item {
            index: index(result.item),
            id: result.id,
            outcome,
            tries: result.try_number,
            started_at: result.started_at,
            finished_at: result.finished_at,
        }))
    }
}

impl<T: Journaled> Stream for Outputs<T> {
    type Item = Item<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item<T>>> {
        self.poll_item(cx)
    }
}

fn index(number: u32) -> usize {
    (number as usize).saturating_sub(1)
}

impl<T> Clone for BatchResult<T> {
    fn clone(&self) -> Self {
        let Self { status, stats, scope, key, of } = self;
        Self { status: *status, stats: *stats, scope: scope.clone(), key: key.clone(), of: *of }
    }
}

impl<T> fmt::Debug for BatchResult<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchResult")
            .field("key", &self.key)
            .field("status", &self.status)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Outputs<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outputs").field("of", &self.key).finish_non_exhaustive()
    }
}
