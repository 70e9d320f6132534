//! Reading a body, once it is known whose it is.

use piton_shared::codec::wide_integers;
use serde_json::{Map, Value};

use crate::{Scheme, form};

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
            Self::Slack if essence == "application/x-www-form-urlencoded" => Some(BodyKind::Form),
            Self::Slack | Self::Stripe | Self::Github | Self::Standard | Self::Hmac(_) => None,
        }
    }

    /// Reads a body that was verified. A form becomes an object of texts; one that has only a `payload`, as Slack's
    /// interactions have, becomes that.
    pub fn read(&self, kind: BodyKind, body: &[u8]) -> Result<Value, Unreadable> {
        match kind {
            BodyKind::Json => json(body),
            BodyKind::Form => {
                let mut pairs = form::pairs(body).ok_or(Unreadable::Form)?;
                match pairs.as_mut_slice() {
                    [(name, value)] if name == "payload" => json(value.as_bytes()),
                    _ => Ok(Value::Object(
                        pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect::<Map<_, _>>(),
                    )),
                }
            }
        }
    }
}

fn json(bytes: &[u8]) -> Result<Value, Unreadable> {
    let value = serde_json::from_slice(bytes)
        .map_err(|error| Unreadable::Json { line: error.line(), column: error.column() })?;
    match wide_integers(std::str::from_utf8(bytes).unwrap_or_default(), 1).pop() {
        Some(pointer) => Err(Unreadable::WideInteger(pointer)),
        None => Ok(value),
    }
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
        assert_eq!(Scheme::Github.kind(form), None);
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
}
