//! The frame of every message: four letters, a version, a body.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{codec::wire, limits};

/// The version this build speaks.
pub const VERSION: u16 = 1;
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
        "a message of version {theirs}; this build speaks version {ours}: run matching builds of scheduler and worker"
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
pub fn open<T: DeserializeOwned>(framed: &[u8]) -> Result<T, EnvelopeError> {
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
    if theirs != VERSION {
        return Err(EnvelopeError::Version { theirs, ours: VERSION });
    }
    wire::decode(body).map_err(|error| EnvelopeError::Body { message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_sealed() {
        assert_eq!(open::<(u8, String)>(&seal(&(7, "x")).expect("small")), Ok((7, "x".to_owned())));
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
