//! What the document promises, held against every answer that these tests see.

mod routes;

use std::sync::LazyLock;

use piton_scheduler::api::{Code, openapi};
use serde_json::{Value, json};

use super::Answer;

/// The document, in which objects have no members but those that it names.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = serde_json::from_str(&openapi()).expect("the document is JSON");
    close(&mut document);
    document
});

/// What is not named is not allowed, unless the schema says that it is.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let is_object = object.get("properties").is_some_and(Value::is_object);
            if is_object && object.get("type") == Some(&json!("object")) {
                object.entry("additionalProperties").or_insert(json!(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The documented path that an address is of.
pub(crate) fn template(path: &str) -> Option<&'static String> {
    let parts: Vec<_> = path.split('?').next().unwrap_or_default().split('/').collect();
    let fits = |template: &str| {
        let named: Vec<_> = template.split('/').collect();
        named.len() == parts.len() && named.iter().zip(&parts).all(|(name, part)| name.starts_with('{') || name == part)
    };
    let paths = DOCUMENT["paths"].as_object().expect("the document has paths");
    // A word of the address itself goes before a parameter.
    paths.keys().filter(|template| fits(template)).min_by_key(|template| template.matches('{').count())
}

/// Panics unless the answer is one that the document names for this request, and looks as it says there.
pub(crate) fn check(method: &str, path: &str, answer: &Answer) {
    let what = format!("{method} {path}: {} {:#}", answer.status, answer.body);
    let code = answer.body.get("code").and_then(Value::as_str).and_then(Code::of);
    let Some(template) = template(path) else {
        assert!(!path.starts_with("/v1/") || code == Some(Code::UnknownRoute), "not in the document: {what}");
        return;
    };
    let operation = &DOCUMENT["paths"][template][method.to_lowercase()];
    if operation.is_null() {
        assert_eq!(code, Some(Code::MethodNotAllowed), "not in the document: {what}");
        return;
    }
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "a status that is not in the document: {what}");
    assert!(answer.headers.contains_key("x-request-id"), "{what}");
    let Some(content) = response["content"].as_object() else {
        assert!(answer.body == json!(""), "a body that is not in the document: {what}");
        return;
    };
    let kind = answer.headers.get("content-type").map_or("", |kind| kind.split(';').next().unwrap_or_default());
    let content =
        content.get(kind).unwrap_or_else(|| panic!("a content type that is not in the document: {kind}: {what}"));
    if kind == "application/problem+json" {
        let codes = response["x-problem-codes"].as_array().expect("problems name their codes");
        assert!(codes.contains(&answer.body["code"]), "a code that is not in the document: {what}");
        assert_eq!(answer.body["type"], format!("/errors/{}", answer.text("code")), "{what}");
    }
    let mut schema = content["schema"].clone();
    schema["components"] = DOCUMENT["components"].clone();
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(&schema)
        .unwrap_or_else(|error| panic!("no schema: {error}: {what}"));
    let wrong: Vec<_> =
        validator.iter_errors(&answer.body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "not as the document says: {}\n{what}", wrong.join("\n"));
}
