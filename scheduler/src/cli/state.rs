//! `piton run state` and `piton session state`

use clap::Subcommand;
use piton_shared::limits::PAGE_DEFAULT;
use serde_json::Value;

use super::{
    CliError, Console, Exit,
    screen::{Screen, items, number, second, text},
};

#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// Show what the workflows of a session keep.
    State(OfSession),
}

#[derive(Debug, clap::Args)]
pub(super) struct OfSession {
    /// The session.
    name: String,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OfRun {
    /// The run's id.
    id: String,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Page {
    /// How many values.
    #[arg(long, default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    limit: u32,
    /// Go on after this name.
    #[arg(long)]
    cursor: Option<String>,
}

impl Session {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::State(of) => of.page.show(console, &format!("/v1/sessions/{}", crate::api::escape(&of.name))).await,
        }
    }
}

impl OfRun {
    pub(in crate::cli) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        self.page.show(console, &super::run::path(&self.id)).await
    }
}

impl Page {
    async fn show(&self, console: &Console, of: &str) -> Result<Exit, CliError> {
        let mut path = format!("{of}/state?limit={}", self.limit);
        if let Some(cursor) = &self.cursor {
            path.extend(["&cursor=", &crate::api::escape(cursor)]);
        }
        let page = console.client()?.get(&path).await?;
        console.screen.show(&page, values)?;
        Ok(Exit::Done)
    }
}

fn values(screen: Screen, page: &Value) -> String {
    let row = |value: &Value| {
        vec![
            text(value, "name").to_owned(),
            number(value, "version").to_string(),
            second(text(value, "written_at")),
            value.get("value").map(Value::to_string).unwrap_or_default().chars().take(200).collect(),
        ]
    };
    let rows: Vec<_> = items(page, "values").iter().map(row).collect();
    if rows.is_empty() {
        return "no state\n".into();
    }
    let mut shown = screen.table(&["NAME", "VERSION", "WRITTEN", "VALUE"], rows);
    let cursor = text(page, "next_cursor");
    if !cursor.is_empty() {
        shown.push_str(&screen.dim(&format!("more: --cursor '{cursor}'")));
        shown.push('\n');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;
    use serde_json::json;

    #[test]
    fn values_are_a_table() {
        let page = json!({
            "values": [
                {"name": "cart", "value": {"items": [1, 2]}, "version": 3, "written_at": "2026-11-21T10:00:00.000000Z"},
                {"name": "visits", "value": 17, "version": 17, "written_at": "2026-11-21T10:00:01.000000Z"},
            ],
            "next_cursor": "visits",
        });
        insta::assert_snapshot!(values(PLAIN, &page));
        insta::assert_snapshot!(values(PLAIN, &json!({"values": []})), @"no state");
    }
}
