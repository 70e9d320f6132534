//! One function over many items, a bounded number of them at once.

use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use piton_shared::{
    failure::StepError,
    limits,
    message::batch::{BatchItem, BatchTerms, OnFailure},
    name::Queue,
    parked::Parked,
    replay::{Batched, ItemSource, StepOptions},
    retry::RetryPolicy,
};

use crate::{
    Call, WorkflowContext,
    batch_result::BatchResult,
    definition::{Definition, Function, Journaled},
    workflow_context::over,
};

/// An item of a batch: a call of the function, or a pair of a name of yours for the item and its call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no item of a batch",
    label = "not a call of a function",
    note = "an item is a call, `ctx.batch(docs.into_iter().map(process))`, or a pair of its name and the call, `.map(|doc| (doc.id.clone(), process(doc)))`"
)]
pub trait IntoItem {
    /// What is called.
    type Function: Function;

    #[doc(hidden)]
    fn into_item(self) -> (Option<String>, Call<Self::Function>);
}

impl<F: Function> IntoItem for Call<F> {
    type Function = F;

    fn into_item(self) -> (Option<String>, Self) {
        (None, self)
    }
}

impl<Id: fmt::Display, F: Function> IntoItem for (Id, Call<F>) {
    type Function = F;

    fn into_item(self) -> (Option<String>, Call<F>) {
        (Some(self.0.to_string()), self.1)
    }
}

impl WorkflowContext {
    /// Calls one function for many items, a bounded number of them at once in the whole cluster.
    ///
    /// Items are taken from the iterator a few hundred at a time, as they are written down, and results are read by pages: a
    /// million items need no memory at once. Each item is tried again by itself; a worker that dies costs what it had under
    /// way. A run that goes on elsewhere takes the iterator to where it was, so it must give the same items again; it must
    /// not use the context. Nothing of a batch is held in memory while it runs.
    ///
    /// Ids are names for people and are not compared: two items may have the same one, and results tell them apart by their order.
    /// `POST /v1/batches`, whose items are all there at once, refuses a repeated id.
    ///
    /// ```
    /// use piton::{BatchStatus, prelude::*};
    ///
    /// #[function]
    /// async fn process_document(id: String) -> Result<usize> { Ok(id.len()) }
    ///
    /// #[workflow]
    /// async fn bulk(ctx: &WorkflowContext, ids: Vec<String>) -> Result<(u32, usize)> {
    ///     let result = ctx
    ///         .batch(ids.into_iter().map(|id| (id.clone(), process_document(id))))
    ///         .max_concurrency(20)
    ///         .await?;
    ///     let mut sum = 0;
    ///     let mut outputs = result.outputs();
    ///     while let Some(item) = outputs.next().await {
    ///         match item.outcome {
    ///             Ok(size) => sum += size,
    ///             Err(error) => println!("{:?} has none: {error}", item.id),
    ///         }
    ///     }
    ///     assert!(result.status != BatchStatus::Completed || result.stats.failed == 0);
    ///     Ok((result.stats.completed, sum))
    /// }
    /// ```
    pub fn batch<I>(&self, items: I) -> Batch<<I::Item as IntoItem>::Function>
    where
        I: IntoIterator<IntoIter: Send + 'static>,
        I::Item: IntoItem,
    {
        let source = items.into_iter().map(|item| {
            let (id, call) = item.into_item();
            encoded(id, &call)
        });
        Batch {
            options: Options {
                name: Cow::Borrowed(<I::Item as IntoItem>::Function::NAME),
                item: StepOptions::default(),
                max_concurrency: limits::BATCH_CONCURRENCY,
                on_failure: OnFailure::Continue,
            },
            stage: Stage::Made { ctx: self.clone(), source: Box::new(source) },
            of: PhantomData,
        }
    }
}

fn encoded<F: Function>(id: Option<String>, call: &Call<F>) -> Result<BatchItem, String> {
    if call.name.is_some() || call.options != StepOptions::default() {
        return Err("the calls of a batch have no options of their own: give them to the batch".to_owned());
    }
    if let Some(id) = &id
        && id.len() > limits::BATCH_ITEM_ID_BYTES
    {
        return Err(format!("its id has {} bytes, {} are allowed", id.len(), limits::BATCH_ITEM_ID_BYTES));
    }
    if let Some(id) = &id
        && id.contains('\0')
    {
        return Err(format!("its id `{}` holds NUL, which Postgres cannot keep", id.escape_debug()));
    }
    match call.input.encode() {
        Ok(input) => Ok(BatchItem { id, input }),
        Err(error) => Err(format!("its input cannot be journaled: {error}")),
    }
}

