//! `piton event list` and `show`

use piton_shared::limits::PAGE_DEFAULT;
use serde_json::{Value, json};

use super::path;
use crate::{
    api::escape,
    cli::{
        CliError, Console, Exit,
        screen::{Screen, items, second, text},
    },
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Only events whose name this pattern means: `user.*`, `order.**`.
    #[arg(long, value_name = "PATTERN")]
    name: Option<String>,
    /// Only events accepted then or later: `2026-11-21T10:00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events accepted before.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How many.
    #[arg(long, default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=500), value_name = "N")]
    limit: u32,
    /// Go on where an earlier page ended.
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    /// The event's id.
    id: String,
}

impl List {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let pairs = [("name", &self.name), ("since", &self.since), ("until", &self.until), ("cursor", &self.cursor)];
        let mut query = format!("limit={}", self.limit);
        for (name, value) in pairs {
            if let Some(value) = value {
                query.extend(["&", name, "=", &escape(value)]);
            }
        }
        let page = console.client()?.get(&format!("/v1/events?{query}")).await?;
        console.screen.show(&page, events)?;
        Ok(Exit::Done)
    }
}

impl Show {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let event = console.client()?.get(&path(&self.id)).await?;
        console.screen.show(&event, self::event)?;
        Ok(Exit::Done)
    }
}

fn events(screen: Screen, page: &Value) -> String {
    let row = |event: &Value| {
        vec![
            text(event, "id").to_owned(),
            text(event, "name").to_owned(),
            origin(event),
            second(text(event, "accepted_at")),
            brief(event),
        ]
    };
    let rows: Vec<_> = items(page, "events").iter().map(row).collect();
    if rows.is_empty() {
        return "no events\n".into();
    }
    let mut shown = screen.table(&["EVENT", "NAME", "FROM", "ACCEPTED", "STARTED"], rows);
    let cursor = text(page, "next_cursor");
    if !cursor.is_empty() {
        shown.push_str(&screen.dim(&format!("more: --cursor {cursor}")));
        shown.push('\n');
    }
    shown
}

fn origin(event: &Value) -> String {
    let nothing = json!({});
    let origin = event.get("origin").unwrap_or(&nothing);
    match (text(origin, "kind"), text(origin, "provider")) {
        (kind, "") => kind.to_owned(),
        ("webhook", provider) => format!("{provider} {}", text(origin, "endpoint")),
        (kind, provider) => format!("{kind} {provider}"),
    }
}

fn brief(event: &Value) -> String {
    if text(event, "matching") == "owed" {
        return "not matched yet".into();
    }
    let of = |outcome: &'static str| {
        items(event, "results")
            .iter()
            .filter(move |result| text(result, "outcome") == outcome)
            .map(|result| text(result, "workflow"))
    };
    let started: Vec<_> = of("started").collect();
    let refused = of("refused").count();
    match (started.is_empty(), refused) {
        (true, 0) => "nothing".into(),
        (false, 0) => started.join(" "),
        (true, refused) => format!("nothing, {refused} refused"),
        (false, refused) => format!("{}, {refused} refused", started.join(" ")),
    }
}

/// Everything of an event.
fn event(screen: Screen, event: &Value) -> String {
    let nothing = json!({});
    let from = event.get("origin").unwrap_or(&nothing);
    let mut lines = vec![
        ("event", screen.bold(text(event, "id"))),
        ("name", text(event, "name").to_owned()),
        ("from", origin(event)),
    ];
    for (name, member) in [("own id", "event_id"), ("happened", "occurred_at"), ("accepted", "accepted_at")] {
        let said = text(event, member);
        if !said.is_empty() {
            lines.push((name, if name == "own id" { said.to_owned() } else { second(said) }));
        }
    }
    for (name, member) in [("replay of", "replay_of"), ("for", "workflow"), ("delivery", "delivery_id")] {
        let said = text(from, member);
        if !said.is_empty() {
            lines.push((name, said.to_owned()));
        }
    }
    if text(event, "matching") == "owed" {
        lines.push(("started", "not matched yet; it is owed and will be within seconds".to_owned()));
    } else if items(event, "results").is_empty() {
        lines.push(("started", "nothing: no trigger means it".to_owned()));
    }
    for result in items(event, "results") {
        let said = match text(result, "outcome") {
            "started" => format!("{} {}", text(result, "workflow"), text(result, "run_id")),
            _ => format!("{} not ({}): {}", text(result, "workflow"), text(result, "reason"), text(result, "detail")),
        };
        lines.push(("started", said));
    }
    if let Some(data) = event.get("data") {
        lines.push(("data", format!("{data:#}")));
    }
    let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name:<10} {value}\n")).collect();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    fn paid() -> Value {
        json!({
            "id": "0197a000-0000-7000-8000-000000000001", "event_id": "o7", "name": "order.paid",
            "data": {"total": 7}, "origin": {"kind": "published"}, "occurred_at": null,
            "accepted_at": "2026-11-21T10:00:00.000000Z", "matching": "done",
            "results": [
                {"outcome": "started", "workflow": "mail", "run_id": "0198"},
                {"outcome": "refused", "workflow": "ship", "reason": "unbound", "detail": "the event's data has no `address`"},
            ],
        })
    }

    fn charged() -> Value {
        json!({
            "id": "0197a000-0000-7000-8000-000000000002", "event_id": null, "name": "stripe.charge.failed",
            "data": null, "occurred_at": "2026-11-21T09:59:00.000000Z", "accepted_at": "2026-11-21T10:00:00.000000Z",
            "origin": {"kind": "replayed", "provider": "stripe", "endpoint": "main", "replay_of": "0196", "workflow": "charge"},
            "matching": "owed", "results": [],
        })
    }

    #[test]
    fn events_are_a_table() {
        let quiet = json!({"id": "0197", "name": "a", "origin": {"kind": "webhook", "provider": "github", "endpoint": "main"}, "accepted_at": "2026-11-21T10:00:00.000000Z", "matching": "done", "results": []});
        let page = json!({"events": [charged(), paid(), quiet], "next_cursor": "abc"});
        insta::assert_snapshot!(events(Screen { width: Some(140), ..PLAIN }, &page));
        insta::assert_snapshot!(events(PLAIN, &json!({"events": []})), @"no events");
    }

    #[test]
    fn an_event_says_what_it_started_and_why_not() {
        insta::assert_snapshot!([event(PLAIN, &paid()), event(PLAIN, &charged())].join("\n"));
    }
}
