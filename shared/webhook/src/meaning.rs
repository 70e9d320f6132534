//! What a verified delivery is about.

use piton_shared::{
    limits::EVENT_NAME_BYTES,
    time::Timestamp,
    trigger::{NamePattern, Provider},
};
use serde_json::Value;

use crate::{EventPlace, Headers, Scheme, Verified, github, probe::is_ssl_check, standard};

/// What a verified delivery is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// An event.
    Event(Described),
    /// The provider wants to see this text back before it sends anything.
    Challenge(String),
    /// The provider only tries whether somebody is there.
    Ping,
}

/// An event that a delivery brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The provider's own name of it, if it says one.
    pub event_type: Option<String>,
    /// Our name: the provider's word (of a generic endpoint, the endpoint's name) and the provider's own, with dots.
    pub name: String,
    /// The delivery's id, if it has one.
    pub delivery_id: Option<String>,
    /// When it happened, if that was signed: as the body says where the provider writes it there, else when it was signed.
    pub occurred_at: Option<Timestamp>,
    /// The keys by which a repeated delivery is recognized: its id where the provider has one, else what was signed.
    pub keys: Vec<String>,
}

/// Why a delivery says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Meaningless {
    /// The event's name is not where the provider has it.
    #[error("it does not say what event it is: there is no {0}")]
    NoType(&'static str),
    /// The endpoint recognizes repeated deliveries by their ids.
    #[error("it has no id in the header `{0}`, by which this endpoint recognizes repeated deliveries")]
    NoId(String),
}

impl Scheme {
    /// What a verified delivery to the endpoint of this name is about.
    pub fn meaning(
        &self,
        endpoint: &str,
        headers: Headers<'_>,
        data: &Value,
        verified: &Verified,
    ) -> Result<Meaning, Meaningless> {
        let text = |pointer: &str| data.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        if *self == Self::Slack && text("/type") == Some("url_verification") {
            return Ok(Meaning::Challenge(text("/challenge").unwrap_or_default().to_owned()));
        }
        if *self == Self::Slack && is_ssl_check(data) {
            return Ok(Meaning::Ping);
        }
        let event_type = match self {
            Self::Stripe => Some(text("/type").ok_or(Meaningless::NoType("`type` in the body"))?.to_owned()),
            Self::Github => {
                let event = headers.find(github::EVENT).ok_or(Meaningless::NoType("header `X-GitHub-Event`"))?;
                Some(text("/action").map_or_else(|| event.to_owned(), |action| format!("{event}.{action}")))
            }
            Self::Slack => Some(slack_type(data).ok_or(Meaningless::NoType("`type` in the body"))?.to_owned()),
            Self::Standard => text("/type").or_else(|| headers.find(standard::EVENT)).map(ToOwned::to_owned),
            Self::Hmac(terms) => match &terms.event {
                Some(EventPlace::Header(name)) => headers.find(name).map(ToOwned::to_owned),
                Some(EventPlace::Pointer(pointer)) => text(pointer).map(ToOwned::to_owned),
                None => None,
            },
        };
        if self.is_ping(event_type.as_deref()) {
            return Ok(Meaning::Ping);
        }
        let id = self.delivery_id(headers, data);
        Ok(Meaning::Event(Described {
            name: self.name(endpoint, event_type.as_deref()),
            event_type,
            delivery_id: id.map(ToOwned::to_owned),
            occurred_at: self.occurred_at(data, verified),
            keys: self.dedupe_keys(id, headers, verified)?,
        }))
    }

    /// Whether an event is one of those that an endpoint takes, by the provider's own names; all if it names none. As in
    /// triggers, an event of GitHub stands for all its actions.
    pub fn takes(&self, patterns: &[NamePattern], event: &Described) -> bool {
        let own = event.name.split_once('.').map(|(_, own)| own);
        let without_action = match self {
            Self::Github => own.and_then(|own| own.split_once('.')).map(|(event, _)| event),
            Self::Stripe | Self::Slack | Self::Standard | Self::Hmac(_) => None,
        };
        let names = [own, without_action];
        patterns.is_empty() || names.iter().flatten().any(|name| patterns.iter().any(|pattern| pattern.matches(name)))
    }

    /// Our name of an event. What no name can have becomes `_`.
    pub fn name(&self, endpoint: &str, event_type: Option<&str>) -> String {
        let first = match self.provider() {
            Provider::Hmac => endpoint,
            other @ (Provider::Stripe | Provider::Github | Provider::Slack | Provider::Standard) => other.as_str(),
        };
        let mut name = first.to_owned();
        for segment in event_type.unwrap_or("").split('.').filter(|segment| !segment.is_empty()) {
            name.push('.');
            name.extend(segment.chars().map(|c| if c.is_ascii_alphanumeric() || "-/:".contains(c) { c } else { '_' }));
        }
        name.truncate(EVENT_NAME_BYTES);
        name.trim_end_matches('.').to_owned()
    }
}

/// Of an event its own type; of a command that; of an interaction its kind.
fn slack_type(data: &Value) -> Option<&str> {
    let text = |pointer: &str| data.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    match text("/type") {
        Some("event_callback") => text("/event/type"),
        Some(other) => Some(other),
        None => text("/command").map(|_| "slash_command"),
    }
}
