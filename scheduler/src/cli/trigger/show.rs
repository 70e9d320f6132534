//! `piton trigger list`, and how a trigger is shown.

use piton_shared::limits::PAGE_DEFAULT;
use serde_json::Value;

use crate::{
    api::escape,
    cli::{
        CliError, Console, Exit,
        screen::{Screen, items, second, text},
    },
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Only triggers of this workflow.
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// How many.
    #[arg(long, default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=500), value_name = "N")]
    limit: u32,
    /// Go on where an earlier page ended.
    #[arg(long)]
    cursor: Option<String>,
}

impl List {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let mut query = format!("limit={}", self.limit);
        for (name, value) in [("workflow", &self.workflow), ("cursor", &self.cursor)] {
            if let Some(value) = value {
                query.extend(["&", name, "=", &escape(value)]);
            }
        }
        let page = console.client()?.get(&format!("/v1/triggers?{query}")).await?;
        console.screen.show(&page, triggers)?;
        Ok(Exit::Done)
    }
}

fn triggers(screen: Screen, page: &Value) -> String {
    let row = |trigger: &Value| {
        vec![
            text(trigger, "id").to_owned(),
            text(trigger, "workflow").to_owned(),
            text(trigger, "source").to_owned(),
            screen.state(state(trigger)),
            means(trigger),
        ]
    };
    let rows: Vec<_> = items(page, "triggers").iter().map(row).collect();
    if rows.is_empty() {
        return "no triggers: declare them beside a workflow, or make one by `piton trigger add`\n".into();
    }
    let mut shown = screen.table(&["TRIGGER", "WORKFLOW", "SOURCE", "STATE", "ON"], rows);
    if items(page, "triggers").iter().any(is_orphaned) {
        shown.push_str(&screen.dim(
            "orphaned: the workflow is gone from the code; piton trigger remove ID --force removes what starts it",
        ));
        shown.push('\n');
    }
    let cursor = text(page, "next_cursor");
    if !cursor.is_empty() {
        shown.push_str(&screen.dim(&format!("more: --cursor {cursor}")));
        shown.push('\n');
    }
    shown
}

fn is_orphaned(trigger: &Value) -> bool {
    !text(trigger, "orphaned_since").is_empty()
}

/// One that is orphaned is so whether it is paused or not.
fn state(trigger: &Value) -> &str {
    if is_orphaned(trigger) { "orphaned" } else { text(trigger, "state") }
}

/// Which events a trigger means.
fn means(trigger: &Value) -> String {
    let pattern = text(trigger, "event");
    let names = match (text(trigger, "provider"), text(trigger, "endpoint")) {
        ("", _) => pattern.to_owned(),
        (provider, "") => format!("{provider} webhooks {pattern}"),
        (provider, endpoint) => format!("{provider} webhooks of {endpoint} {pattern}"),
    };
    let filter = text(trigger, "filter");
    if filter.is_empty() { names.trim_end().to_owned() } else { format!("{} if {filter}", names.trim_end()) }
}

/// Everything of a trigger.
pub(super) fn trigger(screen: Screen, trigger: &Value) -> String {
    let input = match text(trigger, "input") {
        "by_name" => "each parameter by its name",
        "envelope" => "all that is known of the event",
        _ => text(trigger, "input_expression"),
    };
    let mut lines = vec![
        ("trigger", screen.bold(text(trigger, "id"))),
        ("workflow", text(trigger, "workflow").to_owned()),
        ("on", means(trigger)),
        ("input", input.to_owned()),
        ("state", screen.state(text(trigger, "state"))),
    ];
    if is_orphaned(trigger) {
        let since = second(text(trigger, "orphaned_since"));
        lines.push(("orphaned", format!("since {since} no worker has the workflow: it is gone from the code")));
        lines.push(("", format!("piton trigger remove {} --force removes it", text(trigger, "id"))));
    }
    if text(trigger, "source") == "declared" {
        lines.push(("source", "declared beside its workflow".to_owned()));
    }
    for (name, usual) in [("queue", "default"), ("build", "")] {
        if text(trigger, name) != usual {
            lines.push((name, text(trigger, name).to_owned()));
        }
    }
    lines.push(("made", second(text(trigger, "created_at"))));
    let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name:<10} {value}\n")).collect();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::screen::PLAIN;

    fn made() -> Value {
        json!({
            "id": "0197a000-0000-7000-8000-000000000001", "workflow": "order", "kind": "event", "source": "made",
            "state": "active", "event": "order.*", "filter": "event.data.total > 100", "input": "expression",
            "input_expression": "{'id': event.id}", "queue": "gpu", "build": null, "created_at": "2026-11-21T10:00:00.000000Z",
        })
    }

    fn declared() -> Value {
        json!({
            "id": "0197a000-0000-7000-8000-000000000002", "workflow": "charge", "kind": "webhook", "source": "declared",
            "state": "paused", "event": null, "provider": "stripe", "endpoint": "main", "filter": null, "input": "by_name",
            "queue": "default", "build": null, "created_at": "2026-11-21T10:00:00.000000Z",
        })
    }

    fn orphaned() -> Value {
        let mut trigger = declared();
        trigger["id"] = json!("0197a000-0000-7000-8000-000000000003");
        trigger["orphaned_since"] = json!("2026-11-22T10:00:00.000000Z");
        trigger
    }

    #[test]
    fn triggers_are_a_table() {
        let page = json!({"triggers": [made(), declared(), orphaned()], "next_cursor": null});
        insta::assert_snapshot!(triggers(Screen { width: Some(140), ..PLAIN }, &page));
        insta::assert_snapshot!(triggers(PLAIN, &json!({"triggers": []})));
    }

    #[test]
    fn a_trigger_says_what_it_means() {
        insta::assert_snapshot!([made(), declared(), orphaned()].map(|one| trigger(PLAIN, &one)).join("\n"));
    }
}
