//! How definitions are shown.

use serde_json::Value;

use crate::cli::screen::{Screen, items, number, second, text};

/// A list as a table.
pub(super) fn list(screen: Screen, answer: &Value) -> String {
    let rows: Vec<_> = items(answer, "definitions").iter().map(row).collect();
    if rows.is_empty() {
        return "no definitions: a worker presents its workflows and functions when it starts\n".into();
    }
    let mut shown = screen.table(&["NAME", "KIND", "WORKERS", "BUILDS", "LAST SEEN", "INPUTS", "TRIGGERS"], rows);
    if !text(answer, "next").is_empty() {
        shown.push_str(&screen.dim("there are more: --limit takes up to 500\n"));
    }
    shown
}

fn row(definition: &Value) -> Vec<String> {
    let signature = text(definition, "signature");
    let inputs = signature.strip_prefix(text(definition, "name")).unwrap_or(signature);
    vec![
        text(definition, "name").to_owned(),
        text(definition, "kind").to_owned(),
        number(definition, "workers").to_string(),
        builds(items(definition, "builds")),
        second(text(definition, "last_seen_at")),
        inputs.to_owned(),
        items(definition, "triggers").iter().map(brief).collect::<Vec<_>>().join(", "),
    ]
}

/// The newest, and how many others.
fn builds(builds: &[Value]) -> String {
    let newest = builds.first().and_then(Value::as_str).unwrap_or("-");
    match builds.len() {
        0 | 1 => newest.to_owned(),
        several => format!("{newest} +{}", several - 1),
    }
}

/// A trigger in few words.
fn brief(trigger: &Value) -> String {
    match text(trigger, "kind") {
        "event" => format!("event {}", text(trigger, "pattern")),
        "webhook" => {
            let (provider, event) = (text(trigger, "provider"), text(trigger, "event"));
            if event.is_empty() { format!("webhook {provider}") } else { format!("webhook {provider} {event}") }
        }
        _ => format!("cron {}", text(trigger, "expression")),
    }
}

/// A trigger with all that it says.
fn whole(trigger: &Value) -> String {
    let mut words = vec![brief(trigger)];
    for name in ["name", "endpoint", "time_zone", "filter"] {
        let value = text(trigger, name);
        if !value.is_empty() {
            words.push(format!("{} {value}", name.replace('_', " ")));
        }
    }
    let input = &trigger["input"];
    match (text(trigger, "kind"), input.get("expression").and_then(Value::as_str)) {
        ("cron", _) if input.is_null() => {}
        ("cron", _) => words.push(format!("input {input}")),
        (_, Some(expression)) => words.push(format!("input {expression}")),
        (_, None) if *input == "envelope" => words.push("input envelope".to_owned()),
        (_, None) => {}
    }
    words.join(", ")
}

/// One definition.
pub(super) fn one(screen: Screen, definition: &Value) -> String {
    let mut lines = vec![format!("{}  {}", screen.bold(text(definition, "signature")), text(definition, "kind"))];
    lines.extend(text(definition, "description").lines().map(indented));
    for parameter in items(definition, "parameters") {
        if let Some(about) = parameter["schema"].get("description").and_then(Value::as_str) {
            lines.push(indented(&format!("{}: {}", text(parameter, "name"), about.lines().next().unwrap_or(""))));
        }
    }
    let triggers = items(definition, "triggers");
    if !triggers.is_empty() {
        lines.extend([String::new(), "started by".to_owned()]);
        lines.extend(triggers.iter().map(|trigger| indented(&whole(trigger))));
    }
    let builds = items(definition, "builds").iter().map(build).collect();
    let builds = screen.table(&["BUILD", "WORKERS", "STARTED", "LAST SEEN", "SIGNATURE"], builds);
    lines.push(String::new());
    lines.extend(builds.lines().map(str::to_owned));
    for (title, member) in [("input", "input_schema"), ("result", "output_schema")] {
        if definition[member] != Value::Bool(true) {
            lines.extend([String::new(), title.to_owned()]);
            lines.extend(format!("{:#}", definition[member]).lines().map(indented));
        }
    }
    lines.join("\n") + "\n"
}

fn indented(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("  {line}") }
}

fn build(build: &Value) -> Vec<String> {
    vec![
        build["build"].as_str().unwrap_or("-").to_owned(),
        number(build, "workers").to_string(),
        second(text(build, "since")),
        second(text(build, "last_seen_at")),
        text(build, "signature").to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn definitions_are_a_table() {
        let answer = json!({"definitions": [
            {
                "name": "charge", "kind": "function", "signature": "charge(amount: integer, currency?: string)",
                "triggers": [], "builds": [null], "workers": 2, "last_seen_at": "2026-11-21T10:00:00.250000Z",
            },
            {
                "name": "welcome", "kind": "workflow", "signature": "welcome(user: User)", "workers": 0,
                "triggers": [
                    {"kind": "event", "pattern": "user.signed_up"},
                    {"kind": "webhook", "provider": "stripe", "event": "payment_intent.succeeded"},
                    {"kind": "cron", "expression": "0 9 * * *"},
                ],
                "builds": ["v8", "v7", null], "last_seen_at": "2026-11-21T10:00:00.250000Z",
            },
        ], "next": null});
        insta::assert_snapshot!(list(Screen { width: Some(160), ..PLAIN }, &answer));
        insta::assert_snapshot!(list(PLAIN, &json!({"definitions": []})));
    }

    #[test]
    fn one_is_shown_with_its_schemas() {
        let time = "2026-11-21T10:00:00.250000Z";
        let definition = json!({
            "name": "welcome", "kind": "workflow", "signature": "welcome(user: User)",
            "description": "Welcomes somebody.\n\nTwice.",
            "parameters": [{"name": "user", "required": true, "schema": {"description": "Who it is.\nMore."}}],
            "triggers": [
                {"kind": "event", "pattern": "user.*", "filter": "event.data.age > 17", "input": {"expression": "event.data"}},
                {"kind": "webhook", "provider": "github", "endpoint": "ci", "event": null, "input": "envelope"},
                {"kind": "cron", "name": "daily", "expression": "0 9 * * *", "time_zone": "Europe/Berlin", "input": null},
            ],
            "builds": [{
                "build": "v8", "workers": 1, "since": time, "last_seen_at": time, "signature": "welcome(user: User)",
            }],
            "input_schema": {"type": "object", "title": "User"}, "output_schema": true,
        });
        insta::assert_snapshot!(one(PLAIN, &definition));
    }
}
