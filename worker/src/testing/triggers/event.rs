//! Events as tests publish them.

use std::future::IntoFuture;

use piton_shared::{
    codec::{self, EncodeError},
    journal::Payload,
    time::Timestamp,
};
use serde::Serialize;

use super::{
    accept::{Coming, accept},
    error::PublishError,
    published::Published,
};
use crate::{
    BoxFuture,
    testing::{TestEngine, block_on},
};

/// An event, for [`TestEngine::publish`].
#[derive(Debug, Clone)]
pub struct Event {
    name: String,
    data: Result<Payload, EncodeError>,
    id: Option<String>,
    occurred_at: Option<Timestamp>,
}

impl Event {
    /// One of this name, about this: `Event::new("user.signed_up", json!({"email": "ada@example.com"}))`.
    pub fn new(name: impl Into<String>, data: impl Serialize) -> Self {
        Self { name: name.into(), data: codec::encode(&data), id: None, occurred_at: None }
    }

    /// The publisher's own id of it: the same id within seven days of the engine's time is the same event.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// When it happened, as its publisher says: `event.time` in expressions. When it is published, if not said.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.occurred_at = Some(time);
        self
    }
}

/// An event that is about to be published. Await it, or call [`blocking`](Self::blocking).
#[derive(Debug)]
#[must_use = "nothing is published until it is awaited, or `.blocking()` is called"]
pub struct Publish<'a> {
    engine: &'a TestEngine,
    event: Event,
}

impl<'a> Publish<'a> {
    pub(super) fn new(engine: &'a TestEngine, event: Event) -> Self {
        Self { engine, event }
    }

    /// Publishes it without async code around.
    ///
    /// # Errors
    ///
    /// Says why it was not accepted.
    ///
    /// # Panics
    ///
    /// When it is called within an async runtime.
    pub fn blocking(self) -> Result<Published, PublishError> {
        block_on(self.into_future())
    }

    async fn publish(self) -> Result<Published, PublishError> {
        let Event { name, data, id, occurred_at } = self.event;
        // What was encoded reads.
        let data = data.map(|data| codec::to_json(&data).unwrap_or_default()).map_err(PublishError::Data)?;
        let coming = Coming { name, id, keys: Vec::new(), data, brought: None, occurred_at, envelope: None };
        accept(self.engine, coming).await
    }
}

impl<'a> IntoFuture for Publish<'a> {
    type Output = Result<Published, PublishError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.publish())
    }
}

impl TestEngine {
    /// Publishes an event, and runs to its end whatever the triggers start that are declared beside the
    /// [registered](Self::register) workflows: names, filters and inputs mean what they mean to a scheduler, and what does
    /// not fit is refused in its words.
    ///
    /// All runs begin at the engine's [time](Self::now), and are executed one after the other; then the time is that at which
    /// the last of them ended. An event whose [id](Event::id) was published within seven days starts nothing again, and
    /// [says so](Published::novelty). An input is held against the workflow's types; what a schema says beyond them is the
    /// scheduler's to check.
    ///
    /// ```
    /// use piton::{prelude::*, testing::{Event, Novelty, TestEngine}};
    /// use serde_json::json;
    ///
    /// #[workflow(triggers(event("order.*", filter = "event.data.total > 100")))]
    /// async fn thank(ctx: &WorkflowContext, total: u64, buyer: String) -> Result<String> {
    ///     # let _ = ctx;
    ///     Ok(format!("thanks to {buyer} for {total}"))
    /// }
    ///
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// let engine = TestEngine::new().register(thank);
    /// let paid = Event::new("order.paid", json!({"total": 250, "buyer": "ada"})).id("o-1");
    /// let published = engine.publish(paid.clone()).blocking()?;
    /// assert_eq!(published.run(thank).output(), "thanks to ada for 250");
    /// assert_eq!(engine.publish(paid).blocking()?.novelty(), Novelty::Repeated);
    ///
    /// let small = engine.publish(Event::new("order.paid", json!({"total": 9, "buyer": "bob"}))).blocking()?;
    /// assert!(small.started().is_empty());
    /// let nameless = engine.publish(Event::new("order.paid", json!({"total": 250}))).blocking()?;
    /// assert!(nameless.refused()[0].reason.starts_with("the event's data has no `buyer`, which the workflow takes"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PublishError`] where no server would have accepted it, or what the workflows declare.
    pub fn publish(&self, event: Event) -> Publish<'_> {
        Publish::new(self, event)
    }
}
