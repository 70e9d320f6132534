//! Payloads as JSON, for people and for other languages.

use serde_json::{Map, Number, Value};

use super::{
    encode,
    error::{DecodeError, EncodeError},
    reader::{Bounds, Reader, Token, check},
};
use crate::journal::Payload;

/// The payload as JSON. Binary data becomes an array of numbers, as serde does it.
///
/// # Errors
/// Those of [`super::decode`] for bytes that are no payload.
pub fn to_json(payload: &[u8]) -> Result<Value, DecodeError> {
    check(payload, Bounds::PAYLOAD)?;
    value(&mut Reader::new(payload))
}

/// A payload from JSON.
///
/// # Errors
/// Those of [`encode`].
pub fn from_json(json: &Value) -> Result<Payload, EncodeError> {
    encode(json)
}

/// Recursion is bounded: the bytes were checked.
fn value(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    Ok(match reader.next()? {
        Token::Nil => Value::Null,
        Token::Boolean(value) => Value::Bool(value),
        Token::Unsigned(value) => Value::Number(value.into()),
        Token::Negative(value) => Value::Number(value.into()),
        Token::Single(value) => number(value.into())?,
        Token::Double(value) => number(value)?,
        Token::String(text) => Value::String(text.to_owned()),
        Token::Binary(bytes) => Value::Array(bytes.iter().map(|byte| Value::Number((*byte).into())).collect()),
        Token::Array(length) => Value::Array((0..length).map(|_| value(reader)).collect::<Result<_, _>>()?),
        Token::Map(length) => {
            let mut fields = Map::new();
            for _ in 0..length {
                let Token::String(key) = reader.next()? else {
                    return Err(DecodeError::Key);
                };
                fields.insert(key.to_owned(), value(reader)?);
            }
            Value::Object(fields)
        }
    })
}

fn number(value: f64) -> Result<Value, DecodeError> {
    Number::from_f64(value).map(Value::Number).ok_or(DecodeError::NotFinite)
}
