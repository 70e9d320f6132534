//! What arrives on a subject.

use async_nats::{Message, Subscriber};
use futures::StreamExt as _;
use piton_shared::codec::wire::Texts;
use piton_shared::message::{
    Answer, Refusal,
    envelope::{self, EnvelopeError},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    bus::{Bus, TRACE_HEADER},
    error::SendError,
};

/// A subscription. At most [`piton_shared::limits::SUBSCRIPTION_MESSAGES`] messages wait in it (or what
/// [`crate::BusOptions`] says); what comes on top is dropped and counted by [`Bus::dropped`].
///
/// It survives reconnects; what was sent meanwhile is lost.
#[derive(Debug)]
pub struct Inbox {
    subscriber: Subscriber,
    bus: Bus,
}

impl Inbox {
    pub(crate) fn new(bus: Bus, subscriber: Subscriber) -> Self {
        Self { subscriber, bus }
    }

    /// The next message; none once [`Inbox::stop`] was called and all is read, or the connection is closed
    /// for good. Loses nothing when dropped while waiting.
    pub async fn next(&mut self) -> Option<Received> {
        let message = self.subscriber.next().await?;
        Some(Received { message, bus: self.bus.clone() })
    }

    /// Ends the subscription: what was on its way still arrives, then [`Inbox::next`] returns none.
    pub async fn stop(&mut self) -> Result<(), SendError> {
        let subject = || SendError::Disconnected { subject: "(unsubscribe)".to_owned() };
        self.subscriber.drain().await.map_err(|_| subject())
    }
}

/// One message.
#[derive(Debug)]
pub struct Received {
    message: Message,
    bus: Bus,
}

impl Received {
    /// What it came on.
    pub fn subject(&self) -> &str {
        &self.message.subject
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.message.payload.len()
    }

    /// The trace context it was sent with, as W3C `traceparent`, unchecked.
    pub fn trace(&self) -> Option<&str> {
        Some(self.message.headers.as_ref()?.get(TRACE_HEADER)?.as_str())
    }

    /// Reads it.
    ///
    /// # Errors
    /// When it is no message of this version of Piton; [`Received::refuse`] says so to the sender.
    pub fn open<T: DeserializeOwned>(&self) -> Result<T, EnvelopeError> {
        envelope::open(&self.message.payload)
    }

    /// As [`Received::open`], and says whether a text in it holds NUL.
    ///
    /// # Errors
    /// Those of [`Received::open`].
    pub fn open_with_texts<T: DeserializeOwned>(&self) -> Result<(T, Texts), EnvelopeError> {
        envelope::open_with_texts(&self.message.payload)
    }

    /// Its bytes as they came: for what other programs send, in a form of their own.
    pub fn bytes(&self) -> &[u8] {
        &self.message.payload
    }

    /// A header that it was sent with.
    pub fn header(&self, name: &str) -> Option<&str> {
        Some(self.message.headers.as_ref()?.get(name)?.as_str())
    }

    /// Where its answer goes, if it asks for one.
    pub fn reply(&self) -> Option<&str> {
        self.message.reply.as_deref()
    }

    /// Whether whoever sent it waits for an answer.
    pub fn wants_answer(&self) -> bool {
        self.message.reply.is_some()
    }

    /// Answers it with bytes as they are.
    pub async fn respond_bytes(&self, bytes: Vec<u8>) -> Result<(), SendError> {
        let Some(reply) = &self.message.reply else {
            return Err(SendError::NotAsked { subject: self.subject().to_owned() });
        };
        self.bus.publish_raw(reply, bytes).await
    }

    /// Answers it.
    pub async fn respond<R: Serialize>(&self, answer: &R) -> Result<(), SendError> {
        let Some(reply) = &self.message.reply else {
            return Err(SendError::NotAsked { subject: self.subject().to_owned() });
        };
        self.bus.publish(reply, answer).await
    }

    /// Answers a message that does not open with [`Refusal::Envelope`], if it asks for an answer at all.
    pub async fn refuse(&self, why: EnvelopeError) -> Result<(), SendError> {
        match self.respond(&Answer::<()>::Refused(Refusal::Envelope(why))).await {
            Err(SendError::NotAsked { .. }) => Ok(()),
            done => done,
        }
    }
}
