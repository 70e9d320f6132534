//! What all routes have in common, put into the document once for all.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use crate::api::{access::needed, code::Code};

const DESCRIPTION: &str = "\
Piton runs ordinary async Rust functions as durable workflows. This is what its scheduler answers over HTTP.

Errors are `application/problem+json` (RFC 9457). Their `code` never changes its meaning, and their `type` is the address \
of a page that says why it happens and what to do. Lists have pages: an answer names the next one in `next`. Times are \
RFC 3339 in UTC by the database's clock. Every answer has an `x-request-id`, the caller's own if it sent one; it stands in \
the scheduler's log.";

/// What the tags stand for, in the order in which they are shown.
const TAGS: &[(&str, &str)] = &[
    ("Runs", "Executions of workflows: start them, look at them, wait for them, stop them."),
    ("Batches", "A function over many items, so many at a time."),
    ("State", "What workflows keep beside their journals."),
    ("Definitions", "Workflows and functions that workers have, with the schemas of their inputs."),
    ("Events", "What happened elsewhere and may start runs."),
    ("Triggers", "Which events start which workflows."),
    ("Webhooks", "Addresses where others tell us of events, with their signatures checked."),
    ("Schedules", "Runs that start by the clock."),
    ("Workers", "The processes that execute workflows and functions."),
    ("Keys", "API keys: who may ask, for which org."),
    ("Health", "Whether the scheduler lives and can do its work. No key is needed."),
    ("Reference", "This document. No key is needed."),
];

/// What errors are sent as.
const PROBLEM: &str = "application/problem+json";

/// Where schemas stand that have names.
const HOME: &str = "#/components/schemas/";

/// The name of the one way to be let in.
const BEARER: &str = "api_key";

/// The whole document, of what the routes say of themselves.
pub(super) fn complete(routes: &OpenApi) -> Value {
    let mut document = serde_json::to_value(routes).expect("the document is text, numbers and lists");
    document["info"] = json!({
        "title": "Piton",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/", "description": "The scheduler that serves this document" }]);
    document["security"] = json!([{ BEARER: [] }]);
    let mut used = Vec::new();
    for (path, operations) in members(&mut document, "paths") {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            used.extend(operation["tags"].as_array().into_iter().flatten().cloned());
            if let Some(scope) = needed(method, path) {
                operation["security"] = json!([{ BEARER: [scope.as_str()] }]);
            }
            body_that_may_be_missing(operation);
            answers(path, operation);
        }
    }
    let tags = TAGS.iter().filter(|(name, _)| used.contains(&json!(name)));
    document["tags"] = tags.map(|(name, about)| json!({ "name": name, "description": about })).collect();
    document["components"]["securitySchemes"] = json!({ BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "pk_…",
        "description": "An API key. Each operation names the scope that the key needs; `admin` includes the others. \
                        `piton dev` serves this machine without one.",
    } });
    document["components"]["schemas"]["Problem"] = problem();
    close_bodies(&mut document);
    plain_names(&mut document);
    document
}

