//! From a delivery to its event, and what is answered.

use std::{sync::Arc, time::Instant};

use piton_shared::{codec, limits::PAYLOAD_BYTES};
use piton_telemetry::metrics::Delivered;
use piton_webhook::{BodyKind, Described, Envelope, Unreadable};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Arrived, Verdict,
    gate::{Gate, Record},
    judge::{Judgement, Verified, judge},
    record::{about, because, beginning, clean, record},
};
use crate::{
    api::time::Rfc3339,
    engine::{Engine, Novelty},
    event::{NewEvent, Origin, PublishError},
    failpoint::failpoint,
    store::{LookedUp, NewDelivery, StoreError},
};

/// What is answered to a delivery that was verified, or was not.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// It is this event, now or since before; nothing more is owed.
    Published {
        /// The record of this delivery; of a repetition there may be none.
        delivery: Uuid,
        /// The event.
        event: Uuid,
        /// Whether this delivery made it.
        novelty: Novelty,
    },
    /// The endpoint takes no such events.
    Filtered(Uuid),
    /// The provider wants this back.
    Challenge(String),
    /// Somebody is there.
    Ping,
    /// The endpoint is paused: the provider is to come back.
    Paused,
    /// It is no JSON, or no form.
    Broken(String),
    /// It reads, and nothing can be made of it.
    Unreadable(String),
    /// Nobody who knows a secret has sent it in time. Why is on record, and nobody else's concern.
    Refused,
}

