//! How providers try whether an address answers. Nothing comes of a probe.

use serde_json::Value;

use crate::{BodyKind, Headers, Scheme, slack};

/// What Stripe sends to see whether an endpoint, or an event destination, answers.
const STRIPE_PINGS: [&str; 2] = ["ping", "v2.core.event_destination.ping"];
/// Slack's field in a form that only tries the certificate of an address.
const SSL_CHECK: &str = "ssl_check";

impl Scheme {
    /// Whether this is a probe that the provider does not sign: Slack tries the certificate of an address with a form that has
    /// `ssl_check=1`, and asks for 200. One that has a signature is no such probe, and is verified.
    pub fn is_unsigned_probe(&self, kind: BodyKind, headers: Headers<'_>, body: &[u8]) -> bool {
        match (self, kind) {
            (Self::Slack, BodyKind::Form) => {
                !headers.has(slack::SIGNATURE) && self.read(kind, body).is_ok_and(|data| is_ssl_check(&data))
            }
            (Self::Slack, BodyKind::Json) | (Self::Stripe | Self::Github | Self::Standard | Self::Hmac(_), _) => false,
        }
    }

    /// Whether a verified delivery of this type only tries whether somebody is there.
    pub(crate) fn is_ping(&self, event_type: Option<&str>) -> bool {
        match self {
            Self::Stripe => event_type.is_some_and(|own| STRIPE_PINGS.contains(&own)),
            Self::Github => event_type == Some("ping"),
            Self::Slack | Self::Standard | Self::Hmac(_) => false,
        }
    }
}

/// Whether a form of Slack's is its probe and neither a command nor an interaction.
pub(crate) fn is_ssl_check(data: &Value) -> bool {
    data.get(SSL_CHECK).and_then(Value::as_str) == Some("1") && data.get("command").is_none()
}
