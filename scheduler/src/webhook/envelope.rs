//! All that is known of a delivery, for workflows that ask for it.

use piton_shared::{codec, journal::Payload};
use piton_webhook::Described;
use serde_json::{Value, json};

use super::{Arrived, KeptHeaders};
use crate::{api::time::Rfc3339, store::LookedUp};

/// `{source, endpoint, event_type, delivery_id, occurred_at, received_at, headers, body, data}`. Where that is larger than a payload may
/// be the body is left out, which is there as `data` too; none where even that is too large.
pub(super) fn envelope(
    looked: &LookedUp,
    arrived: &Arrived,
    kept: &KeptHeaders,
    event: &Described,
    data: &Value,
) -> Option<Payload> {
    let mut envelope = json!({
        "source": looked.endpoint.scheme.provider().as_str(),
        "endpoint": looked.endpoint.name,
        "event_type": event.event_type,
        "delivery_id": event.delivery_id,
        "occurred_at": event.occurred_at.map(Rfc3339::from),
        "received_at": Rfc3339::from(looked.now),
        "headers": kept.open(),
        "body": String::from_utf8_lossy(&arrived.body),
        "data": data,
    });
    codec::from_json(&envelope).ok().or_else(|| {
        envelope["body"] = Value::Null;
        codec::from_json(&envelope).ok()
    })
}
