//! Reading a body, once it is known whose it is.

use piton_shared::codec::{Duplicates, JsonError, read_json};
use serde_json::{Map, Value};

use crate::{Scheme, form};

/// The field of a form in which its JSON stands.
const PAYLOAD: &str = "payload";

/// What a body is declared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// JSON.
    Json,
    /// A form, as a browser sends it.
    Form,
}

/// Why a body does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON.
    #[error("the body is no JSON: line {line}, column {column}")]
    Json {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// It is no form.
    #[error("the body is no form")]
    Form,
    /// A form has the JSON in a field of its own, and not exactly one of that name.
    #[error("the form has to have one field `payload` with the JSON, and this one has {count}")]
    Fields {
        /// How many there are.
        count: usize,
    },
    /// What stands in the form's field is no JSON.
    #[error("the form's `payload` is no JSON: line {line}, column {column}")]
    Payload {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// It was read as the nearest float: whoever gets it would work with another number than was sent.
    #[error("the body has an integer that 64 bits do not hold, at `{0}`")]
    WideInteger(String),
}

impl Scheme {
    /// What a body of this type is; none when the provider sends nothing of the kind, or says nothing.
    pub fn kind(&self, content_type: Option<&str>) -> Option<BodyKind> {
        let essence = content_type?.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
            return Some(BodyKind::Json);
        }
        match self {
            Self::Github | Self::Slack if essence == "application/x-www-form-urlencoded" => Some(BodyKind::Form),
            Self::Github | Self::Slack | Self::Stripe | Self::Standard | Self::Hmac(_) => None,
        }
    }

    /// Reads a body that was verified. Of GitHub's forms it is the JSON in their `payload`. Of others a form becomes an
    /// object of texts; one that has only a `payload`, as Slack's interactions have, becomes that.
    pub fn read(&self, kind: BodyKind, body: &[u8]) -> Result<Value, Unreadable> {
        match kind {
            BodyKind::Json => json(body),
            BodyKind::Form => {
                let pairs = form::pairs(body).ok_or(Unreadable::Form)?;
                match (self, pairs.as_slice()) {
                    (_, [(name, value)]) if name == PAYLOAD => payload(value),
                    (Self::Github, pairs) => {
                        let mut payloads = pairs.iter().filter(|(name, _)| name == PAYLOAD);
                        match (payloads.next(), payloads.count()) {
                            (Some((_, value)), 0) => payload(value),
                            (first, more) => Err(Unreadable::Fields { count: more + usize::from(first.is_some()) }),
                        }
                    }
                    (Self::Slack | Self::Stripe | Self::Standard | Self::Hmac(_), _) => Ok(Value::Object(
                        pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect::<Map<_, _>>(),
                    )),
                }
            }
        }
    }
}

fn payload(text: &str) -> Result<Value, Unreadable> {
    json(text.as_bytes()).map_err(|error| match error {
        Unreadable::Json { line, column } => Unreadable::Payload { line, column },
        other @ (Unreadable::Form
        | Unreadable::Fields { .. }
        | Unreadable::Payload { .. }
        | Unreadable::WideInteger(_)) => other,
    })
}

/// The JSON of a provider. Of members with the same name the last counts: it is not for us to refuse what they send so.
fn json(bytes: &[u8]) -> Result<Value, Unreadable> {
    read_json(bytes, Duplicates::LastCounts, 1).map_err(|error| match error {
        JsonError::ByteOrderMark => Unreadable::Json { line: 1, column: 1 },
        JsonError::Syntax { line, column, .. } | JsonError::Duplicate { line, column, .. } => {
            Unreadable::Json { line, column }
        }
        JsonError::WideIntegers(mut pointers) => Unreadable::WideInteger(pointers.pop().unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_those_that_the_provider_sends() {
        let form = Some("application/x-www-form-urlencoded");
        assert_eq!(Scheme::Stripe.kind(Some("Application/JSON; charset=utf-8")), Some(BodyKind::Json));
        assert_eq!(Scheme::Slack.kind(form), Some(BodyKind::Form));
        assert_eq!(Scheme::Github.kind(Some("application/X-WWW-form-urlencoded; charset=UTF-8")), Some(BodyKind::Form));
        for without in [Scheme::Stripe, Scheme::Standard, Scheme::Hmac(crate::HmacTerms::new("x-signature"))] {
            assert_eq!(without.kind(form), None);
        }
        assert_eq!(Scheme::Github.kind(None), None);
        assert_eq!(Scheme::Slack.kind(Some("text/plain")), None);
    }

    #[test]
    fn bodies_are_read_by_their_kind() {
        let read = |kind, body: &str| Scheme::Slack.read(kind, body.as_bytes());
        assert_eq!(read(BodyKind::Json, "{\"a\":1}"), Ok(json!({"a": 1})));
        assert_eq!(
            read(BodyKind::Form, "command=%2Fdeploy&text=now"),
            Ok(json!({"command": "/deploy", "text": "now"}))
        );
        assert_eq!(
            read(BodyKind::Form, "payload=%7B%22type%22%3A%22block_actions%22%7D"),
            Ok(json!({"type": "block_actions"}))
        );
        assert_eq!(read(BodyKind::Json, "{\"a\":"), Err(Unreadable::Json { line: 1, column: 5 }));
        assert_eq!(read(BodyKind::Json, "{\"a\":18446744073709551616}"), Err(Unreadable::WideInteger("/a".into())));
        assert_eq!(read(BodyKind::Form, "a=%"), Err(Unreadable::Form));
        assert!(read(BodyKind::Json, &"[".repeat(1 << 20)).is_err());
    }
    #[test]
    fn forms_of_github_are_their_payload() {
        let read = |body: &str| Scheme::Github.read(BodyKind::Form, body.as_bytes());
        let push = Ok(json!({"ref": "a b+c", "n": [1, null]}));
        let encoded = "payload=%7B%22ref%22%3A%22a+b%2Bc%22%2C%22n%22%3A%5B1%2Cnull%5D%7D";
        assert_eq!(read(encoded), push);
        assert_eq!(read(&format!("a=1&{encoded}&b")), push, "what stands beside it is nobody's");
        assert_eq!(Scheme::Github.read(BodyKind::Json, b"{\"payload\":1}"), Ok(json!({"payload": 1})));
        for (body, error) in [
            ("", Unreadable::Fields { count: 0 }),
            ("a=1&b=2", Unreadable::Fields { count: 0 }),
            ("Payload=1", Unreadable::Fields { count: 0 }),
            ("payload=1&payload=1", Unreadable::Fields { count: 2 }),
            ("payload", Unreadable::Payload { line: 1, column: 0 }),
            ("payload=%7B%22a%22", Unreadable::Payload { line: 1, column: 4 }),
            ("payload=18446744073709551616", Unreadable::WideInteger(String::new())),
            ("payload=%ff", Unreadable::Form),
        ] {
            assert_eq!(read(body), Err(error), "{body}");
        }
    }
}
