//! A schema that inputs are compared with.

use std::collections::HashSet;

use jsonschema::{Keyword, ValidationError, Validator, paths::Location};
use serde_json::{Map, Value};

use super::{fault::faults, integer::Integer};
use crate::api::FieldError;

/// Faults that are told of one input; whoever has more sees the rest when these are gone.
const FAULTS: usize = 50;

/// A compiled schema. What is compared with it is JSON as it came, before it is a payload.
#[derive(Debug)]
pub struct Form(Validator);

/// Why a schema is none.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It is no JSON.
    #[error("is not JSON: {0}")]
    Json(String),
    /// It is no JSON Schema, or refers to something outside itself.
    #[error("is no JSON Schema that stands by itself: {0}")]
    Schema(String),
}

impl Form {
    /// Compiles a schema. Nothing outside it is ever fetched: a reference to something outside is refused.
    pub fn read(schema: &str) -> Result<Self, SchemaError> {
        let schema: Value = serde_json::from_str(schema).map_err(|error| SchemaError::Json(error.to_string()))?;
        let validator = jsonschema::options()
            .with_keyword("format", format)
            .build(&schema)
            .map_err(|error| SchemaError::Schema(error.to_string()))?;
        Ok(Self(validator))
    }

    /// What is wrong with an input, each fault once, at its JSON pointer; nothing if it fits.
    pub fn faults(&self, input: &Value) -> Vec<FieldError> {
        if self.0.is_valid(input) {
            return Vec::new();
        }
        let mut told = Vec::new();
        let mut seen = HashSet::new();
        for error in self.0.iter_errors(input) {
            for fault in faults(&error) {
                if seen.insert((fault.pointer.clone(), fault.detail.clone())) {
                    told.push(fault);
                }
            }
            if told.len() >= FAULTS {
                told.truncate(FAULTS);
                break;
            }
        }
        told
    }
}

/// Formats that say what serde takes. JSON Schema takes `3.0` for an integer and says nothing of its width; a run whose
/// input it let pass would park. What other formats ask for is left to the workflow.
#[expect(clippy::unnecessary_wraps, reason = "the library takes factories that may fail")]
fn format<'a>(
    _: &'a Map<String, Value>,
    format: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    let name = format.as_str().unwrap_or_default();
    Ok(match Integer::of(name) {
        Some(integer) => Box::new(integer),
        None if name == "uuid" => Box::new(Id),
        None => Box::new(Whatever),
    })
}

/// A format that refuses nothing.
struct Whatever;

impl<'i> Keyword<'i> for Whatever {
    fn validate(&self, _: &'i Value) -> Result<(), ValidationError<'i>> {
        Ok(())
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        true
    }
}

/// A UUID in any of the ways in which it may be written.
struct Id;

impl<'i> Keyword<'i> for Id {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        Err(ValidationError::custom(super::words::instead("a UUID", instance)))
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        instance.as_str().is_none_or(|text| uuid::Uuid::try_parse(text).is_ok())
    }
}
