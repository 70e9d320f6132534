//! When something happened, as far as the provider has signed it.

use piton_shared::time::Timestamp;
use serde_json::Value;

use crate::{Scheme, Verified};

impl Scheme {
    /// When that happened which a verified delivery is about: as its body says where this provider writes it, else when it
    /// was signed; none if nothing that was signed says a time. One before 1970, or later than clocks may differ, is taken
    /// for none.
    pub(crate) fn occurred_at(&self, data: &Value, verified: &Verified) -> Option<Timestamp> {
        let said = match self {
            Self::Stripe => data.get("created"),
            Self::Slack => data.get("event_time"),
            Self::Standard => data.get("timestamp"),
            Self::Github | Self::Hmac(_) => None,
        };
        let sane = |at: &Timestamp| (Timestamp::EPOCH..=verified.latest).contains(at);
        said.and_then(time).filter(sane).or(verified.signed_at)
    }
}

/// A number of seconds since 1970, or a text in RFC 3339.
fn time(said: &Value) -> Option<Timestamp> {
    let micros = match said {
        Value::Number(seconds) => seconds.as_i64()?.checked_mul(1_000_000)?,
        Value::String(text) => text.parse::<jiff::Timestamp>().ok()?.as_microsecond(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(Timestamp::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HmacTerms;
    use serde_json::json;

    const AT: i64 = 1_790_000_000;

    fn seconds(at: i64) -> Timestamp {
        Timestamp::from_micros(at * 1_000_000)
    }

    fn occurred(scheme: &Scheme, data: &Value, signed_at: Option<i64>) -> Option<Timestamp> {
        let verified =
            Verified { secret: 0, signed_at: signed_at.map(seconds), latest: seconds(AT + 301), fingerprint: [7; 32] };
        scheme.occurred_at(data, &verified)
    }

    #[test]
    fn a_time_is_taken_from_where_its_provider_writes_it() {
        for (scheme, data) in [
            (Scheme::Stripe, json!({"created": AT - 3600})),
            (Scheme::Stripe, json!({"created": "2026-09-21T13:13:20Z"})),
            (Scheme::Slack, json!({"type": "event_callback", "event_time": AT - 3600})),
            (Scheme::Standard, json!({"timestamp": "2026-09-21T15:13:20.000+02:00"})),
        ] {
            assert_eq!(occurred(&scheme, &data, Some(AT)), Some(seconds(AT - 3600)), "{data}");
        }
    }

    #[test]
    fn else_it_is_when_it_was_signed_if_that_was_signed_too() {
        let hmac = Scheme::Hmac(HmacTerms::new("x-signature"));
        let everywhere = json!({"created": 1, "event_time": 1, "timestamp": 1});
        for scheme in [Scheme::Github, hmac.clone()] {
            assert_eq!(occurred(&scheme, &everywhere, None), None);
        }
        assert_eq!(occurred(&hmac, &everywhere, Some(AT)), Some(seconds(AT)));
        for scheme in [Scheme::Stripe, Scheme::Slack, Scheme::Standard] {
            assert_eq!(occurred(&scheme, &json!(["created"]), Some(AT)), Some(seconds(AT)));
        }
    }

    #[test]
    fn what_cannot_be_a_time_of_the_past_says_nothing() {
        let of = |created: Value| occurred(&Scheme::Stripe, &json!({"created": created}), Some(AT));
        for good in [0, 1, AT, AT + 301] {
            assert_eq!(of(json!(good)), Some(seconds(good)));
        }
        // The third is a time in milliseconds.
        for bad in [-1, AT + 302, AT * 1000, i64::MAX, i64::MIN] {
            assert_eq!(of(json!(bad)), Some(seconds(AT)), "{bad}");
        }
        for bad in [
            json!(null),
            json!(true),
            json!(1.5),
            json!(u64::MAX),
            json!(1e300),
            json!(""),
            json!("yesterday"),
            json!("2026-09-21"),
            json!("9999-12-31T00:00:00Z"),
            json!("-009999-01-02T01:59:59Z"),
            json!([AT]),
            json!({"seconds": AT}),
        ] {
            assert_eq!(of(bad.clone()), Some(seconds(AT)), "{bad}");
        }
    }
}
