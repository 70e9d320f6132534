//! `piton schedule list`

use piton_shared::limits::PAGE_DEFAULT;
use serde_json::Value;

use crate::cli::{
    CliError, Console, Exit,
    screen::{Screen, items, text},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Only those that start this workflow.
    #[arg(long)]
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
        let mut path = format!("/v1/schedules?limit={}", self.limit);
        for (name, value) in [("workflow", &self.workflow), ("cursor", &self.cursor)] {
            if let Some(value) = value {
                path.extend(["&", name, "=", &crate::api::escape(value)]);
            }
        }
        let page = console.client()?.get(&path).await?;
        console.screen.show(&page, schedules)?;
        Ok(Exit::Done)
    }
}

fn schedules(screen: Screen, page: &Value) -> String {
    let row = |schedule: &Value| {
        let next = match items(schedule, "next").first() {
            _ if is_orphaned(schedule) => screen.state("orphaned"),
            Some(next) => text(next, "local").to_owned(),
            None if text(schedule, "state") == "paused" => screen.state("paused"),
            None => "never".into(),
        };
        vec![
            text(schedule, "name").to_owned(),
            text(schedule, "workflow").to_owned(),
            text(schedule, "expression").to_owned(),
            text(schedule, "time_zone").to_owned(),
            next,
            text(schedule, "origin").to_owned(),
        ]
    };
    let rows: Vec<_> = items(page, "schedules").iter().map(row).collect();
    if rows.is_empty() {
        return "no schedules: declare them beside a workflow, or make one by `piton schedule add`\n".into();
    }
    let mut shown = screen.table(&["NAME", "WORKFLOW", "CRON", "ZONE", "NEXT", "BY"], rows);
    if items(page, "schedules").iter().any(is_orphaned) {
        shown.push_str(&screen.dim(
            "orphaned: the workflow is gone from the code; piton schedule remove NAME --force removes what starts it",
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

/// Whether its workflow is gone from the code.
pub(super) fn is_orphaned(schedule: &Value) -> bool {
    !text(schedule, "orphaned_since").is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn schedules_are_a_table_with_their_next_firings() {
        let page = json!({
            "schedules": [
                {"name": "morning", "workflow": "report", "expression": "0 9 * * 1-5", "time_zone": "Europe/Berlin", "state": "active",
                 "origin": "declared", "next": [{"local": "Fri 2026-11-27 09:00:00 +01:00"}]},
                {"name": "nightly", "workflow": "backup", "expression": "@daily", "time_zone": "UTC", "state": "paused", "origin": "api",
                 "next": []},
                {"name": "weekly", "workflow": "digest", "expression": "@weekly", "time_zone": "UTC", "state": "active",
                 "origin": "declared", "next": [{"local": "Fri 2026-11-27 09:00:00 +01:00"}],
                 "orphaned_since": "2026-11-22T10:00:00.000000Z"},
            ],
            "next_cursor": "nightly",
        });
        insta::assert_snapshot!(schedules(Screen { width: Some(120), ..PLAIN }, &page));
        insta::assert_snapshot!(schedules(PLAIN, &json!({"schedules": []})), @"no schedules: declare them beside a workflow, or make one by `piton schedule add`");
    }
}
