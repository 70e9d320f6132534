//! All that is known of a delivery, for workflows that ask for it.

use std::{borrow::Cow, collections::BTreeMap};

use piton_shared::{codec, journal::Payload};
use serde::Serialize;
use serde_json::Value;

/// What a workflow gets that takes the whole of a delivery, and what expressions see of it as `event.envelope`.
#[derive(Debug, Serialize)]
pub struct Envelope<'a> {
    /// The provider's word.
    pub source: &'a str,
    /// The endpoint's name.
    pub endpoint: &'a str,
    /// The provider's own name of the event.
    pub event_type: Option<&'a str>,
    /// The provider's id of the delivery.
    pub delivery_id: Option<&'a str>,
    /// When it happened, as far as that was signed, in RFC 3339.
    pub occurred_at: Option<String>,
    /// When it came, in RFC 3339.
    pub received_at: String,
    /// Its headers, without signatures and secrets: [`KeptHeaders::open`](crate::KeptHeaders::open).
    pub headers: BTreeMap<&'a str, &'a str>,
    /// The body as it came; left out where it would be too much.
    pub body: Option<Cow<'a, str>>,
    /// The body as it reads.
    pub data: &'a Value,
}

impl Envelope<'_> {
    /// As JSON.
    pub fn json(&self) -> Value {
        serde_json::to_value(self).expect("its keys are text, and it has no numbers but those of its data")
    }

    /// As a payload. Where that is larger than one may be the body is left out, which is there as `data` too; none where even
    /// that is too large.
    pub fn payload(mut self) -> Option<Payload> {
        codec::from_json(&self.json()).ok().or_else(|| {
            self.body = None;
            codec::from_json(&self.json()).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn envelope<'a>(body: &'a str, data: &'a Value) -> Envelope<'a> {
        Envelope {
            source: "stripe",
            endpoint: "shop",
            event_type: Some("charge.paid"),
            delivery_id: None,
            occurred_at: None,
            received_at: "2026-01-01T00:00:00.000000Z".to_owned(),
            headers: BTreeMap::new(),
            body: Some(body.into()),
            data,
        }
    }

    #[test]
    fn the_body_is_left_out_where_both_are_too_much() {
        let large = "a".repeat(300 * 1024);
        let data = json!({ "note": large });
        let read = |payload: Option<Payload>| codec::to_json(&payload.expect("it has room")).expect("it reads");
        let small = json!({"note": "a"});
        let whole = read(envelope("{}", &small).payload());
        assert_eq!((&whole["body"], &whole["data"]), (&json!("{}"), &small));
        let cut = read(envelope(&large, &data).payload());
        assert_eq!((&cut["body"], &cut["data"]["note"]), (&Value::Null, &json!(large)));
        assert_eq!(envelope("", &json!("a".repeat(1024 * 1024))).payload(), None);
    }
}
