//! What is published, and what comes of it.

use std::sync::Arc;

use piton_shared::{ids::RunId, journal::Payload, name::Org, time::Timestamp, trigger::Provider};
use uuid::Uuid;

use crate::{engine::Novelty, store::StoreError};

/// An event that somebody publishes.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Whose.
    pub org: Org,
    /// Its name: words with dots between them.
    pub name: String,
    /// The publisher's own id of it, if it says one. An event whose id was seen within the window is not taken again.
    pub id: Option<String>,
    /// More by which a repeated one is known, in a name space of their own: of a webhook, its delivery and its signature.
    pub keys: Vec<String>,
    /// What it is about.
    pub data: Payload,
    /// Where it comes from.
    pub origin: Origin,
    /// When it happened, as its publisher says.
    pub occurred_at: Option<Timestamp>,
    /// All that is known of it, for triggers that ask for the envelope; none where that can be made of the rest.
    pub envelope: Option<Payload>,
    /// Trace context, as W3C `traceparent`.
    pub trace: Option<String>,
}

/// Where an event comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Somebody with access published it.
    Published,
    /// A verified webhook brought it.
    Webhook {
        /// Whose.
        provider: Provider,
        /// The endpoint's name.
        endpoint: String,
        /// The record of the delivery.
        delivery: Uuid,
    },
    /// An operator asked for an earlier event again.
    Replayed {
        /// The earlier event.
        of: Uuid,
        /// The one workflow that it is for, if it is not for all.
        only: Option<String>,
        /// Where it came from when it came first; never itself a replay.
        first: Box<Self>,
    },
}

/// An event that is committed.
#[derive(Debug, Clone)]
pub struct PublishedEvent {
    /// Ours.
    pub event: Uuid,
    /// Whether this publish made it.
    pub novelty: Novelty,
    /// When it was accepted, by the database's clock.
    pub accepted_at: Timestamp,
    /// Whether it was matched with the triggers.
    pub matching: Matching,
}

/// Whether an event was matched.
#[derive(Debug, Clone)]
pub enum Matching {
    /// It was, and these are committed.
    Done(Vec<StartedRun>),
    /// Not yet: it is owed, and done by whichever scheduler comes to it.
    Owed,
}

/// A run that an event started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedRun {
    /// The run.
    pub run: RunId,
    /// Of which workflow.
    pub workflow: String,
}

/// Why no event of a publish was accepted.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The org is not known.
    #[error("there is no org `{0}`")]
    UnknownOrg(Org),
    /// More events wait than the bound allows.
    #[error("too many events are waiting")]
    Full,
    /// The database is away, or refuses.
    #[error("failed to write the events")]
    Store(#[source] Arc<StoreError>),
}
