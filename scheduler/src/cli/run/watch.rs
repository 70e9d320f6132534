//! `piton run watch`

use std::{collections::HashSet, time::Duration};

use serde_json::Value;

use super::{
    exit_of, is_over,
    show::{self, failure, path},
};
use crate::cli::{
    CliError, Console, Exit,
    client::Client,
    screen::{Form, Screen, between, clock, items, number, print, text},
};

/// Between two looks at a journal. The run's end is not found by looking: it is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Watch {
    /// The run's id.
    id: String,
}

impl Watch {
    /// Exits as `run start --wait` does.
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let client = console.client()?;
        let mut follow = Follow::of(&client, console.screen, path(&self.id));
        let mut state = String::new();
        loop {
            follow.entries().await?;
            let run = client.get(&format!("{}?wait={}", follow.path, LOOK_EVERY.as_secs_f64())).await?;
            if is_over(&run) {
                // What was told between the last look and the end.
                follow.entries().await?;
                console.screen.show(&run, |screen, run| format!("\n{}", show::run(screen, run)))?;
                return Ok(exit_of(&run));
            }
            if text(&run, "state") != state {
                text(&run, "state").clone_into(&mut state);
                follow.people(&standing(console.screen, &run))?;
            }
            if state == "parked" {
                // Nobody waits for it on the other side: it waits for a person.
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

/// How far a journal was printed.
struct Follow<'a> {
    client: &'a Client,
    screen: Screen,
    path: String,
    cursor: String,
    tries: HashSet<(String, i64)>,
}

impl<'a> Follow<'a> {
    fn of(client: &'a Client, screen: Screen, path: String) -> Self {
        Self { client, screen, path, cursor: "0.0".into(), tries: HashSet::new() }
    }

    /// Prints what is new.
    async fn entries(&mut self) -> Result<(), CliError> {
        loop {
            let page = self.client.get(&format!("{}/journal?limit=100&cursor={}", self.path, self.cursor)).await?;
            text(&page, "cursor").clone_into(&mut self.cursor);
            for failed in items(&page, "failed_tries") {
                if self.tries.insert((text(failed, "key").to_owned(), number(failed, "try_number"))) {
                    self.people(&failed_try(self.screen, failed))?;
                }
            }
            for entry in items(&page, "entries") {
                match self.screen.form {
                    Form::People => self.people(&told(self.screen, entry))?,
                    Form::Json => print(&format!("{entry}\n"))?,
                }
            }
            if page.get("next").is_none_or(Value::is_null) {
                return Ok(());
            }
        }
    }

    fn people(&self, line: &str) -> Result<(), CliError> {
        match self.screen.form {
            Form::People => print(&format!("{line}\n")),
            Form::Json => Ok(()),
        }
    }
}

fn told(screen: Screen, entry: &Value) -> String {
    let (word, outcome) = match entry.get("failure") {
        Some(why) => ("failed", failure(why)),
        None => ("ok", entry.get("result").map(ToString::to_string).unwrap_or_default()),
    };
    let line = format!(
        "{}  {:<6} {:<28} {:<6} {:>9}  {outcome}",
        clock(text(entry, "finished_at")),
        text(entry, "kind"),
        text(entry, "key"),
        word,
        between(text(entry, "started_at"), text(entry, "finished_at")),
    );
    screen.cut(&line).replacen(word, &screen.state(word), 1)
}

fn failed_try(screen: Screen, failed: &Value) -> String {
    let line = format!(
        "{}  {:<6} {:<28} try {} failed: {}",
        clock(text(failed, "finished_at")),
        "try",
        text(failed, "key"),
        number(failed, "try_number"),
        failure(failed.get("failure").unwrap_or(&Value::Null)),
    );
    screen.dim(&screen.cut(&line))
}

fn standing(screen: Screen, run: &Value) -> String {
    let parked = run.get("parked").map_or("", |parked| text(parked, "detail"));
    let state = text(run, "state");
    if parked.is_empty() {
        format!("{:12}  {}", "", screen.state(state))
    } else {
        format!("{:12}  {}: {parked}; once it is mended: piton run resume {}", "", screen.state(state), text(run, "id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;
    use serde_json::json;

    #[test]
    fn what_is_told_is_a_line_each() {
        let at = |millis: u32| format!("2026-11-21T10:00:00.{millis:03}000Z");
        let step = json!({
            "key": "charge_card#1", "kind": "step", "result": {"receipt": "r-1"},
            "started_at": at(0), "finished_at": at(12),
        });
        let failed = json!({
            "key": "ship#1", "kind": "step", "failure": {"message": "no carrier", "chain": ["timeout"]},
            "started_at": at(12), "finished_at": at(90),
        });
        let again = json!({"key": "ship#1", "try_number": 1, "failure": {"message": "timeout"}, "finished_at": at(50)});
        let parked = json!({"id": "0197", "state": "parked", "parked": {"detail": "the workflow panicked: x"}});
        let running = json!({"state": "running", "parked": null});
        let lines = [
            standing(PLAIN, &running),
            told(PLAIN, &step),
            failed_try(PLAIN, &again),
            told(PLAIN, &failed),
            standing(PLAIN, &parked),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
