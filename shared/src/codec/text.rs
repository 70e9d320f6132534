//! JSON texts that come from outside.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, error::Category};

use super::wide_integers;

/// What becomes of an object that names a member twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// It is refused: the sender meant one of them, and nothing says which.
    Refused,
    /// The last one counts, as with most readers. For what others sign and send, and cannot be asked to send otherwise.
    LastCounts,
}

/// Why a text is not taken for the JSON that it may look like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Some editors and exports put one there; JSON has none.
    #[error("it begins with a byte order mark (BOM), which JSON does not allow: save it as UTF-8 without BOM")]
    ByteOrderMark,
    /// It is no JSON.
    #[error("{reason}")]
    Syntax {
        /// What is wrong, with line and column.
        reason: String,
        /// Where reading stopped, from 1.
        line: usize,
        /// Where reading stopped, from 1.
        column: usize,
    },
    /// An object names a member twice.
    #[error("{reason}")]
    Duplicate {
        /// The member, with line and column.
        reason: String,
        /// Where it is named again, from 1.
        line: usize,
        /// Where it is named again, from 1.
        column: usize,
    },
    /// It has integers that 64 bits do not hold: read as the nearest float, another number would be worked with than was sent.
    #[error("it has an integer that 64 bits do not hold{}: send it as a string", at(.0))]
    WideIntegers(
        /// Where, as JSON pointers.
        Vec<String>,
    ),
}

fn at(pointers: &[String]) -> String {
    match pointers.first() {
        Some(first) if !first.is_empty() => format!(", at {first}"),
        Some(_) | None => String::new(),
    }
}

/// Reads a JSON text, wherever it comes from: nothing in the value is another than in the text.
///
/// # Errors
/// Says what is wrong and where; of integers that 64 bits do not hold it names `most`.
///
/// ```
/// use piton_shared::codec::{Duplicates, JsonError, read_json};
///
/// assert_eq!(read_json(b"[1, 2.5]", Duplicates::Refused, 1).unwrap(), serde_json::json!([1, 2.5]));
/// assert!(matches!(read_json(br#"{"a": 1, "a": 2}"#, Duplicates::Refused, 1), Err(JsonError::Duplicate { .. })));
/// assert!(matches!(read_json(b"18446744073709551616", Duplicates::Refused, 1), Err(JsonError::WideIntegers(_))));
/// ```
pub fn read_json(text: &[u8], duplicates: Duplicates, most: usize) -> Result<Value, JsonError> {
    if text.starts_with("\u{feff}".as_bytes()) {
        return Err(JsonError::ByteOrderMark);
    }
    let mut source = serde_json::Deserializer::from_slice(text);
    let read = Reading(duplicates).deserialize(&mut source).and_then(|value| source.end().map(|()| value));
    let value = read.map_err(|error| {
        let (reason, line, column) = (error.to_string(), error.line(), error.column());
        match error.classify() {
            Category::Data => JsonError::Duplicate { reason, line, column },
            Category::Io | Category::Syntax | Category::Eof => JsonError::Syntax { reason, line, column },
        }
    })?;
    let wide = wide_integers(std::str::from_utf8(text).unwrap_or_default(), most);
    if wide.is_empty() { Ok(value) } else { Err(JsonError::WideIntegers(wide)) }
}

#[derive(Clone, Copy)]
struct Reading(Duplicates);

impl<'de> DeserializeSeed<'de> for Reading {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading {
    type Value = Value;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            read.push(element);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if self.0 == Duplicates::Refused && read.contains_key(&name) {
                let shown: String = name.chars().take(64).collect();
                return Err(A::Error::custom(format!("the member {} is there twice", Value::String(shown))));
            }
            let value = members.next_value_seed(self)?;
            read.insert(name, value);
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Value, JsonError> {
        read_json(text.as_bytes(), Duplicates::Refused, 10)
    }

    #[test]
    fn what_would_be_another_value_is_refused_and_named() {
        for (text, expected) in [
            ("\u{feff}{}", "byte order mark"),
            ("{\"a\": 1,\n \"b\": {\"c\": 1, \"\\u0063\": 2}}", "the member \"c\" is there twice at line 2"),
            ("{\"ids\": [1, 123456789012345678901234567890]}", "64 bits do not hold, at /ids/1"),
            ("-9223372036854775809", "64 bits do not hold"),
            ("{\"a\": 1,}", "line 1 column 9"),
            ("[1] 2", "trailing characters"),
            ("", "EOF"),
        ] {
            let said = read(text).expect_err(text).to_string();
            assert!(said.contains(expected), "{text}: {said}");
        }
    }

    #[test]
    fn of_others_the_last_member_counts() {
        let read = read_json(br#"{"a": 1, "b": 2, "a": 3}"#, Duplicates::LastCounts, 1).expect("it reads");
        assert_eq!(read, serde_json::json!({"a": 3, "b": 2}));
    }

    #[test]
    fn what_is_nested_deeply_is_no_crash() {
        assert!(read(&"[".repeat(1 << 20)).is_err());
        assert!(read(&"{\"a\":".repeat(1 << 18)).is_err());
    }

    proptest! {
        #[test]
        fn any_value_is_read_as_serde_reads_it(text in r#"[\[\]{}",:0-9a-z.eE+\- \\]{0,40}"#) {
            let plain = serde_json::from_str::<Value>(&text).ok();
            let ours = read_json(text.as_bytes(), Duplicates::LastCounts, 1);
            if let Ok(value) = &ours {
                prop_assert_eq!(Some(value), plain.as_ref());
            }
            prop_assert!(ours.is_ok() || plain.is_none() || matches!(ours, Err(JsonError::WideIntegers(_))));
        }
    }
}
