//! JSON Schemas of inputs and results, as text.

use piton_shared::{limits, message::define::Presence};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Map, Value};

use super::{Input, Reading};

/// The schema of no input at all.
pub(super) const NOTHING: &str = r#"{"type":"null"}"#;

/// The schema of a type, made when it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct SchemaOf {
    /// As a document of its own.
    whole: fn(&mut SchemaGenerator) -> Schema,
    /// As a part of a document that has the definitions it refers to.
    part: fn(&mut SchemaGenerator) -> Schema,
}

impl SchemaOf {
    pub(super) fn new<T: JsonSchema>() -> Self {
        Self { whole: SchemaGenerator::root_schema_for::<T>, part: SchemaGenerator::subschema_for::<T> }
    }
}

/// What a schema is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contract {
    /// What serde reads.
    Read,
    /// What it writes.
    Write,
}

/// The schema that refuses nothing.
pub(super) fn anything() -> String {
    "true".to_owned()
}

/// The schema of a type, with all that it refers to.
pub(super) fn of(schema: SchemaOf, contract: Contract) -> String {
    text(&(schema.whole)(&mut generator(contract)))
}

/// The schema of an object with a member for each input, which may have others.
pub(super) fn object(inputs: &[Input]) -> String {
    if inputs.iter().any(|input| input.reading == Reading::Free) {
        return text(&json_schema!({ "type": "object" }));
    }
    let mut generator = generator(Contract::Read);
    let mut properties = Map::new();
    let mut required = Vec::new();
    for input in inputs {
        let schema = input.schema.map_or_else(|| Schema::from(true), |schema| (schema.part)(&mut generator));
        properties.insert(input.name.to_owned(), schema.to_value());
        if input.presence == Presence::Required && input.reading == Reading::Plain {
            required.push(Value::from(input.name));
        }
    }
    let mut schema = json_schema!({ "type": "object", "properties": properties, "required": required });
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    text(&schema)
}

fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    match contract {
        Contract::Read => settings.for_deserialize(),
        Contract::Write => settings.for_serialize(),
    }
    .into_generator()
}

fn text(schema: &Schema) -> String {
    schema.as_value().to_string()
}

/// The schema, or the one that refuses nothing in its place if it is too large to be sent.
pub(super) fn bounded(what: &str, schema: String) -> String {
    if schema.len() <= limits::SCHEMA_BYTES {
        return schema;
    }
    let (bytes, most) = (schema.len(), limits::SCHEMA_BYTES);
    tracing::warn!(bytes, most, "{what} is too large to be sent: nothing is compared with it");
    anything()
}
