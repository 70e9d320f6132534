//! Identifiers, each of its own type so that they cannot be exchanged.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an existing id.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id! {
    /// One execution of a workflow. UUIDv7 by the database's clock, so that ids sort by start.
    RunId
}
id! {
    /// One worker's hold on a run, fresh with every claim: the fencing token of its appends.
    AttemptId
}
id! {
    /// One registration of a worker process. A worker that lost its lease comes back under a new one.
    WorkerId
}
id! {
    /// One worker's hold on work that was dispatched, fresh with every claim: the fencing token of its end.
    HoldId
}
id! {
    /// One scheduler process.
    SchedulerId
}
id! {
    /// One API key; the secret itself is never stored.
    KeyId
}

/// Builds a UUIDv7 from a time in milliseconds since the epoch and random bits.
///
/// See RFC 9562, section 5.7. Version and variant bits of `random` are overwritten.
pub fn uuid_v7(unix_millis: u64, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(unix_millis, &random).into_uuid()
}

impl WorkerId {
    /// The id of a new registration. It is a `UUIDv8`, by which a scheduler knows that the worker listens on subjects that name
    /// its org; workers of the protocol before take a `UUIDv7`. 48 bits of time, the rest random.
    pub fn fresh(unix_millis: u64, random: [u8; 10]) -> Self {
        let bytes = uuid_v7(unix_millis, random).into_bytes();
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Whether the worker listens on subjects that name its org.
    pub fn names_its_org(self) -> bool {
        self.0.get_version_num() == 8
    }
}

/// Counts the publishes of a run: every requeue bumps it, no claim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u32);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_v7_sorts_by_time_and_says_its_version() {
        let early = uuid_v7(1_000, [0xff; 10]);
        let late = uuid_v7(1_001, [0; 10]);
        assert!(early < late);
        assert_eq!(early.get_version_num(), 7);
    }

    #[test]
    fn ids_read_what_they_print() {
        let id = RunId::new(uuid_v7(5, [7; 10]));
        assert_eq!(id.to_string().parse::<RunId>(), Ok(id));
    }
}
