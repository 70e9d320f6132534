//! Messages between processes: named fields, compact forms (a UUID is 16 bytes).

use serde::{Serialize, de::DeserializeOwned};

pub use super::reader::Texts;
use super::{
    error::{DecodeError, EncodeError, Fault},
    reader::{Bounds, check},
};
use crate::limits;

/// Encodes a message.
///
/// # Errors
/// Refuses what is longer than [`limits::MESSAGE_BYTES`], and what a type's own `Serialize` refuses.
pub fn encode<T: Serialize + ?Sized>(message: &T) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(256);
    encode_onto(&mut bytes, message)?;
    if bytes.len() > limits::MESSAGE_BYTES {
        return Err(Fault::TooLarge { max: limits::MESSAGE_BYTES }.into());
    }
    Ok(bytes)
}

/// Encodes a message behind what stands in `bytes` already; its size is the caller's to check.
///
/// # Errors
/// Refuses what a type's own `Serialize` refuses.
pub fn encode_onto<T: Serialize + ?Sized>(bytes: &mut Vec<u8>, message: &T) -> Result<(), EncodeError> {
    message
        .serialize(&mut rmp_serde::Serializer::new(bytes).with_struct_map())
        .map_err(|error| EncodeError::from(Fault::Custom(error.to_string())))
}

/// Where a message holds a text with NUL: the names of the fields on the way. Texts directly in fields called as one of
/// `except` are passed over.
///
/// # Errors
/// Refuses bytes that are no message.
pub fn text_with_nul(bytes: &[u8], except: &[&str]) -> Result<Option<String>, DecodeError> {
    super::reader::find_text(bytes, except, |text| text.contains('\0'))
}

/// Decodes a message. Never panics and never exhausts the stack, whatever the bytes are.
///
/// # Errors
/// Refuses bytes that are no message (truncated, trailing, too deep, too large, extension types) and values that
/// the type does not take.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    decode_with_texts(bytes).map(|(message, _)| message)
}

/// As [`decode`], and says whether a text of it holds NUL: known from the one walk that is taken anyway.
///
/// # Errors
/// Those of [`decode`].
pub fn decode_with_texts<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, Texts), DecodeError> {
    let texts = check(bytes, Bounds::MESSAGE)?;
    let mut source = rmp_serde::Deserializer::from_read_ref(bytes);
    source.set_max_depth(limits::PAYLOAD_DEPTH + 8);
    let message = T::deserialize(&mut source).map_err(|error| DecodeError::of_type(&error))?;
    Ok((message, texts))
}
