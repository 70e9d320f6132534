//! A definition's inputs in one line: `charge(amount: integer, currency?: string)`.

use piton_shared::message::define::{Parameter, Presence};
use serde_json::Value;

/// Words of a choice that are written out.
const CHOICES: usize = 4;

/// The name with the names and types of the inputs.
pub fn signature(name: &str, parameters: &[Parameter]) -> String {
    let inputs: Vec<_> = parameters.iter().map(input).collect();
    format!("{name}({})", inputs.join(", "))
}

fn input(parameter: &Parameter) -> String {
    let schema = serde_json::from_str(&parameter.schema).unwrap_or(Value::Bool(true));
    let word = word(&schema);
    match parameter.presence {
        Presence::Required => format!("{}: {word}", parameter.name),
        Presence::Optional => format!("{}?: {}", parameter.name, word.strip_suffix('?').unwrap_or(&word)),
    }
}

/// A type in a word.
fn word(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        return name.to_owned();
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    for choice in ["enum", "oneOf", "anyOf"] {
        if let Some(choices) = schema[choice].as_array() {
            return one_of(schema, choice, choices);
        }
    }
    match &schema["type"] {
        Value::String(kind) => of_kind(schema, kind),
        Value::Array(kinds) => {
            let named: Vec<_> = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
            let word = named.iter().map(|kind| of_kind(schema, kind)).collect::<Vec<_>>().join(" | ");
            if named.len() < kinds.len() { format!("{word}?") } else { word }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "any".to_owned(),
    }
}

fn of_kind(schema: &Value, kind: &str) -> String {
    match kind {
        "string" => match schema["format"].as_str() {
            Some(format @ ("uuid" | "date-time" | "date" | "uri")) => format.to_owned(),
            Some(_) | None => "string".to_owned(),
        },
        "array" if schema["items"].is_object() => format!("[{}]", word(&schema["items"])),
        "array" if schema["prefixItems"].is_array() => {
            let items: Vec<_> = schema["prefixItems"].as_array().into_iter().flatten().map(word).collect();
            format!("[{}]", items.join(", "))
        }
        "object" => match (schema["title"].as_str(), &schema["properties"], &schema["additionalProperties"]) {
            (Some(title), Value::Object(_), _) => title.to_owned(),
            (_, _, values @ Value::Object(_)) => format!("{{string: {}}}", word(values)),
            _ => "object".to_owned(),
        },
        other => other.to_owned(),
    }
}

fn one_of(schema: &Value, kind: &str, choices: &[Value]) -> String {
    let shown = |choice: &Value| if kind == "enum" { choice.to_string() } else { word(choice) };
    let is_null = |choice: &Value| choice.is_null() || choice["type"] == "null";
    let some: Vec<_> = choices.iter().filter(|choice| !is_null(choice)).collect();
    let optional = if some.len() < choices.len() { "?" } else { "" };
    if some.len() > 1
        && let Some(title) = schema["title"].as_str()
    {
        return format!("{title}{optional}");
    }
    let words: Vec<_> = some.iter().take(CHOICES).map(|choice| shown(choice)).collect();
    let more = if some.len() > CHOICES { " | …" } else { "" };
    format!("{}{more}{optional}", words.join(" | "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn inputs_are_said_in_a_line() {
        let table = [
            (json!(true), "any"),
            (json!({"type": "integer", "format": "int64", "title": "int64"}), "integer"),
            (json!({"type": ["string", "null"]}), "string?"),
            (json!({"type": "string", "format": "uuid"}), "uuid"),
            (json!({"type": "array", "items": {"type": "string"}}), "[string]"),
            (json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}), "[string, integer]"),
            (json!({"type": "object", "title": "Order", "properties": {"id": {"type": "integer"}}}), "Order"),
            (json!({"type": "object", "additionalProperties": {"type": "number"}}), "{string: number}"),
            (json!({"type": "object"}), "object"),
            (json!({"anyOf": [{"$ref": "#/$defs/Order"}, {"type": "null"}]}), "Order?"),
            (json!({"type": "string", "enum": ["card", "cash"]}), "\"card\" | \"cash\""),
            (json!({"title": "Way", "oneOf": [{"const": "card"}, {"const": "cash"}]}), "Way"),
        ];
        for (schema, expected) in table {
            assert_eq!(word(&schema), expected, "{schema}");
        }
        let parameter = |name: &str, presence, schema: Value| Parameter {
            name: name.to_owned(),
            presence,
            schema: schema.to_string(),
        };
        let parameters = [
            parameter("amount", Presence::Required, json!({"type": "integer"})),
            parameter("currency", Presence::Optional, json!({"type": ["string", "null"]})),
        ];
        assert_eq!(signature("charge", &parameters), "charge(amount: integer, currency?: string)");
        assert_eq!(signature("nothing", &[]), "nothing()");
    }
}
