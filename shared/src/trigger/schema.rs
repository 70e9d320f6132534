//! What a schema lets through, as far as binding has to know.

use serde_json::Value;

/// References followed and alternatives looked into, one within the other.
const DEPTH: u32 = 8;

/// Whether a parameter with this schema, as JSON text, can take an object as a whole: because it says so, or says nothing.
pub(super) fn takes_an_object(schema: &str) -> bool {
    let Ok(schema) = serde_json::from_str::<Value>(schema) else {
        return true;
    };
    takes(&schema, &schema, DEPTH)
}

fn takes(schema: &Value, root: &Value, depth: u32) -> bool {
    let Value::Object(members) = schema else {
        return schema != &Value::Bool(false);
    };
    let Some(depth) = depth.checked_sub(1) else {
        return true;
    };
    if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
        return reference
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer))
            .is_none_or(|target| takes(target, root, depth));
    }
    if let Some(kind) = members.get("type") {
        return kind == "object" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"));
    }
    if let Some(one) = members.get("const") {
        return one.is_object();
    }
    if let Some(some) = members.get("enum").and_then(Value::as_array) {
        return some.iter().any(Value::is_object);
    }
    ["anyOf", "oneOf"]
        .iter()
        .filter_map(|word| members.get(*word).and_then(Value::as_array))
        .all(|alternatives| alternatives.iter().any(|one| takes(one, root, depth)))
        && members
            .get("allOf")
            .and_then(Value::as_array)
            .is_none_or(|all| all.iter().all(|one| takes(one, root, depth)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_silence_take_an_object() {
        for schema in [
            "true",
            "{}",
            r#"{"description": "anything"}"#,
            r#"{"type": "object"}"#,
            r#"{"type": ["null", "object"]}"#,
            r##"{"$ref": "#/$defs/Order", "$defs": {"Order": {"type": "object"}}}"##,
            r##"{"anyOf": [{"$ref": "#/$defs/Order"}, {"type": "null"}], "$defs": {"Order": {"type": "object"}}}"##,
            r##"{"$ref": "#"}"##,
            "no schema",
        ] {
            assert!(takes_an_object(schema), "{schema}");
        }
        for schema in [
            "false",
            r#"{"type": "string"}"#,
            r#"{"type": ["integer", "null"]}"#,
            r#"{"enum": ["usd", "eur"]}"#,
            r#"{"const": 1}"#,
            r#"{"oneOf": [{"type": "string"}, {"const": null}]}"#,
            r##"{"$ref": "#/$defs/Id", "$defs": {"Id": {"type": "string"}}}"##,
        ] {
            assert!(!takes_an_object(schema), "{schema}");
        }
    }
}
