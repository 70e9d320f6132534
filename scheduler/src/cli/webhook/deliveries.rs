//! `piton webhook deliveries` and `delivery`.

use piton_shared::limits::PAGE_DEFAULT;
use serde_json::Value;

use super::path;
use crate::{
    api::escape,
    cli::{
        CliError, Console, Exit,
        screen::{Screen, items, number, second, text},
    },
    webhook::Verdict,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Deliveries {
    /// The webhook's name, or its id.
    name: String,
    /// Only those of which this became: accepted, repeated, filtered, refused, …
    #[arg(long)]
    verdict: Option<Verdict>,
    /// How many.
    #[arg(long, default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=500), value_name = "N")]
    limit: u32,
    /// Go on where an earlier page ended.
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Delivery {
    /// The delivery's id, as listed.
    id: uuid::Uuid,
}

impl Deliveries {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let mut query = format!("{}/deliveries?limit={}", path(&self.name), self.limit);
        if let Some(verdict) = self.verdict {
            query.extend(["&verdict=", verdict.as_str()]);
        }
        if let Some(cursor) = &self.cursor {
            query.extend(["&cursor=", &escape(cursor)]);
        }
        let page = console.client()?.get(&query).await?;
        console.screen.show(&page, deliveries)?;
        Ok(Exit::Done)
    }
}

impl Delivery {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let found = console.client()?.get(&format!("/v1/deliveries/{}", self.id)).await?;
        console.screen.show(&found, delivery)?;
        Ok(Exit::Done)
    }
}

fn deliveries(screen: Screen, page: &Value) -> String {
    let row = |delivery: &Value| {
        vec![
            text(delivery, "id").to_owned(),
            second(text(delivery, "received_at")),
            screen.state(text(delivery, "verdict")),
            number(delivery, "status").to_string(),
            text(delivery, "remote_address").to_owned(),
            text(delivery, "event_type").to_owned(),
            text(delivery, "reason").to_owned(),
        ]
    };
    let rows: Vec<_> = items(page, "deliveries").iter().map(row).collect();
    if rows.is_empty() {
        return "no deliveries\n".into();
    }
    let mut shown = screen.table(&["DELIVERY", "RECEIVED", "VERDICT", "STATUS", "FROM", "EVENT", ""], rows);
    let cursor = text(page, "next_cursor");
    if !cursor.is_empty() {
        shown.push_str(&screen.dim(&format!("more: --cursor {cursor}")));
        shown.push('\n');
    }
    shown
}

/// Everything of a delivery.
pub(super) fn delivery(screen: Screen, delivery: &Value) -> String {
    let mut lines = vec![
        ("delivery", screen.bold(text(delivery, "id"))),
        ("received", second(text(delivery, "received_at"))),
        ("verdict", screen.state(text(delivery, "verdict"))),
    ];
    for (name, member) in [
        ("because", "reason"),
        ("event", "event_type"),
        ("provider's id", "provider_delivery_id"),
        ("from", "remote_address"),
        ("forwarded for", "forwarded_for"),
        ("sha256", "body_sha256"),
        ("secret", "secret_id"),
        ("became", "event_id"),
    ] {
        let value = text(delivery, member);
        if !value.is_empty() {
            lines.push((name, value.to_owned()));
        }
    }
    lines.push(("answered", number(delivery, "status").to_string()));
    lines.push(("bytes", number(delivery, "size").to_string()));
    let mut shown: Vec<_> = lines.iter().map(|(name, value)| format!("{name:<13} {value}\n")).collect();
    shown.push(outcomes(screen, delivery));
    for (name, value) in delivery.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let line = screen.cut(&format!("{name}: {}", value.as_str().unwrap_or_default()));
        shown.push(format!("{}\n", screen.dim(&line)));
    }
    let body = text(delivery, "body");
    if !body.is_empty() {
        shown.push(format!("\n{body}\n"));
    }
    shown.concat()
}

/// What its event has started, or why it has not.
pub(super) fn outcomes(screen: Screen, delivery: &Value) -> String {
    let line = |run: &Value| {
        let (workflow, id) = (text(run, "workflow"), text(run, "run_id"));
        if id.is_empty() {
            format!("{:<13} {workflow}: {}\n", "started not", text(run, "detail"))
        } else {
            format!("{:<13} {workflow} {}\n", "started", screen.bold(id))
        }
    };
    let outcomes = items(delivery, "outcomes");
    if outcomes.is_empty() && !text(delivery, "event_id").is_empty() {
        return format!("{:<13} nothing: no trigger matches\n", "started");
    }
    outcomes.iter().map(line).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;
    use serde_json::json;

    fn arrived(verdict: &str) -> Value {
        json!({
            "id": "0197a000-0000-7000-8000-000000000001", "received_at": "2026-11-21T10:00:00.250000Z", "verdict": verdict,
            "reason": (verdict == "refused").then_some("no signature was made with a secret of this endpoint over this body"),
            "status": if verdict == "refused" { 401 } else { 200 }, "remote_address": "127.0.0.1", "forwarded_for": null,
            "provider_delivery_id": "evt_1", "event_type": "payment_intent.succeeded", "size": 12, "body_sha256": "ab12",
            "headers": {"stripe-signature": "[taken out]", "user-agent": "Stripe/1.0"},
            "secret_id": null, "event_id": (verdict == "accepted").then_some("0197a000-0000-7000-8000-000000000002"),
        })
    }

    #[test]
    fn deliveries_are_shown_with_what_came_of_them() {
        let page = json!({"deliveries": [arrived("accepted"), arrived("refused")], "next_cursor": "abc"});
        insta::assert_snapshot!(deliveries(Screen { width: Some(180), ..PLAIN }, &page));
        insta::assert_snapshot!(deliveries(PLAIN, &json!({"deliveries": []})), @"no deliveries");
        let mut accepted = arrived("accepted");
        insta::assert_snapshot!(delivery(PLAIN, &accepted));
        accepted["body"] = json!("{\"amount\": 1}");
        accepted["outcomes"] = json!([
            {"workflow": "payment_workflow", "run_id": "0197a000-0000-7000-8000-000000000003"},
            {"workflow": "audit", "detail": "the event's data has no `who`"},
        ]);
        insta::assert_snapshot!(delivery(PLAIN, &accepted));
    }
}
