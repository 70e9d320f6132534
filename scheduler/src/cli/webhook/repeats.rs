//! What `piton webhook add` states of a new endpoint: what makes a delivery a repeated one, and how large one may be.

use piton_shared::limits::{DEDUPE_WINDOW, PAYLOAD_BYTES, WEBHOOK_BODY_BYTES};
use serde_json::Value;

use crate::cli::screen::text;

/// By what the endpoint recognizes repeated deliveries, and what its signature does not cover.
pub(super) fn repeats(webhook: &Value) -> Vec<String> {
    let lines: &[&str] = match text(webhook, "provider") {
        "stripe" => &["recognized by the event's id, which Stripe signs with a time"],
        "slack" => {
            &["recognized by `event_id`, which Slack signs with a time; a command or an interaction by what was signed"]
        }
        "standard" => &["recognized by the delivery's id, which the sender signs with a time"],
        "github" => &[
            "recognized by X-GitHub-Delivery alone: two deliveries with equal bytes are two events",
            "GitHub signs neither this id, nor the event's name, nor a time: anyone who captures a delivery can send its",
            "body again under another id and name, so keep TLS up to this server and limit the events with --event",
        ],
        _ => return generic(webhook.get("hmac").unwrap_or(&Value::Null)),
    };
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// How large a delivery may be, and what becomes of a larger one.
pub(super) fn sizes(webhook: &Value) -> Vec<String> {
    let (event, body) = (PAYLOAD_BYTES / 1024, WEBHOOK_BODY_BYTES / 1024);
    let mut lines = vec![format!(
        "a body of more than {event} KiB starts nothing: it is answered 422 (413 above {body} KiB) and put on record"
    )];
    if text(webhook, "provider") == "github" {
        lines.push(
            "GitHub sends up to 25 MB and does not send again by itself: choose only the events that you need".into(),
        );
    }
    lines
}

fn generic(terms: &Value) -> Vec<String> {
    let (id, template) = (text(terms, "id_header"), text(terms, "template"));
    let days = DEDUPE_WINDOW.as_secs() / (24 * 60 * 60);
    let is_timed = template.contains("{timestamp}");
    let mut lines = match text(terms, "deduplicate_by") {
        "none" => vec!["not recognized: each delivery is an event, a retry too".to_owned()],
        "content" => {
            let mut lines = vec![format!(
                "recognized by what was signed, `{template}`: two deliveries that are equal in it within {days} days are one event"
            )];
            if !is_timed {
                lines.push(
                    "if the sender means two events by equal bytes, name the header of its delivery id: --id-header"
                        .into(),
                );
                lines.push("if it has none, --deduplicate-by none makes each delivery an event, a retry too".into());
            }
            lines
        }
        "id_or_content" => vec![format!(
            "recognized by the delivery's id, `{id}`, or by what was signed, `{template}`: equal in either is one event"
        )],
        _ => vec![format!(
            "recognized by the delivery's id, `{id}`, alone: two deliveries with equal bytes are two events"
        )],
    };
    if !is_timed {
        lines.push("the signature covers no time: a captured delivery stays good".into());
    }
    if !id.is_empty() && !template.contains("{id}") {
        lines.push(
            "the signature does not cover the id: anyone who captures a delivery can send it under another".into(),
        );
    }
    lines
}
