//! The frame of every message: four letters, a version, a body.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    codec::{
        DecodeError,
        wire::{self, Texts},
    },
    limits,
};

/// The version this build writes.
///
/// Builds of two neighbouring releases work side by side: while schedulers and workers are replaced one by one, each reads
/// what the other writes. Within a version, messages only gain fields, each with `#[serde(default)]`, and gain variants that
/// are sent to nobody who has not said that it knows them. Where that is not enough, one release learns to read the new
/// version and goes on writing the old one, and the next release writes it. Bytes of the release before are kept in
/// `shared/transport/tests/transport/golden`, and a test reads them.
pub const VERSION: u16 = 1;
/// The versions this build reads.
pub const READ: std::ops::RangeInclusive<u16> = 1..=VERSION;
const MAGIC: [u8; 4] = *b"PITN";
const HEADER: usize = MAGIC.len() + 2;

/// What is wrong with a message that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum EnvelopeError {
    /// Too short, or not from Piton.
    #[error("not a message of Piton")]
    Foreign,
    /// From a Piton that speaks another version.
    #[error(
        "a message of version {theirs}; this build speaks version {ours}: run builds of neighbouring releases of Piton"
    )]
    Version {
        /// The version of the message.
        theirs: u16,
        /// The version of this build.
        ours: u16,
    },
    /// The right version, but the body does not read.
    #[error("a message of version {VERSION} whose body cannot be read: {message}")]
    Body {
        /// What the decoder said.
        message: String,
    },
    /// Larger than [`limits::MESSAGE_BYTES`].
    #[error("a message of {bytes} bytes; {max} is the most", max = limits::MESSAGE_BYTES)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

/// Frames a message.
///
/// # Errors
/// [`EnvelopeError::TooLarge`], and [`EnvelopeError::Body`] for a value that cannot be encoded.
pub fn seal<T: Serialize>(message: &T) -> Result<Vec<u8>, EnvelopeError> {
    let mut framed = Vec::with_capacity(256);
    framed.extend_from_slice(&MAGIC);
    framed.extend_from_slice(&VERSION.to_be_bytes());
    wire::encode_onto(&mut framed, message).map_err(|error| EnvelopeError::Body { message: error.to_string() })?;
    if framed.len() > limits::MESSAGE_BYTES {
        return Err(EnvelopeError::TooLarge { bytes: framed.len() });
    }
    Ok(framed)
}

/// Opens a frame, refusing strangers by name.
///
/// # Errors
/// What is wrong with it, for the one who sent it.
pub fn open<T: DeserializeOwned>(framed: &[u8]) -> Result<T, EnvelopeError> {
    open_with_texts(framed).map(|(message, _)| message)
}

/// As [`open`], and says whether a text in it holds NUL.
///
/// # Errors
/// Those of [`open`].
pub fn open_with_texts<T: DeserializeOwned>(framed: &[u8]) -> Result<(T, Texts), EnvelopeError> {
    if framed.len() > limits::MESSAGE_BYTES {
        return Err(EnvelopeError::TooLarge { bytes: framed.len() });
    }
    let Some((header, body)) = framed.split_at_checked(HEADER) else {
        return Err(EnvelopeError::Foreign);
    };
    let (magic, version) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(EnvelopeError::Foreign);
    }
    let theirs = u16::from_be_bytes([version[0], version[1]]);
    if !READ.contains(&theirs) {
        return Err(EnvelopeError::Version { theirs, ours: VERSION });
    }
    wire::decode_with_texts(body).map_err(|error| EnvelopeError::Body { message: error.to_string() })
}

/// Where a framed message that was opened holds a text with NUL, which Postgres cannot keep: `appends[0].rows[2].key`. Texts
/// for people (of failures, of progress) are passed over: they are kept in another form.
///
/// # Errors
/// A frame whose body cannot be read.
pub fn text_with_nul(framed: &[u8]) -> Result<Option<String>, DecodeError> {
    wire::text_with_nul(
        framed.get(HEADER..).unwrap_or_default(),
        &["message", "chain", "note", "recorded", "asked", "description"],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_sealed() {
        assert_eq!(open::<(u8, String)>(&seal(&(7, "x")).expect("small")), Ok((7, "x".to_owned())));
    }

    #[test]
    fn a_text_with_nul_is_found_by_its_name() {
        #[derive(Serialize)]
        struct Row {
            key: &'static str,
            #[serde(with = "crate::codec::bytes")]
            input: Vec<u8>,
            message: &'static str,
            chain: Vec<&'static str>,
        }
        #[derive(Serialize)]
        struct Rows {
            worker: u8,
            rows: Vec<Row>,
            last: &'static str,
        }
        let row = |key| Row { key, input: vec![0, 0], message: "a\0", chain: vec!["b\0"] };
        let found = |rows: Vec<Row>, last| {
            let framed = seal(&Rows { worker: 0, rows, last }).expect("small");
            text_with_nul(&framed).expect("it reads")
        };
        assert_eq!(found(vec![row("a"), row("b")], "c"), None);
        assert_eq!(found(vec![row("a"), row("b\0")], "c").as_deref(), Some("rows[1].key"));
        assert_eq!(found(vec![row("a")], "\0").as_deref(), Some("last"));
    }

    #[test]
    fn strangers_are_refused_by_name() {
        let mut other = seal(&1).expect("small");
        other[5] = 9;
        assert_eq!(open::<u8>(&other), Err(EnvelopeError::Version { theirs: 9, ours: VERSION }));
        assert_eq!(open::<u8>(b"PI"), Err(EnvelopeError::Foreign));
        assert_eq!(open::<u8>(b"GET / HTTP/1.1"), Err(EnvelopeError::Foreign));
        let truncated = &seal(&"a long enough text").expect("small")[..10];
        assert!(matches!(open::<String>(truncated), Err(EnvelopeError::Body { .. })));
        assert!(matches!(seal(&vec![0_u64; limits::MESSAGE_BYTES]), Err(EnvelopeError::TooLarge { .. })));
    }
}
