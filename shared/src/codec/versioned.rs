//! A value of state beside its version, in the row that answers who read or wrote it.

use serde::Deserialize;
use serde_json::Value;

use super::{DecodeError, UNIT, decode, encode, reader};
use crate::{journal::Payload, message::state::StateValue};

const VALUE: &[u8] = b"\x82\xa5value";
const VERSION: &[u8] = b"\xa7version\xd3";
/// What stands in place of the first byte, and behind the version, where a write was refused.
const CONTESTED: u8 = 0x83;
const WRITTEN: &[u8] = b"\xa7written\xc2";

/// The payload of `{"value": …, "version": …}` around a value that is encoded already; null for none.
pub fn versioned(value: Option<&[u8]>, version: i64) -> Payload {
    let value = value.unwrap_or(UNIT);
    let mut payload = Vec::with_capacity(VALUE.len() + value.len() + VERSION.len() + 8);
    payload.extend_from_slice(VALUE);
    payload.extend_from_slice(value);
    payload.extend_from_slice(VERSION);
    payload.extend_from_slice(&version.to_be_bytes());
    payload
}

/// The payload that answers a [`SetIf`](crate::replay::Access::SetIf) whose version no longer stood there: what stands there
/// instead, as `{"value": …, "version": …, "written": false}`. The version alone would not tell: somebody else's write
/// may have the number that ours would have had.
pub fn contested(value: Option<&[u8]>, version: i64) -> Payload {
    let mut payload = versioned(value, version);
    payload[0] = CONTESTED;
    payload.extend_from_slice(WRITTEN);
    payload
}

/// Whether it is a [`contested`] value.
///
/// # Errors
/// Refuses what is not such a map.
pub fn is_contested(payload: &[u8]) -> Result<bool, DecodeError> {
    #[derive(Deserialize)]
    struct Contested {
        written: Option<bool>,
    }
    let Contested { written } = decode(payload)?;
    Ok(written == Some(false))
}

/// Reads [`versioned`] and [`contested`] back: the value, still encoded, and its version. A value of null is none.
///
/// # Errors
/// Refuses what is not such a map.
pub fn unversioned(payload: &[u8]) -> Result<StateValue, DecodeError> {
    match written_here(payload) {
        Some(value) => Ok(value),
        None => written_elsewhere(payload),
    }
}

fn written_here(payload: &[u8]) -> Option<StateValue> {
    let (rest, version) = payload.strip_prefix(VALUE)?.split_last_chunk::<8>()?;
    let value = rest.strip_suffix(VERSION)?;
    reader::check(value, reader::Bounds::PAYLOAD).ok()?;
    Some(StateValue { value: (value != UNIT).then(|| value.to_vec()), version: i64::from_be_bytes(*version) })
}

/// The same map in other bytes, as by another language.
fn written_elsewhere(payload: &[u8]) -> Result<StateValue, DecodeError> {
    #[derive(Deserialize)]
    struct Versioned {
        value: Value,
        version: i64,
    }
    let Versioned { value, version } = decode(payload)?;
    let value =
        if value.is_null() { None } else { Some(encode(&value).map_err(|error| DecodeError::of_type(&error))?) };
    Ok(StateValue { value, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_versioned_value_is_read_back_whoever_wrote_it() {
        let value = encode(&serde_json::json!({ "version": 3, "value": [1, "two"] })).expect("it encodes");
        for (value, version) in [(None, 0), (Some(value), 7), (Some(encode(&1u8).expect("it encodes")), i64::MAX)] {
            let payload = versioned(value.as_deref(), version);
            let expected = StateValue { value, version };
            assert_eq!(unversioned(&payload), Ok(expected.clone()));
            let elsewhere = encode(&decode::<Value>(&payload).expect("it is a map")).expect("it encodes");
            assert_eq!(unversioned(&elsewhere), Ok(expected.clone()));
            let lost = contested(expected.value.as_deref(), version);
            assert_eq!(unversioned(&lost), Ok(expected));
            assert_eq!((is_contested(&payload), is_contested(&lost)), (Ok(false), Ok(true)));
        }
        assert!(unversioned(UNIT).is_err() && is_contested(UNIT).is_err());
    }
}