/// Why a delivery has to come again.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It could not be put on record.
    #[error("failed to put the delivery on record")]
    Record(#[source] StoreError),
    /// Its event could not be published.
    #[error("failed to publish the delivery's event")]
    Publish(#[source] PublishError),
}

/// Takes deliveries. Its clones count together.
#[derive(Clone)]
pub struct Hooks {
    engine: Arc<Engine>,
    gate: Gate,
}

impl Hooks {
    /// Takes deliveries for this engine.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, gate: Gate::default() }
    }

    /// The endpoint at this address, whoever it belongs to.
    pub async fn look(&self, id: Uuid) -> Result<Option<LookedUp>, StoreError> {
        let found = self.engine.store().webhook_look(id).await;
        match &found {
            Ok(Some(_)) => {}
            Ok(None) => self.count(Delivered::Unknown),
            Err(_) => self.count(Delivered::Unavailable),
        }
        found
    }

    /// Counts, and puts on record, one whose body was not read.
    pub async fn turned_away(&self, looked: &LookedUp, arrived: &Arrived, verdict: Verdict, status: u16, why: String) {
        let record = record(self.engine.new_id(), looked, arrived, verdict, status);
        self.conclude(because(record, &why)).await;
    }

    /// Takes one delivery.
    ///
    /// What is to be published is on record first; then its event is committed, known by the keys of the delivery; then the
    /// record is settled. Whoever dies in between has not answered: the provider sends it again, the keys find the event,
    /// and of the first there is a record that says it was taken.
    ///
    /// # Errors
    /// When the provider has to send it again. Whether the event is committed is not known then, and need not be.
    pub async fn receive(
        &self,
        looked: &LookedUp,
        since: Instant,
        kind: BodyKind,
        arrived: Arrived,
    ) -> Result<Received, ReceiveError> {
        let id = self.engine.new_id();
        let new = |verdict, status| record(id, looked, &arrived, verdict, status);
        let (secret, verified) = match judge(looked, since.elapsed(), kind, &arrived) {
            Judgement::Verified(secret, verified) => (secret, verified),
            Judgement::Probe => {
                // Anyone can send it, so it is counted and not put on record.
                self.count(Delivered::Ping);
                return Ok(Received::Ping);
            }
            Judgement::Refused(refusal) => {
                tracing::debug!(webhook = %looked.endpoint.id, refusal = refusal.word(), "refused a delivery");
                self.conclude(because(new(Verdict::Refused, 401), &refusal.to_string())).await;
                return Ok(Received::Refused);
            }
        };
        let signed = |verdict, status| NewDelivery { secret: Some(secret), ..new(verdict, status) };
        let unreadable = async |status, why: String| {
            let body = Some(beginning(&arrived.body));
            self.conclude(because(NewDelivery { body, ..signed(Verdict::Unreadable, status) }, &why)).await;
            clean(&why)
        };
        Ok(match verified {
            Verified::Unreadable(error @ (Unreadable::Json { .. } | Unreadable::Payload { .. } | Unreadable::Form)) => {
                Received::Broken(unreadable(400, error.to_string()).await)
            }
            Verified::Unreadable(error @ (Unreadable::Fields { .. } | Unreadable::WideInteger(_))) => {
                Received::Unreadable(unreadable(422, error.to_string()).await)
            }
            Verified::Meaningless(error) => Received::Unreadable(unreadable(422, error.to_string()).await),
            Verified::Challenge(text) => {
                self.conclude(signed(Verdict::Challenge, 200)).await;
                Received::Challenge(text)
            }
            Verified::Ping => {
                self.conclude(signed(Verdict::Ping, 200)).await;
                Received::Ping
            }
            Verified::Paused(event) => {
                self.conclude(about(new(Verdict::Paused, 503), secret, &event)).await;
                Received::Paused
            }
            Verified::Filtered(event) => {
                self.conclude(about(new(Verdict::Filtered, 200), secret, &event)).await;
                Received::Filtered(id)
            }
            Verified::Event(event, data) => {
                let data = match codec::from_json(&data) {
                    Ok(payload) => (data, payload),
                    Err(error) => {
                        // The provider may not send it again, and its owner has to hear of it.
                        tracing::warn!(webhook = %looked.endpoint.id, delivery = %id, bytes = arrived.body.len(), "a signed delivery cannot be stored: it started nothing");
                        let why =
                            format!("the body is no payload: {error}; an event has at most {PAYLOAD_BYTES} bytes");
                        return Ok(Received::Unreadable(unreadable(422, why).await));
                    }
                };
                let record = about(new(Verdict::Taken, 200), secret, &event);
                self.publish(looked, &arrived, record, event, data).await?
            }
        })
    }

    async fn publish(
        &self,
        looked: &LookedUp,
        arrived: &Arrived,
        record: NewDelivery,
        event: Described,
        (data, payload): (Value, piton_shared::journal::Payload),
    ) -> Result<Received, ReceiveError> {
        let store = self.engine.store();
        let id = record.id;
        store.delivery_write(&record).await.map_err(|error| self.unavailable(ReceiveError::Record(error)))?;
        failpoint!("webhook-taken", Err(ReceiveError::Publish(PublishError::Full)));
        let envelope = Envelope {
            source: looked.endpoint.scheme.provider().as_str(),
            endpoint: &looked.endpoint.name,
            event_type: event.event_type.as_deref(),
            delivery_id: event.delivery_id.as_deref(),
            occurred_at: event.occurred_at.map(|at| Rfc3339::from(at).to_string()),
            received_at: Rfc3339::from(looked.now).to_string(),
            headers: record.headers.open(),
            body: Some(String::from_utf8_lossy(&arrived.body)),
            data: &data,
        };
        let envelope = envelope.payload();
        let new = NewEvent {
            org: looked.endpoint.org.clone(),
            name: event.name,
            id: None,
            keys: event.keys.iter().map(|key| format!("{}:{key}", looked.endpoint.id)).collect(),
            data: payload,
            origin: Origin::Webhook {
                provider: looked.endpoint.scheme.provider(),
                endpoint: looked.endpoint.name.clone(),
                delivery: id,
            },
            occurred_at: event.occurred_at,
            envelope,
            trace: arrived.trace.clone(),
        };
        let published = self.engine.publish(vec![new]).await;
        let published = published.map_err(|error| self.unavailable(ReceiveError::Publish(error)))?;
        let published = published.into_iter().next().ok_or(ReceiveError::Publish(PublishError::Full))?;
        failpoint!("webhook-published", Err(ReceiveError::Publish(PublishError::Full)));
        let (verdict, body) = match published.novelty {
            Novelty::New => (Verdict::Accepted, Some(&*arrived.body)),
            Novelty::Repeated => (Verdict::Repeated, None),
        };
        verdict.counted().into_iter().for_each(|what| self.count(what));
        let settled = match self.gate.pass(looked.endpoint.id, verdict) {
            Record::Keep => store.delivery_settle(id, verdict, published.event, body).await,
            Record::Count => {
                self.engine.metrics().webhooks_unrecorded.inc();
                store.delivery_drop(id).await
            }
        };
        if let Err(error) = settled {
            // The event is committed: that is what was promised.
            tracing::warn!(delivery = %id, error = &error as &dyn std::error::Error, "failed to settle a delivery's record");
        }
        Ok(Received::Published { delivery: id, event: published.event, novelty: published.novelty })
    }

    /// Counts one of which nothing comes, and puts it on record while there is room for such. That nothing comes of it does
    /// not depend on the record.
    async fn conclude(&self, record: NewDelivery) {
        record.verdict.counted().into_iter().for_each(|what| self.count(what));
        match self.gate.pass(record.webhook, record.verdict) {
            Record::Count => self.engine.metrics().webhooks_unrecorded.inc(),
            Record::Keep => {
                if record.verdict == Verdict::TooLarge {
                    tracing::warn!(webhook = %record.webhook, delivery = %record.id, "a delivery is too large to be read: it started nothing");
                }
                if let Err(error) = self.engine.store().delivery_write(&record).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "failed to put a delivery on record");
                }
            }
        }
    }

    fn unavailable(&self, error: ReceiveError) -> ReceiveError {
        self.count(Delivered::Unavailable);
        error
    }

    fn count(&self, what: Delivered) {
        self.engine.metrics().webhooks.at(what).inc();
    }
}
