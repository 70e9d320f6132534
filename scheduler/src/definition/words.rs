//! How values and types are called in front of people.

use jsonschema::JsonType;
use serde_json::Value;

/// Characters of a value that are shown.
const SHOWN: usize = 48;

/// What is wanted, and what is there.
pub(super) fn instead(wanted: &str, value: &Value) -> String {
    format!("must be {wanted}, not {}", shown(value))
}

/// A value, short.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("the string {}", quoted(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// A text in quotes, short.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    let quoted = Value::String(short).to_string();
    if text.chars().nth(SHOWN).is_some() { format!("{quoted}…") } else { quoted }
}

/// A value that would be right, short.
pub(super) fn wanted(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => shown(value),
    }
}

/// A type, with its article.
pub(super) fn kind(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Null => "null",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Number => "a number",
        JsonType::String => "a string",
        JsonType::Array => "an array",
        JsonType::Object => "an object",
    }
}

/// Several that would be right: `a, b or c`. Each once, and not all if they are many.
pub(super) fn one_of(mut choices: Vec<String>) -> String {
    const CHOICES: usize = 20;
    let mut seen = std::collections::HashSet::new();
    choices.retain(|choice| seen.insert(choice.clone()));
    let more = choices.len().saturating_sub(CHOICES);
    choices.truncate(CHOICES);
    if more > 0 {
        choices.push(format!("one of {more} others"));
    }
    match choices.as_slice() {
        [] => "something else".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
