//! `piton batch show` and `list`, and how a batch is shown.

use piton_shared::limits::PAGE_DEFAULT;
use serde_json::{Value, json};

use super::{Which, run_path};
use crate::cli::{
    CliError, Console, Exit,
    screen::{Screen, between, items, number, second, text},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// The run's id.
    run: String,
    /// How many.
    #[arg(long, default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=500), value_name = "N")]
    limit: u32,
    /// Go on where an earlier page ended.
    #[arg(long)]
    cursor: Option<String>,
}

impl Show {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let batch = console.client()?.get(&self.which.path()).await?;
        console.screen.show(&batch, self::batch)?;
        Ok(Exit::Done)
    }
}

impl List {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let mut path = format!("{}/batches?limit={}", run_path(&self.run), self.limit);
        if let Some(cursor) = &self.cursor {
            path.extend(["&cursor=", &crate::api::escape(cursor)]);
        }
        let page = console.client()?.get(&path).await?;
        console.screen.show(&page, batches)?;
        Ok(Exit::Done)
    }
}

fn stats(batch: &Value) -> Value {
    batch.get("stats").cloned().unwrap_or_else(|| json!({}))
}

/// Everything of a batch.
pub(super) fn batch(screen: Screen, batch: &Value) -> String {
    let stats = stats(batch);
    let mut lines = vec![
        ("batch", screen.bold(if text(batch, "id").is_empty() { text(batch, "key") } else { text(batch, "id") })),
        ("function", text(batch, "function").to_owned()),
        ("status", screen.state(text(batch, "status"))),
    ];
    if text(batch, "id").is_empty() {
        lines.push(("run", text(batch, "run_id").to_owned()));
    }
    if text(batch, "queue") != "default" {
        lines.push(("queue", text(batch, "queue").to_owned()));
    }
    let more = if stats.get("total_is_final") == Some(&json!(false)) { ", more may follow" } else { "" };
    lines.push(("items", format!("{}{more}", number(&stats, "total"))));
    for word in ["completed", "failed", "cancelled", "running", "waiting"] {
        if number(&stats, word) > 0 {
            lines.push((word, number(&stats, word).to_string()));
        }
    }
    lines.push(("at once", format!("{} at most", number(batch, "max_concurrency"))));
    if text(batch, "on_failure") == "stop" {
        lines.push(("on failure", "it stops".to_owned()));
    }
    for (name, member) in [("created", "created_at"), ("started", "started_at"), ("finished", "finished_at")] {
        let at = second(text(batch, member));
        if !at.is_empty() {
            lines.push((name, at));
        }
    }
    if !text(batch, "finished_at").is_empty() {
        lines.push(("took", between(text(batch, "started_at"), text(batch, "finished_at"))));
    }
    let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name:<13} {value}\n")).collect();
    lines.concat()
}

fn batches(screen: Screen, page: &Value) -> String {
    let row = |batch: &Value| {
        let stats = stats(batch);
        vec![
            text(batch, "key").to_owned(),
            text(batch, "function").to_owned(),
            screen.state(text(batch, "status")),
            number(&stats, "total").to_string(),
            number(&stats, "completed").to_string(),
            number(&stats, "failed").to_string(),
            between(text(batch, "started_at"), text(batch, "finished_at")),
        ]
    };
    let rows: Vec<_> = items(page, "batches").iter().map(row).collect();
    if rows.is_empty() {
        return "no batches\n".into();
    }
    let mut shown = screen.table(&["BATCH", "FUNCTION", "STATUS", "ITEMS", "COMPLETED", "FAILED", "TOOK"], rows);
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

    fn ended() -> Value {
        json!({
            "id": "0197", "run_id": "0197", "key": "batch#1", "function": "docs.process", "queue": "default",
            "status": "failed", "max_concurrency": 20, "on_failure": "stop",
            "stats": {"total": 100, "total_is_final": true, "completed": 39, "failed": 1, "cancelled": 60, "running": 0, "waiting": 0},
            "created_at": "2026-11-21T10:00:00.000000Z", "started_at": "2026-11-21T10:00:00.100000Z",
            "finished_at": "2026-11-21T10:00:02.600000Z",
        })
    }

    fn of_a_run() -> Value {
        json!({
            "run_id": "0198", "key": "gather#1/0/batch#1", "function": "f", "queue": "gpu", "status": "running",
            "max_concurrency": 10, "on_failure": "continue",
            "stats": {"total": 512, "total_is_final": false, "completed": 5, "failed": 0, "cancelled": 0, "running": 10, "waiting": 497},
            "created_at": "2026-11-21T10:00:00.000000Z", "started_at": "2026-11-21T10:00:00.100000Z", "finished_at": null,
        })
    }

    #[test]
    fn a_batch_and_its_numbers() {
        insta::assert_snapshot!(batch(PLAIN, &ended()));
        insta::assert_snapshot!(batch(PLAIN, &of_a_run()));
    }

    #[test]
    fn batches_of_a_run_are_a_table() {
        insta::assert_snapshot!(batches(PLAIN, &json!({"batches": [of_a_run(), ended()], "next_cursor": "batch#1"})));
        insta::assert_snapshot!(batches(PLAIN, &json!({"batches": []})), @"no batches");
    }
}