/// What [`WorkflowContext::batch`] makes. Awaited, it gives a [`BatchResult`], or [`StepError::Cancelled`] if the run was
/// cancelled meanwhile.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Batch<F: Function> {
    options: Options,
    stage: Stage,
    of: PhantomData<fn() -> F>,
}

struct Options {
    name: Cow<'static, str>,
    item: StepOptions,
    max_concurrency: u32,
    on_failure: OnFailure,
}

enum Stage {
    Made { ctx: WorkflowContext, source: ItemSource },
    Asked { ctx: WorkflowContext, batch: Batched },
    Over,
}

impl<F: Function> Batch<F> {
    /// Items that are under way at once in the whole cluster. Default: 10.
    ///
    /// From 1 to 10,000; any other number parks the run.
    pub fn max_concurrency(mut self, items: u32) -> Self {
        self.options.max_concurrency = items;
        self
    }

    /// The failure of an item means nothing for the others. This is the default.
    pub fn continue_on_failure(mut self) -> Self {
        self.options.on_failure = OnFailure::Continue;
        self
    }

    /// After the first item that failed for good no other one begins; what is under way ends, the rest is cancelled.
    pub fn stop_on_failure(mut self) -> Self {
        self.options.on_failure = OnFailure::Stop;
        self
    }

    /// Bounds each item: all its tries and the waits between them. Default: the function's `timeout`, else none.
    pub fn item_timeout(mut self, timeout: Duration) -> Self {
        self.options.item.timeout = Some(timeout);
        self
    }

    /// Bounds one try of an item. Default: the function's, else none.
    pub fn try_timeout(mut self, timeout: Duration) -> Self {
        self.options.item.try_timeout = Some(timeout);
        self
    }

    /// When a failed try of an item is tried again. Default: the function's `retries`, else 5 tries.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.item.retry = Some(policy);
        self
    }

    /// Has its items run only by workers that listen on this queue. Default: the function's, else the run's.
    ///
    /// # Panics
    ///
    /// When the name is none (letters, digits, `_`, `-`). In a workflow that parks the run.
    pub fn queue(mut self, queue: impl Into<Cow<'static, str>>) -> Self {
        match Queue::new(queue) {
            Ok(queue) => self.options.item.queue = Some(queue),
            Err(error) => panic!("no queue: {error}"),
        }
        self
    }

    /// Names the batch in the journal and on the timeline, in place of the function's name; see [`Call::named`].
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.options.name = name.into();
        self
    }

    fn ask(&self, ctx: &WorkflowContext, source: ItemSource) -> Batched {
        let Options { name, item, max_concurrency, on_failure } = &self.options;
        if !(1..=limits::BATCH_CONCURRENCY_MAX).contains(max_concurrency) {
            let message = format!(
                "a batch has 1 to {} items under way at once: {max_concurrency} cannot be",
                limits::BATCH_CONCURRENCY_MAX
            );
            ctx.scope().park(Parked::Limit { message });
        }
        let mut item = over(item.clone(), F::DEFAULTS.options());
        let terms = BatchTerms {
            function: F::NAME.to_owned(),
            queue: item.queue.take(),
            item,
            max_concurrency: *max_concurrency,
            on_failure: *on_failure,
        };
        ctx.scope().batch(name.clone(), terms, source)
    }
}

impl<F: Function> Future for Batch<F> {
    type Output = Result<BatchResult<F::Output>, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Made { ctx, source } => {
                    let batch = self.ask(&ctx, source);
                    self.stage = Stage::Asked { ctx, batch };
                }
                Stage::Asked { ctx, mut batch } => match Pin::new(&mut batch).poll(cx) {
                    Poll::Ready(end) => {
                        return Poll::Ready(end.map(|end| BatchResult::new(ctx.scope().clone(), end)));
                    }
                    Poll::Pending => {
                        self.stage = Stage::Asked { ctx, batch };
                        return Poll::Pending;
                    }
                },
                Stage::Over => return Poll::Pending,
            }
        }
    }
}

impl<F: Function> fmt::Debug for Batch<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("of", &F::NAME).field("named", &self.options.name).finish_non_exhaustive()
    }
}
