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
            // Sets say so, and serde takes an element twice.
            .with_keyword("uniqueItems", |_, _, _| Ok(Box::new(Whatever)))
            .build(&schema)
            .map_err(|error| SchemaError::Schema(error.to_string()))?;
        Ok(Self(validator))
    }

    /// What is wrong with an input, each place once, by its JSON pointer; nothing if it fits.
    pub fn faults(&self, input: &Value) -> Vec<FieldError> {
        if self.0.is_valid(input) {
            return Vec::new();
        }
        let mut told = Vec::new();
        let mut seen = HashSet::new();
        for error in self.0.iter_errors(input) {
            for fault in faults(&error) {
                // What is wrong in several ways is told once.
                if seen.insert(fault.pointer.clone()) {
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

/// Refuses nothing.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(schema: &Value, input: &Value) -> Vec<String> {
        let form = Form::read(&schema.to_string()).expect("the tests' schemas are some");
        form.faults(input).into_iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect()
    }

    #[test]
    fn faults_are_said_for_people() {
        let charge = json!({
            "type": "object", "required": ["amount", "currency"],
            "properties": {
                "amount": {"type": "integer", "format": "int64"}, "currency": {"type": "string", "enum": ["eur", "usd"]},
                "note": {"type": ["string", "null"]}, "ids": {"type": "array", "items": {"type": "string", "format": "uuid"}},
            },
        });
        let small = json!({"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255});
        let table: &[(&Value, Value, &[&str])] = &[
            (&charge, json!({"amount": 3, "currency": "eur"}), &[]),
            (&charge, json!({"amount": 3, "currency": "eur", "more": 1}), &[]),
            (
                &charge,
                json!({"amount": "12", "currency": "eur"}),
                &["/amount must be an integer, not the string \"12\""],
            ),
            (&charge, json!({"currency": "eur"}), &["/amount is missing"]),
            (&charge, json!([1]), &[" must be an object, not an array"]),
            (
                &charge,
                json!({"amount": 3.5, "currency": "chf", "note": 7}),
                &[
                    "/amount must be an integer, not 3.5",
                    "/currency must be \"eur\" or \"usd\", not the string \"chf\"",
                    "/note must be null or a string, not 7",
                ],
            ),
            (
                &charge,
                json!({"amount": 3.0, "currency": "eur"}),
                &["/amount must be an integer, written without a point or an exponent, not 3.0"],
            ),
            (
                &charge,
                json!({"amount": 3, "currency": "eur", "ids": ["a/b", "67e55044-10b1-426f-9247-bb680e5fe0c8"]}),
                &["/ids/0 must be a UUID, not the string \"a/b\""],
            ),
            (&json!({"type": "array", "uniqueItems": true}), json!([1, 1]), &[]),
            (&json!({"type": "null"}), json!({}), &[" must be null, not an object"]),
            (&small, json!(300), &[" must be at most 255, not 300"]),
            (
                &json!({"type": "object", "properties": {"a/b": {"type": "string", "minLength": 2}}, "additionalProperties": false}),
                json!({"a/b": "x", "c~d": 1}),
                &["/a~1b must have at least 2 characters", "/c~0d is unknown here"],
            ),
        ];
        for (schema, input, expected) in table {
            let mut told = faults(schema, input);
            told.sort();
            let mut expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
            expected.sort();
            assert_eq!(told, expected, "{input}");
        }
    }

    #[test]
    fn of_several_forms_it_is_said_what_is_wrong_with_the_one_that_was_meant() {
        let order = json!({
            "type": "object", "properties": {"id": {"type": "integer", "format": "uint64"}}, "required": ["id"],
        });
        let maybe = json!({"anyOf": [{"$ref": "#/$defs/Order"}, {"type": "null"}], "$defs": {"Order": order}});
        assert_eq!(faults(&maybe, &json!({"id": "x"})), ["/id must be an integer, not the string \"x\""]);
        assert_eq!(faults(&maybe, &json!({})), ["/id is missing"]);
        assert_eq!(faults(&maybe, &json!(3)), [" must be an object or null, not 3"]);

        let tagged = |kind: &str, field: &str| {
            json!({
                "type": "object", "required": ["kind", field],
                "properties": {"kind": {"const": kind}, field: {"type": "number"}},
            })
        };
        let shape = json!({"oneOf": [tagged("circle", "radius"), tagged("square", "side")]});
        assert_eq!(faults(&shape, &json!({"kind": "circle", "radius": true})), ["/radius must be a number, not true"]);
        assert_eq!(faults(&shape, &json!({"kind": "square"})), ["/side is missing"]);
        assert_eq!(
            faults(&shape, &json!({"kind": "star"})),
            ["/kind must be \"circle\" or \"square\", not the string \"star\""]
        );

        let variant = |name: &str| {
            json!({
                "type": "object", "required": [name], "additionalProperties": false,
                "properties": {name: {"type": "string"}},
            })
        };
        let way = json!({"oneOf": [{"type": "string", "enum": ["cash"]}, variant("card"), variant("iban")]});
        assert_eq!(faults(&way, &json!({"card": 3})), ["/card must be a string, not 3"]);
        assert_eq!(faults(&way, &json!("gold")), [" must be \"cash\" or an object, not the string \"gold\""]);
        assert_eq!(faults(&way, &json!({"gold": 3})), [" fits none of the 3 forms that it may have"]);
    }

    #[test]
    fn the_number_of_faults_is_bounded_and_long_values_are_cut() {
        let list = json!({"type": "array", "items": {"type": "integer"}});
        assert_eq!(faults(&list, &json!(vec!["x"; 1000])).len(), FAULTS);
        let [one] = &*faults(&list, &json!(["y".repeat(1000)])) else { panic!("one fault") };
        assert!(one.len() < 120, "{one}");
    }

    #[test]
    fn nothing_outside_a_schema_is_fetched() {
        for outside in ["https://127.0.0.1:1/schema.json", "file:///etc/passwd", "other.json"] {
            assert!(Form::read(&json!({ "$ref": outside }).to_string()).is_err(), "{outside}");
        }
        for none in ["", "{", "3", r#"{"type": "nothing"}"#, r##"{"$ref": "#/$defs/none"}"##] {
            assert!(Form::read(none).is_err(), "{none}");
        }
        assert!(Form::read("true").is_ok());
    }
}
