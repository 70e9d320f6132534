//! How payloads travel as fields of other values: as binary data, not as arrays of numbers.

/// For `#[serde(with = …)]` on a `Vec<u8>`.
pub mod bytes {
    use std::fmt;

    use serde::{
        Deserializer, Serializer,
        de::{self, SeqAccess, Visitor},
    };

    /// Bytes reserved before any of an announced sequence has been seen.
    const TRUSTED: usize = 4096;

    /// Writes the bytes as binary data.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    /// Reads binary data, or an array of numbers (as JSON has it).
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl<'de> Visitor<'de> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("binary data")
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<u8>, A::Error> {
            let mut bytes = Vec::with_capacity(sequence.size_hint().unwrap_or(0).min(TRUSTED));
            while let Some(byte) = sequence.next_element()? {
                bytes.push(byte);
            }
            Ok(bytes)
        }
    }
}

/// For `#[serde(with = …)]` on an `Option<Vec<u8>>`; add `default` where the field may be missing.
pub mod optional_bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize)]
    struct Borrowed<'a>(#[serde(with = "super::bytes")] &'a [u8]);

    #[derive(Deserialize)]
    struct Owned(#[serde(with = "super::bytes")] Vec<u8>);

    /// Writes the bytes as binary data, or nothing.
    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        bytes.as_deref().map(Borrowed).serialize(serializer)
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Owned>::deserialize(deserializer)?.map(|owned| owned.0))
    }
}

/// For `#[serde(with = …)]` on an [`Outcome`](crate::journal::Outcome): `{"ok": bytes}` or `{"failed": failure}`.
pub mod outcome {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::{failure::Failure, journal::Outcome};

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Borrowed<'a> {
        Ok(#[serde(with = "super::bytes")] &'a [u8]),
        Failed(&'a Failure),
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Owned {
        Ok(#[serde(with = "super::bytes")] Vec<u8>),
        Failed(Failure),
    }

    /// Writes the result as binary data, or the failure.
    pub fn serialize<S: Serializer>(outcome: &Outcome, serializer: S) -> Result<S::Ok, S::Error> {
        match outcome {
            Ok(payload) => Borrowed::Ok(payload),
            Err(failure) => Borrowed::Failed(failure),
        }
        .serialize(serializer)
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Outcome, D::Error> {
        Ok(match Owned::deserialize(deserializer)? {
            Owned::Ok(payload) => Ok(payload),
            Owned::Failed(failure) => Err(failure),
        })
    }
}

/// For `#[serde(with = …)]` on an `Option<Outcome>`.
pub mod optional_outcome {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::journal::Outcome;

    #[derive(Serialize)]
    struct Borrowed<'a>(#[serde(with = "super::outcome")] &'a Outcome);

    #[derive(Deserialize)]
    struct Owned(#[serde(with = "super::outcome")] Outcome);

    /// Writes the outcome, or nothing.
    pub fn serialize<S: Serializer>(outcome: &Option<Outcome>, serializer: S) -> Result<S::Ok, S::Error> {
        outcome.as_ref().map(Borrowed).serialize(serializer)
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Outcome>, D::Error> {
        Ok(Option::<Owned>::deserialize(deserializer)?.map(|owned| owned.0))
    }
}
