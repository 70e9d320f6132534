//! Every value of a batch, or none.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use piton_shared::{failure::StepError, retry::RetryPolicy};

use crate::{
    BoxFuture, WorkflowContext,
    batch::{Batch, IntoItem},
    batch_result::{BatchResult, FailedItem},
    definition::Function,
};

impl WorkflowContext {
    /// [`batch`](Self::batch) where every item has to have a value: gives all of them in order, and stops at the first item
    /// that fails for good.
    ///
    /// All values are in memory at once. For more than that read [`BatchResult::outputs`].
    ///
    /// ```
    /// use piton::prelude::*;
    ///
    /// #[function]
    /// async fn process_document(id: String) -> Result<usize> { Ok(id.len()) }
    ///
    /// #[workflow]
    /// async fn sizes(ctx: &WorkflowContext, ids: Vec<String>) -> Result<Vec<usize>> {
    ///     Ok(ctx.map(ids.into_iter().map(process_document)).max_concurrency(20).await?)
    /// }
    /// ```
    pub fn map<I>(&self, items: I) -> Map<<I::Item as IntoItem>::Function>
    where
        I: IntoIterator<IntoIter: Send + 'static>,
        I::Item: IntoItem,
    {
        Map { batch: self.batch(items).stop_on_failure() }
    }
}

/// What [`WorkflowContext::map`] makes.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Map<F: Function> {
    batch: Batch<F>,
}

impl<F: Function> Map<F> {
    /// See [`Batch::max_concurrency`].
    pub fn max_concurrency(self, items: u32) -> Self {
        Self { batch: self.batch.max_concurrency(items) }
    }

    /// See [`Batch::item_timeout`].
    pub fn item_timeout(self, timeout: Duration) -> Self {
        Self { batch: self.batch.item_timeout(timeout) }
    }

    /// See [`Batch::try_timeout`].
    pub fn try_timeout(self, timeout: Duration) -> Self {
        Self { batch: self.batch.try_timeout(timeout) }
    }

    /// See [`Batch::retry`].
    pub fn retry(self, policy: RetryPolicy) -> Self {
        Self { batch: self.batch.retry(policy) }
    }

    /// See [`Batch::queue`].
    ///
    /// # Panics
    ///
    /// When the name is none. In a workflow that parks the run.
    pub fn queue(self, queue: impl Into<Cow<'static, str>>) -> Self {
        Self { batch: self.batch.queue(queue) }
    }

    /// See [`Batch::named`].
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { batch: self.batch.named(name) }
    }
}

impl<F: Function> IntoFuture for Map<F> {
    type Output = Result<Vec<F::Output>, MapError<F::Output>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(collect(self.batch))
    }
}

async fn collect<F: Function>(batch: Batch<F>) -> Result<Vec<F::Output>, MapError<F::Output>> {
    let result = batch.await.map_err(MapError::Batch)?;
    let mut values = Vec::new();
    let mut outputs = result.outputs();
    while let Some(item) = outputs.next().await {
        match item.outcome {
            Ok(value) => values.push(value),
            Err(StepError::Cancelled) => {}
            Err(error) => {
                let first = FailedItem { index: item.index, id: item.id, error };
                return Err(MapError::Item { first: Box::new(first), result: Box::new(result) });
            }
        }
    }
    if result.is_success() { Ok(values) } else { Err(MapError::Cancelled { result: Box::new(result) }) }
}

/// Why [`WorkflowContext::map`] has no values.
pub enum MapError<T> {
    /// An item failed for good.
    Item {
        /// The first of them in the order of the batch.
        first: Box<FailedItem>,
        /// The whole batch: what did complete can be read from it.
        result: Box<BatchResult<T>>,
    },
    /// Somebody cancelled the batch.
    Cancelled {
        /// The whole batch.
        result: Box<BatchResult<T>>,
    },
    /// The batch itself came to nothing: the run was cancelled.
    Batch(StepError),
}

impl<T> fmt::Debug for MapError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item { first, result } => {
                f.debug_struct("Item").field("first", first).field("result", result).finish()
            }
            Self::Cancelled { result } => f.debug_struct("Cancelled").field("result", result).finish(),
            Self::Batch(error) => f.debug_tuple("Batch").field(error).finish(),
        }
    }
}

impl<T> fmt::Display for MapError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item { first, result } => {
                let FailedItem { index, id, .. } = &**first;
                let id = id.as_ref().map(|id| format!(" (`{id}`)")).unwrap_or_default();
                let (failed, total) = (result.stats.failed, result.stats.total);
                write!(f, "{failed} of {total} items failed, the first at index {index}{id}")
            }
            Self::Cancelled { result } => {
                write!(
                    f,
                    "the batch was cancelled with {} of {} items done",
                    result.stats.completed, result.stats.total
                )
            }
            Self::Batch(error) => error.fmt(f),
        }
    }
}

impl<T> Error for MapError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Item { first, .. } => Some(&first.error),
            Self::Cancelled { .. } => None,
            // Stands for that error, and shows it itself.
            Self::Batch(error) => error.source(),
        }
    }
}
