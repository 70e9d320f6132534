//! Payloads and messages as bytes.
//!
//! A payload is `MessagePack` (structs as maps, human-readable forms) of what JSON can represent, so that it can be
//! shown, typed in and read by other languages without loss. A message between processes is compact named
//! `MessagePack`; see [`wire`].

mod canonical;
mod encoder;
mod error;
mod fields;
mod integers;
mod json;
mod key;
mod reader;
mod scalars;
mod text;
mod versioned;
pub mod wire;

pub use canonical::{canonical, canonical_as};
pub use error::{DecodeError, EncodeError, Fault};
pub use fields::{bytes, optional_bytes, optional_outcome, outcome};
pub use integers::wide_integers;
pub use json::{from_json, to_json};
pub use text::{Duplicates, JsonError, read_json};
pub use versioned::{contested, is_contested, unversioned, versioned};

use serde::{Serialize, de::DeserializeOwned};

use crate::{journal::Payload, limits};

/// The encoded unit value: what a timer answers.
pub const UNIT: &[u8] = &[0xc0];

/// Encodes a value as a payload.
///
/// # Errors
/// Refuses what JSON cannot represent (128-bit integers, map keys that are no strings, NaN and infinite numbers) and
/// what passes [`limits::PAYLOAD_DEPTH`] or [`limits::PAYLOAD_BYTES`]; the error names the field.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Payload, EncodeError> {
    let mut encoder = encoder::Encoder::default();
    value.serialize(&mut encoder)?;
    Ok(encoder.into_payload())
}

/// Decodes a payload. Never panics and never exhausts the stack, whatever the bytes are.
///
/// # Errors
/// Refuses bytes that are no payload (truncated, trailing, too deep, too large, extension types, keys that are no
/// strings) and values that the type does not take.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, DecodeError> {
    reader::check(payload, reader::Bounds::PAYLOAD)?;
    let mut source = rmp_serde::Deserializer::from_read_ref(payload).with_human_readable();
    // The data's depth is checked above. The decoder counts the same levels, and must not refuse first.
    source.set_max_depth(limits::PAYLOAD_DEPTH + 8);
    T::deserialize(&mut source).map_err(|error| explain::<T>(payload, &error))
}

/// The decoder names markers; the same value read as JSON fails with words that people know.
fn explain<T: DeserializeOwned>(payload: &[u8], error: &rmp_serde::decode::Error) -> DecodeError {
    match to_json(payload).map(T::deserialize) {
        Ok(Err(readable)) => DecodeError::of_type(&readable),
        Ok(Ok(_)) | Err(_) => DecodeError::of_type(error),
    }
}

#[cfg(test)]
mod tests;
