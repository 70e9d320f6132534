//! An event as triggers see it, and as a workflow gets it that asks for all of it.

use piton_shared::trigger::Provider;
use serde_json::{Map, Value, json};

use crate::{DeepStack, EventScope};

/// Members of a webhook's envelope that an expression sees beside its own. The body is left out: `data` is what it says.
const BESIDE: [&str; 4] = ["endpoint", "event_type", "delivery_id", "headers"];

/// What is known of an event.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Its publisher's id of it, or ours.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it is about.
    pub data: Value,
    /// Whose webhook brought it, if one did.
    pub provider: Option<Provider>,
    /// The word for where it comes from.
    pub origin: &'a str,
    /// When it happened, or was accepted, in RFC 3339.
    pub time: String,
    /// All that is known of it, where that is more than the rest says.
    pub envelope: Option<Value>,
}

/// An event, for every trigger that is asked about it; stays where there is room to evaluate in.
pub struct Seen<'a> {
    facts: Facts<'a>,
    pub(crate) scope: EventScope,
}

impl<'a> Seen<'a> {
    /// The event of which this is known.
    pub fn new(room: &DeepStack, facts: Facts<'a>) -> Self {
        let scope = EventScope::new(room, &facts.for_expressions());
        Self { facts, scope }
    }

    pub(crate) fn data(&self) -> &Value {
        &self.facts.data
    }

    pub(crate) fn provider(&self) -> Option<Provider> {
        self.facts.provider
    }

    pub(crate) fn envelope(&self) -> Value {
        self.facts.envelope.clone().unwrap_or_else(|| Value::Object(self.facts.plain()))
    }
}

impl Facts<'_> {
    /// What `event` is in an expression.
    fn for_expressions(&self) -> Value {
        let mut seen = self.plain();
        if let Some(Value::Object(envelope)) = &self.envelope {
            for name in BESIDE {
                if let Some(value) = envelope.get(name) {
                    seen.insert(name.to_owned(), value.clone());
                }
            }
        }
        Value::Object(seen)
    }

    fn plain(&self) -> Map<String, Value> {
        let source = self.provider.map_or("published", Provider::as_str);
        let members = [
            ("id", json!(self.id)),
            ("name", json!(self.name)),
            ("data", self.data.clone()),
            ("source", json!(source)),
            ("origin", json!(self.origin)),
            ("time", json!(self.time)),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
