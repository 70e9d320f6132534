//! An event as expressions see it, and as a workflow gets it that asks for all of it.

use piton_shared::{codec, trigger::Brought};
use serde_json::{Map, Value, json};

use super::Origin;
use crate::{api::time::Rfc3339, store::EventRow};

/// Members of a webhook's envelope that an expression sees beside its own. The body is left out: `data` is what it says.
const BESIDE: [&str; 4] = ["endpoint", "event_type", "delivery_id", "headers"];

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

/// What `event` is in an expression.
pub fn seen_by_expressions(event: &EventRow, data: &Value) -> Value {
    let mut seen = plain(event, data);
    if let Some(Value::Object(mut envelope)) = decoded(event) {
        for name in BESIDE {
            if let Some(value) = envelope.remove(name) {
                seen.insert(name.to_owned(), value);
            }
        }
    }
    Value::Object(seen)
}

/// All that is known of an event.
pub fn envelope(event: &EventRow, data: &Value) -> Value {
    decoded(event).unwrap_or_else(|| Value::Object(plain(event, data)))
}

fn decoded(event: &EventRow) -> Option<Value> {
    codec::to_json(event.envelope.as_deref()?).ok()
}

fn plain(event: &EventRow, data: &Value) -> Map<String, Value> {
    let id = event.given_id.clone().unwrap_or_else(|| event.id.to_string());
    let source = brought(&event.origin).map_or("published", |brought| brought.provider.as_str());
    let time = Rfc3339::from(event.occurred_at.unwrap_or(event.accepted_at));
    let members = [
        ("id", json!(id)),
        ("name", json!(event.name)),
        ("data", data.clone()),
        ("source", json!(source)),
        ("origin", json!(event.origin.as_str())),
        ("time", json!(time)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
