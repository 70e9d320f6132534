//! One form for equal values, so that bytes can be compared.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    decode, encode,
    error::DecodeError,
    reader::{Bounds, Reader, Token, check},
    scalars,
};
use crate::journal::Payload;

/// The same value with its maps sorted by key and every value in its shortest form.
///
/// Of a key that occurs twice the last one stays, as in JSON. The order of arrays has a meaning and stays, so a
/// set that iterates at random has no canonical form.
///
/// # Errors
/// Those of [`decode`] for bytes that are no payload.
pub fn canonical(payload: &[u8]) -> Result<Payload, DecodeError> {
    check(payload, Bounds::PAYLOAD)?;
    let mut out = Vec::with_capacity(payload.len());
    value(&mut Reader::new(payload), &mut out)?;
    Ok(out)
}

/// [`canonical`] after reading the payload as a `T`: fields that `T` has a default for appear, those it does not
/// know disappear. Two payloads that today's code cannot tell apart come out equal.
///
/// # Errors
/// Those of [`decode`]; and [`DecodeError::Type`] when the decoded value cannot be encoded again.
pub fn canonical_as<T: Serialize + DeserializeOwned>(payload: &[u8]) -> Result<Payload, DecodeError> {
    let value: T = decode(payload)?;
    canonical(&encode(&value).map_err(|error| DecodeError::Type(error.to_string()))?)
}

/// Recursion is bounded: the bytes were checked.
fn value(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match reader.next()? {
        Token::Nil => scalars::nil(out),
        Token::Boolean(value) => scalars::boolean(out, value),
        Token::Unsigned(value) => scalars::unsigned(out, value),
        Token::Negative(value) => scalars::signed(out, value),
        Token::Single(value) => scalars::single(out, value),
        Token::Double(value) => {
            let single = value as f32;
            if f64::from(single).to_bits() == value.to_bits() {
                scalars::single(out, single);
            } else {
                scalars::double(out, value);
            }
        }
        Token::String(text) => scalars::string(out, text),
        Token::Binary(bytes) => scalars::binary(out, bytes),
        Token::Array(length) => {
            scalars::array(out, length as usize);
            for _ in 0..length {
                value(reader, out)?;
            }
        }
        Token::Map(length) => map(reader, length, out)?,
    }
    Ok(())
}

fn map(reader: &mut Reader<'_>, length: u32, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let mut fields = std::collections::BTreeMap::new();
    for _ in 0..length {
        let Token::String(key) = reader.next()? else {
            return Err(DecodeError::Key);
        };
        let mut encoded = Vec::new();
        value(reader, &mut encoded)?;
        fields.insert(key, encoded);
    }
    scalars::map(out, fields.len());
    for (key, encoded) in fields {
        scalars::string(out, key);
        out.extend_from_slice(&encoded);
    }
    Ok(())
}
