//! What a delivery is, before anything is done about it.

use std::time::Duration;

use piton_shared::time::Timestamp;
use piton_webhook::{BodyKind, Described, Meaning, Meaningless, Refusal, Secret, Unreadable};
use serde_json::Value;
use uuid::Uuid;

use super::{Arrived, EndpointState};
use crate::store::LookedUp;

/// What a delivery is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Judgement {
    /// Nobody who knows a secret has sent it, or not in time.
    Refused(Refusal),
    /// The provider tries whether somebody is there, and does not sign that.
    Probe,
    /// Somebody who knows this secret has sent it.
    Verified(Uuid, Verified),
}

/// What a verified delivery is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verified {
    /// It does not read.
    Unreadable(Unreadable),
    /// It does not say what it is about.
    Meaningless(Meaningless),
    /// The provider wants this back.
    Challenge(String),
    /// The provider tries whether somebody is there.
    Ping,
    /// An event, and the endpoint is paused.
    Paused(Described),
    /// An event that the endpoint does not take.
    Filtered(Described),
    /// An event.
    Event(Described, Value),
}

/// Judges a delivery: first its signature over the body as it came, and only then what stands in it. `since` is how long
/// ago the endpoint was looked up, with the database's time.
pub(super) fn judge(looked: &LookedUp, since: Duration, kind: BodyKind, arrived: &Arrived) -> Judgement {
    arrived.with_headers(|headers| {
        let endpoint = &looked.endpoint;
        let secrets: Vec<Secret> = looked.secrets.iter().map(|(_, secret)| secret.clone()).collect();
        let now: Timestamp = looked.now.plus(since);
        let verified = match endpoint.scheme.verify(headers, &arrived.body, &secrets, now, endpoint.tolerance) {
            Ok(verified) => verified,
            Err(_) if endpoint.scheme.is_unsigned_probe(kind, headers, &arrived.body) => return Judgement::Probe,
            Err(refusal) => return Judgement::Refused(refusal),
        };
        let secret = looked.secrets.get(verified.secret).map_or_else(Uuid::nil, |(id, _)| *id);
        let what = || {
            let data = match endpoint.scheme.read(kind, &arrived.body) {
                Ok(data) => data,
                Err(unreadable) => return Verified::Unreadable(unreadable),
            };
            match endpoint.scheme.meaning(&endpoint.name, headers, &data, &verified) {
                Err(meaningless) => Verified::Meaningless(meaningless),
                Ok(Meaning::Challenge(text)) => Verified::Challenge(text),
                Ok(Meaning::Ping) => Verified::Ping,
                Ok(Meaning::Event(event)) => match endpoint.state {
                    EndpointState::Paused => Verified::Paused(event),
                    EndpointState::Active if endpoint.scheme.takes(&endpoint.events, &event) => {
                        Verified::Event(event, data)
                    }
                    EndpointState::Active => Verified::Filtered(event),
                },
            }
        };
        Judgement::Verified(secret, what())
    })
}