/// Bodies have no members but those that are named: what is not known is refused. Answers may get more with time.
fn close_bodies(document: &mut Value) {
    fn close(schema: &mut Value, named: &mut Vec<String>) {
        match schema {
            Value::Object(object) => {
                let is_object = object.get("properties").is_some_and(Value::is_object);
                if is_object && object.get("type").is_some_and(|kind| kind.to_string().contains("\"object\"")) {
                    object.entry("additionalProperties").or_insert(json!(false));
                }
                if let Some(name) = object.get("$ref").and_then(Value::as_str) {
                    named.extend(name.strip_prefix(HOME).map(ToOwned::to_owned));
                }
                object.values_mut().for_each(|member| close(member, named));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| close(item, named)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut named = Vec::new();
    for (_, operations) in members(document, "paths") {
        for operation in operations.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if let Some(body) = operation.get_mut("requestBody") {
                close(body, &mut named);
            }
        }
    }
    let mut closed = Vec::new();
    while let Some(name) = named.pop() {
        if let Some(schema) = document["components"]["schemas"].get_mut(&name).filter(|_| !closed.contains(&name)) {
            close(schema, &mut named);
            closed.push(name);
        }
    }
}

fn members<'a>(value: &'a mut Value, name: &str) -> impl Iterator<Item = (&'a String, &'a mut Value)> {
    value[name].as_object_mut().into_iter().flatten()
}

/// A body that may be missing is no null: clients send nothing.
fn body_that_may_be_missing(operation: &mut Value) {
    let Some(body) = operation.get_mut("requestBody") else { return };
    for content in body["content"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        let mut choices = content["schema"]["oneOf"].as_array().into_iter().flatten();
        let Some(reference) = choices.find(|choice| choice["$ref"].is_string()).cloned() else { continue };
        content["schema"] = reference;
        body["required"] = json!(false);
        return;
    }
}

/// The answers of a route: its own, and those that every route of its kind can give.
fn answers(path: &str, operation: &mut Value) {
    // A route names its own problems by their codes, as the description of a status.
    let mut codes: Vec<Code> = Vec::new();
    let responses = operation["responses"].as_object_mut().expect("every route has answers");
    responses.retain(|status, response| {
        let own = status.as_str() >= "400" && response.get("content").is_none();
        if own {
            let words = response["description"].as_str().unwrap_or_default().split(", ");
            codes.extend(words.map(|word| Code::of(word).unwrap_or_else(|| panic!("{path}: `{word}` is no code"))));
        }
        !own
    });
    codes.extend(common(path, operation));
    codes.sort_by_key(|code| (code.status(), code.word()));
    codes.dedup();
    let responses = operation["responses"].as_object_mut().expect("every route has answers");
    for together in codes.chunk_by(|one, other| one.status() == other.status()) {
        let status = together[0].status().as_str().to_owned();
        let refusal = refusal(together);
        match responses.get_mut(&status) {
            None => drop(responses.insert(status, refusal)),
            // The route has an answer of its own of this status: both are there.
            Some(own) => {
                own["content"][PROBLEM] = refusal["content"][PROBLEM].clone();
                own["x-problem-codes"] = refusal["x-problem-codes"].clone();
            }
        }
    }
    for (status, response) in responses {
        headers(status, response);
    }
}

/// The problems that a route can answer with because of its kind.
fn common(path: &str, operation: &Value) -> Vec<Code> {
    let mut codes = vec![Code::Internal, Code::Overloaded, Code::TimedOut];
    if path.starts_with("/v1/") {
        codes.extend([Code::InvalidParameter, Code::UnacceptableValue, Code::Unavailable, Code::ListTooLong]);
    }
    if operation["security"] != json!([{}]) {
        codes.extend([Code::Unauthorized, Code::ForeignOrigin, Code::InsufficientScope, Code::OrgDisabled]);
    }
    if path.contains('{') {
        codes.push(Code::InvalidId);
    }
    if operation.get("requestBody").is_some() {
        codes.extend([
            Code::InvalidJson,
            Code::IncompleteBody,
            Code::BodyTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::InvalidField,
        ]);
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    if parameters.filter(|parameter| parameter["in"] == "header").count() > 0 {
        codes.push(Code::InvalidHeader);
    }
    codes
}

fn refusal(codes: &[Code]) -> Value {
    let lines: Vec<_> = codes.iter().map(|code| format!("`{}`: {}", code.word(), code.title())).collect();
    json!({
        "description": lines.join("; "),
        "content": { PROBLEM: { "schema": { "$ref": "#/components/schemas/Problem" } } },
        "x-problem-codes": codes.iter().map(|code| code.word()).collect::<Vec<_>>(),
    })
}

fn headers(status: &str, response: &mut Value) {
    let text = |about: &str| json!({ "description": about, "schema": { "type": "string" } });
    response["headers"]["x-request-id"] = text("The request's id: the caller's own if it sent one.");
    if status == "503" {
        response["headers"]["Retry-After"] =
            json!({ "description": "Seconds to wait before asking again.", "schema": { "type": "integer" } });
    }
    if status == "401" {
        response["headers"]["WWW-Authenticate"] = text("How to be let in: `Bearer`.");
    }
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "An error, as RFC 9457 has it. Some codes have more members, which their pages name.",
        "required": ["type", "code", "title", "status", "detail", "request_id"],
        "additionalProperties": true,
        "properties": {
            "type": {
                "type": "string", "format": "uri-reference",
                "description": "The address of the code's page: why it happens and what to do.",
            },
            "code": { "type": "string", "description": "A word that never changes its meaning." },
            "title": { "type": "string", "description": "What the code means, in a few words." },
            "status": { "type": "integer", "description": "The status of the answer." },
            "detail": { "type": "string", "description": "What happened here and what to do." },
            "request_id": { "type": "string", "description": "By which the scheduler's log is searched." },
            "errors": {
                "type": "array",
                "description": "The fields of the body that are wrong.",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": {
                        "pointer": { "type": "string", "description": "Which, as a JSON pointer; empty for the body." },
                        "detail": { "type": "string", "description": "What is wrong with it and what it may be." },
                    },
                },
            },
        },
    })
}

/// Callers know runs, not views of runs: the word that tells our own types apart goes from the names of schemas.
fn plain_names(document: &mut Value) {
    fn plain(name: &str) -> &str {
        name.strip_suffix("View").unwrap_or(name)
    }
    fn rename(value: &mut Value) {
        match value {
            Value::Object(object) => {
                for (name, member) in object.iter_mut() {
                    match member.as_str().and_then(|text| text.strip_prefix(HOME)) {
                        Some(schema) if name == "$ref" => *member = format!("{HOME}{}", plain(schema)).into(),
                        Some(_) | None => rename(member),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(rename),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    rename(document);
    let schemas = document["components"]["schemas"].as_object_mut().expect("the document has schemas");
    let named = std::mem::take(schemas);
    for (name, schema) in named {
        let before = schemas.insert(plain(&name).to_owned(), schema);
        assert!(before.is_none(), "two schemas would be called {}", plain(&name));
    }
}
