//! `piton schedule firings`

use piton_shared::limits::PAGE_DEFAULT;
use serde_json::Value;

use super::path;
use crate::cli::{
    CliError, Console, Exit,
    screen::{Screen, items, number, second, text},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Firings {
    /// The schedule's name.
    name: String,
    /// How many.
    #[arg(long, default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=500), value_name = "N")]
    limit: u32,
    /// Go on where an earlier page ended.
    #[arg(long)]
    cursor: Option<String>,
}

impl Firings {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let mut path = format!("{}/firings?limit={}", path(&self.name), self.limit);
        if let Some(cursor) = &self.cursor {
            path.extend(["&cursor=", &crate::api::escape(cursor)]);
        }
        let page = console.client()?.get(&path).await?;
        console.screen.show(&page, firings)?;
        Ok(Exit::Done)
    }
}

fn firings(screen: Screen, page: &Value) -> String {
    let row = |firing: &Value| {
        let what = match text(firing, "outcome") {
            "started" => text(firing, "run_id").to_owned(),
            "missed" => format!("{} since {}", number(firing, "count"), second(text(firing, "first_at"))),
            _ => text(firing, "reason").to_owned(),
        };
        let outcome = match text(firing, "cause") {
            "trigger" => format!("{} by hand", text(firing, "outcome")),
            _ => text(firing, "outcome").to_owned(),
        };
        vec![second(text(firing, "occurrence")), outcome, what]
    };
    let rows: Vec<_> = items(page, "firings").iter().map(row).collect();
    if rows.is_empty() {
        return "it has fired nothing\n".into();
    }
    let mut shown = screen.table(&["TIME", "OUTCOME", ""], rows);
    let cursor = text(page, "next_cursor");
    if !cursor.is_empty() {
        shown.push_str(&screen.dim(&format!("more: --cursor {cursor}")));
        shown.push('\n');
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn firings_are_a_table_with_what_became_of_each() {
        let firing = |outcome: &str, cause: &str| {
            json!({
                "occurrence": "2026-11-26T08:00:00.000000Z", "cause": cause, "outcome": outcome, "count": 7,
                "first_at": "2026-11-20T08:00:00.000000Z", "run_id": "0197a000-0000-7000-8000-000000000001", "reason": null,
            })
        };
        let mut refused = firing("refused", "rhythm");
        refused["reason"] = json!("the workflow does not take the input");
        let page = json!({
            "firings": [firing("started", "trigger"), firing("started", "rhythm"), firing("skipped", "rhythm"), firing("missed", "rhythm"), refused],
            "next_cursor": "5",
        });
        insta::assert_snapshot!(firings(PLAIN, &page));
        insta::assert_snapshot!(firings(PLAIN, &json!({"firings": []})), @"it has fired nothing");
    }
}
