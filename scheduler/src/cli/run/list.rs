//! `piton run list`

use piton_shared::{limits::PAGE_DEFAULT, state::RunState};
use serde_json::{Value, json};

use super::show::{failure, standing};
use crate::cli::{
    CliError, Console, Exit,
    screen::{Screen, between, items, second, text, words},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Only runs in this state.
    #[arg(long)]
    state: Option<RunState>,
    /// Only runs of this workflow.
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Only runs of this session.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only runs with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// How many.
    #[arg(long, default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=500), value_name = "N")]
    limit: u32,
    /// Go on where an earlier page ended.
    #[arg(long)]
    cursor: Option<String>,
}

impl List {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let state = self.state.map(|state| state.to_string());
        let pairs = [
            ("state", &state),
            ("workflow", &self.workflow),
            ("session_id", &self.session),
            ("tag", &self.tag),
            ("cursor", &self.cursor),
        ];
        let mut query = format!("limit={}", self.limit);
        for (name, value) in pairs {
            if let Some(value) = value {
                query.extend(["&", name, "=", &crate::api::escape(value)]);
            }
        }
        let page = console.client()?.get(&format!("/v1/runs?{query}")).await?;
        console.screen.show(&page, runs)?;
        Ok(Exit::Done)
    }
}

fn runs(screen: Screen, page: &Value) -> String {
    let rows: Vec<_> = items(page, "runs").iter().map(|run| row(screen, run)).collect();
    if rows.is_empty() {
        return "no runs\n".into();
    }
    let mut shown = screen.table(&["RUN", "WORKFLOW", "STATE", "CREATED", "TOOK", ""], rows);
    let cursor = text(page, "next_cursor");
    if !cursor.is_empty() {
        shown.push_str(&screen.dim(&format!("more: --cursor {cursor}")));
        shown.push('\n');
    }
    shown
}

fn row(screen: Screen, run: &Value) -> Vec<String> {
    let nothing = json!({});
    let why = match text(run, "state") {
        "parked" => text(run.get("parked").unwrap_or(&nothing), "detail").to_owned(),
        "failed" | "cancelled" => failure(run.get("failure").unwrap_or(&nothing)),
        _ => words(run, "tags"),
    };
    vec![
        text(run, "id").to_owned(),
        text(run, "workflow").to_owned(),
        standing(screen, run),
        second(text(run, "created_at")),
        between(text(run, "created_at"), text(run, "finished_at")),
        why.lines().next().unwrap_or("").chars().take(120).collect(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    fn page() -> Value {
        let run = |n: u8, state: &str| {
            json!({
                "id": format!("0197a000-0000-7000-8000-00000000000{n}"), "workflow": "order", "state": state,
                "created_at": "2026-11-21T10:00:00.000000Z", "finished_at": "2026-11-21T10:00:02.500000Z",
                "tags": ["vip"], "failure": {"message": "charging", "chain": ["declined"]},
                "parked": {"detail": "the workflow panicked: index out of bounds: the length is 3 but the index is 7"},
            })
        };
        json!({"runs": [run(1, "completed"), run(2, "failed"), run(3, "parked")], "next_cursor": "abc"})
    }

    #[test]
    fn runs_are_a_table_that_fits() {
        insta::assert_snapshot!(runs(PLAIN, &page()));
        insta::assert_snapshot!(runs(Screen { width: Some(160), ..PLAIN }, &page()));
        insta::assert_snapshot!(runs(PLAIN, &json!({"runs": []})), @"no runs");
    }
}
