//! `piton batch results`

use piton_shared::limits::PAGE_DEFAULT;
use serde_json::{Value, json};

use super::Which;
use crate::cli::{
    CliError, Console, Exit,
    run::failure,
    screen::{Screen, between, items, number, text},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Results {
    #[command(flatten)]
    which: Which,
    /// How many.
    #[arg(long, default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=500), value_name = "N")]
    limit: u32,
    /// Go on after this item.
    #[arg(long)]
    cursor: Option<String>,
}

impl Results {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let mut path = format!("{}/results?limit={}", self.which.path(), self.limit);
        if let Some(cursor) = &self.cursor {
            path.extend(["&cursor=", &crate::api::escape(cursor)]);
        }
        let page = console.client()?.get(&path).await?;
        console.screen.show(&page, results)?;
        Ok(Exit::Done)
    }
}

fn results(screen: Screen, page: &Value) -> String {
    let rows: Vec<_> = items(page, "results").iter().map(|item| row(screen, item)).collect();
    if rows.is_empty() {
        return "no items\n".into();
    }
    let mut shown = screen.table(&["ITEM", "ID", "STATUS", "TRY", "TOOK", ""], rows);
    if !text(page, "next").is_empty() {
        shown.push_str(&screen.dim(&format!("more: --cursor {}", text(page, "cursor"))));
        shown.push('\n');
    }
    shown
}

fn row(screen: Screen, item: &Value) -> Vec<String> {
    let nothing = json!({});
    let came_to = match text(item, "status") {
        "completed" => item.get("result").map(Value::to_string).unwrap_or_default(),
        "failed" => failure(item.get("failure").unwrap_or(&nothing)),
        _ => String::new(),
    };
    let tries = number(item, "try_number");
    vec![
        number(item, "item").to_string(),
        text(item, "id").to_owned(),
        screen.state(text(item, "status")),
        if tries > 0 { tries.to_string() } else { String::new() },
        between(text(item, "started_at"), text(item, "finished_at")),
        came_to.lines().next().unwrap_or("").chars().take(120).collect(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn results_are_a_table_in_the_order_of_the_items() {
        let (from, to) = ("2026-11-21T10:00:00.000000Z", "2026-11-21T10:00:00.250000Z");
        let page = json!({
            "status": "running",
            "results": [
                {"item": 1, "id": "a", "status": "completed", "result": {"pages": 3}, "try_number": 1, "started_at": from, "finished_at": to},
                {"item": 2, "id": null, "status": "failed", "failure": {"message": "reading", "chain": ["no such file"]}, "try_number": 3, "started_at": from, "finished_at": to},
                {"item": 3, "id": null, "status": "running", "try_number": 0, "started_at": null, "finished_at": null},
            ],
            "cursor": "3", "next": "/v1/batches/x/results?limit=3&cursor=3",
        });
        insta::assert_snapshot!(results(PLAIN, &page));
        insta::assert_snapshot!(results(PLAIN, &json!({"results": []})), @"no items");
    }
}
