//! What is known of an event, for triggers.

use piton_expressions::Facts;
use piton_shared::{codec, journal::Payload, trigger::Brought};
use serde_json::Value;

use super::Origin;
use crate::{api::time::Rfc3339, store::EventRow};

/// The webhook that brought an event, also if it is a replay of one.
pub fn brought(origin: &Origin) -> Option<Brought<'_>> {
    match origin {
        Origin::Published => None,
        Origin::Webhook { provider, endpoint, .. } => Some(Brought { provider: *provider, endpoint }),
        Origin::Replayed { first, .. } => brought(first),
    }
}

impl Origin {
    /// Its word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Webhook { .. } => "webhook",
            Self::Replayed { .. } => "replayed",
        }
    }

    /// The one workflow that it is for, of a replay that is for one.
    pub fn only(&self) -> Option<&str> {
        match self {
            Self::Published | Self::Webhook { .. } => None,
            Self::Replayed { only, .. } => only.as_deref(),
        }
    }
}

/// What triggers are told of an event.
pub fn facts<'a>(event: &'a EventRow, id: &'a str) -> Facts<'a> {
    let read = |payload: &Option<Payload>| payload.as_deref().and_then(|payload| codec::to_json(payload).ok());
    Facts {
        id,
        name: &event.name,
        // What was accepted as a payload reads as one.
        data: read(&event.data).unwrap_or(Value::Null),
        provider: brought(&event.origin).map(|brought| brought.provider),
        origin: event.origin.as_str(),
        time: Rfc3339::from(event.occurred_at.unwrap_or(event.accepted_at)).to_string(),
        envelope: read(&event.envelope),
    }
}
