//! What is put on record of a delivery.

use piton_webhook::{Described, KeptHeaders};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Arrived, Verdict};
use crate::store::{LookedUp, NewDelivery};

/// Bytes of a text that somebody else chose.
const TEXT_BYTES: usize = 256;
/// Bytes that are kept of a body that was signed and does not read.
const BODY_BYTES: usize = 16 * 1024;

/// The record of a delivery of which nothing is known yet.
pub(super) fn record(id: Uuid, looked: &LookedUp, arrived: &Arrived, verdict: Verdict, status: u16) -> NewDelivery {
    let unread = matches!(verdict, Verdict::TooLarge | Verdict::WrongType);
    NewDelivery {
        id,
        webhook: looked.endpoint.id,
        org: looked.endpoint.org.clone(),
        remote: arrived.remote.map_or_else(|| "unknown".into(), |remote| remote.to_string()),
        forwarded: arrived.header("x-forwarded-for").map(clean),
        verdict,
        reason: None,
        status,
        delivery_id: None,
        event_type: None,
        size: arrived.body.len(),
        sha256: (!unread).then(|| Sha256::digest(&arrived.body).into()),
        headers: KeptHeaders::of(&arrived.headers, &looked.endpoint.scheme),
        body: None,
        secret: None,
    }
}

/// The same record of somebody's event, signed with this secret.
pub(super) fn about(mut record: NewDelivery, secret: Uuid, event: &Described) -> NewDelivery {
    record.secret = Some(secret);
    record.delivery_id = event.delivery_id.as_deref().map(clean);
    record.event_type = event.event_type.as_deref().map(clean);
    record
}

/// The same record with why nothing comes of it.
pub(super) fn because(mut record: NewDelivery, reason: &str) -> NewDelivery {
    record.reason = Some(clean(reason));
    record
}

/// The beginning of a body.
pub(super) fn beginning(body: &[u8]) -> Vec<u8> {
    body[..body.len().min(BODY_BYTES)].to_vec()
}

/// A text, which may name what somebody else has written, as a database takes it and a terminal shows it.
pub(super) fn clean(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    text[..text.floor_char_boundary(TEXT_BYTES)].to_owned()
}
