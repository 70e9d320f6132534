//! By which keys a repeated delivery is recognized.
//!
//! The provider's delivery id decides, where the provider has one. Signed content that has neither an id nor a time is the
//! same for two genuine deliveries (GitHub sends equal bytes for two `workflow_dispatch` runs), so it never stands beside an
//! id: losing an event is worse than a replay by a party that broke TLS.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{EventPlace, Headers, Meaningless, Scheme, Verified, github, standard};

/// By what a generic endpoint recognizes a repeated delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeduplicateBy {
    /// By the delivery's id, and nothing else. The default where a header for it is named.
    Id,
    /// By the delivery's id or by what was signed, whichever was seen before. For senders that sign a time: a captured
    /// delivery is then refused under another id too. Two genuine deliveries with equal signed content are one event.
    IdOrContent,
    /// By what was signed. The default where no header for an id is named.
    Content,
    /// By nothing: each delivery is an event, a retry too.
    None,
}

impl DeduplicateBy {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::Id, Self::IdOrContent, Self::Content, Self::None];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::IdOrContent => "id_or_content",
            Self::Content => "content",
            Self::None => "none",
        }
    }

    pub(crate) const fn needs_id(self) -> bool {
        match self {
            Self::Id | Self::IdOrContent => true,
            Self::Content | Self::None => false,
        }
    }
}

impl Scheme {
    /// The delivery's id, as the provider writes it.
    pub(crate) fn delivery_id<'a>(&self, headers: Headers<'a>, data: &'a serde_json::Value) -> Option<&'a str> {
        let text = |pointer: &str| data.pointer(pointer).and_then(serde_json::Value::as_str);
        let id = match self {
            Self::Stripe => text("/id"),
            Self::Github => headers.find(github::DELIVERY),
            Self::Slack => text("/event_id"),
            Self::Standard => standard::id(headers),
            Self::Hmac(terms) => terms.id_header.as_deref().and_then(|name| headers.find(name)),
        };
        id.filter(|id| !id.is_empty())
    }

    /// The keys of a delivery: one that was seen before makes it a repeated one.
    pub(crate) fn dedupe_keys(
        &self,
        id: Option<&str>,
        headers: Headers<'_>,
        verified: &Verified,
    ) -> Result<Vec<String>, Meaningless> {
        // Ids are whatever a sender writes: as hashes all have the same length.
        let by_id = id.map(|id| format!("id:{}", hex::encode(Sha256::digest(id.as_bytes()))));
        let by_content = || self.content(headers, verified);
        let Self::Hmac(terms) = self else {
            let is_placeholder = *self == Self::Stripe && id.is_some_and(is_placeholder);
            return Ok(vec![by_id.filter(|_| !is_placeholder).unwrap_or_else(by_content)]);
        };
        let needed = || by_id.clone().ok_or_else(|| Meaningless::NoId(terms.id_header.clone().unwrap_or_default()));
        Ok(match terms.deduplicated_by() {
            DeduplicateBy::Id => vec![needed()?],
            DeduplicateBy::IdOrContent => vec![needed()?, by_content()],
            DeduplicateBy::Content => vec![by_content()],
            DeduplicateBy::None => Vec::new(),
        })
    }

    /// What was signed, as a key. An event's name in a header is not signed and tells two deliveries with equal bytes apart.
    fn content(&self, headers: Headers<'_>, verified: &Verified) -> String {
        let event = match self {
            Self::Github => headers.find(github::EVENT),
            Self::Hmac(terms) => match &terms.event {
                Some(EventPlace::Header(name)) => headers.find(name),
                Some(EventPlace::Pointer(_)) | None => None,
            },
            Self::Stripe | Self::Slack | Self::Standard => None,
        };
        let content = match event {
            Some(event) => {
                Sha256::new().chain_update(verified.fingerprint).chain_update(event.as_bytes()).finalize().into()
            }
            None => verified.fingerprint,
        };
        format!("signed:{}", hex::encode(content))
    }
}

/// Stripe's dashboard sends test events of every type under the one id `evt_00000000000000`.
fn is_placeholder(id: &str) -> bool {
    id.strip_prefix("evt_").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|c| c == b'0'))
}
