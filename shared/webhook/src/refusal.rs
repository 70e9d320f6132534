//! Why a delivery is not believed.

use std::time::Duration;

/// Why a delivery is not believed. For the record of its receiver; whoever sent it is told only that it was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header that the scheme needs is not there.
    #[error("the header `{header}` is missing")]
    MissingHeader {
        /// Its name.
        header: String,
    },
    /// A header does not read as the scheme writes it.
    #[error("the header `{header}` does not read: {what}")]
    Malformed {
        /// Its name.
        header: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It was signed longer ago than is tolerated.
    #[error("it was signed {} s ago, which is longer than is tolerated", by.as_secs())]
    Stale {
        /// How long ago.
        by: Duration,
    },
    /// It was signed further ahead of this clock than is tolerated.
    #[error("it was signed {} s in the future, which is more than is tolerated", by.as_secs())]
    FromTheFuture {
        /// How far ahead.
        by: Duration,
    },
    /// No signature of it was made with a secret that is known.
    #[error("no signature was made with a secret of this endpoint over this body")]
    NoSecretMatches,
}

impl Refusal {
    /// One word for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::MissingHeader { .. } => "missing_header",
            Self::Malformed { .. } => "malformed",
            Self::Stale { .. } => "stale",
            Self::FromTheFuture { .. } => "from_the_future",
            Self::NoSecretMatches => "no_secret_matches",
        }
    }
}
