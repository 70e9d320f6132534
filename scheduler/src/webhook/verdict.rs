//! What became of deliveries, and how endpoints stand.

use std::str::FromStr;

use piton_telemetry::metrics::Delivered;
use serde::Serialize;
use utoipa::ToSchema;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Verified, and its event is being published. It stays so only when the scheduler dies in between.
    Taken,
    /// It became an event.
    Accepted,
    /// It had become an event before.
    Repeated,
    /// The endpoint does not take such events.
    Filtered,
    /// The provider wanted to see a text back.
    Challenge,
    /// The provider tried whether somebody is there.
    Ping,
    /// The endpoint is paused.
    Paused,
    /// Verified, but it does not read.
    Unreadable,
    /// Not verified.
    Refused,
    /// Its body was too large, and was not read.
    TooLarge,
    /// Its body was of another type than the provider sends, and was not read.
    WrongType,
}

/// No verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no verdict: taken, accepted, repeated, filtered, challenge, ping, paused, unreadable, refused, too_large or wrong_type"
)]
pub struct UnknownVerdict;

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 11] = [
        Self::Taken,
        Self::Accepted,
        Self::Repeated,
        Self::Filtered,
        Self::Challenge,
        Self::Ping,
        Self::Paused,
        Self::Unreadable,
        Self::Refused,
        Self::TooLarge,
        Self::WrongType,
    ];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Accepted => "accepted",
            Self::Repeated => "repeated",
            Self::Filtered => "filtered",
            Self::Challenge => "challenge",
            Self::Ping => "ping",
            Self::Paused => "paused",
            Self::Unreadable => "unreadable",
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
            Self::WrongType => "wrong_type",
        }
    }

    /// As what it is counted; one that is only taken will be something else.
    pub(super) const fn counted(self) -> Option<Delivered> {
        Some(match self {
            Self::Taken => return None,
            Self::Accepted => Delivered::Accepted,
            Self::Repeated => Delivered::Repeated,
            Self::Filtered => Delivered::Filtered,
            Self::Challenge => Delivered::Challenge,
            Self::Ping => Delivered::Ping,
            Self::Paused => Delivered::Paused,
            Self::Unreadable => Delivered::Unreadable,
            Self::Refused => Delivered::Refused,
            Self::TooLarge => Delivered::TooLarge,
            Self::WrongType => Delivered::WrongType,
        })
    }
}

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    fn from_str(word: &str) -> Result<Self, UnknownVerdict> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == word).ok_or(UnknownVerdict)
    }
}

/// Whether an endpoint takes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// It does.
    Active,
    /// Providers are told to come back later.
    Paused,
}

impl EndpointState {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }

    /// Reads its word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Paused].into_iter().find(|state| state.as_str() == word)
    }
}
