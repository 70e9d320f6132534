//! `piton run watch`

use serde_json::{Value, json};

use super::{
    exit_of,
    progress::Progress,
    show::{self, failure, path},
};
use crate::cli::{
    CliError, Console, Exit,
    follow::{Event, Follow},
    screen::{Form, Screen, between, clock, held, number, print, released, text},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Watch {
    /// The run's id.
    id: String,
}

impl Watch {
    /// Exits as `run start --wait` does.
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let client = console.client()?;
        let path = path(&self.id);
        let mut follow = Follow::of(&client, format!("{path}/progress"));
        let mut progress = Progress::beside(console.screen);
        while let Some(event) = follow.next().await? {
            let laid_out = event.held();
            match console.screen.form {
                // How it ended is shown with the whole run.
                Form::People if event.name == "end" => {}
                Form::People => {
                    let line = released(&line(console.screen, &self.id, &laid_out));
                    progress.aside(|| print(&format!("{line}\n")))?;
                }
                Form::Json => {
                    let object = json!({ "event": event.name, "id": event.id, "data": event.data });
                    print(&format!("{object}\n"))?;
                }
            }
            progress.told(&laid_out, |screen| line(screen, &self.id, &laid_out));
            if event.name == "end" {
                break;
            }
        }
        drop(progress);
        let run = client.get(&path).await?;
        if console.screen.form == Form::People {
            print(&format!("\n{}", released(&show::run(console.screen, &held(&run)))))?;
        }
        Ok(exit_of(&run))
    }
}

/// An event as a line.
pub(super) fn line(screen: Screen, id: &str, event: &Event) -> String {
    match &*event.name {
        "step" => told(screen, &event.data),
        "try" => failed_try(screen, &event.data),
        // How it ended is one more way to stand.
        _ => standing(screen, id, &event.data),
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

fn standing(screen: Screen, id: &str, run: &Value) -> String {
    let parked = run.get("parked").map_or("", |parked| text(parked, "detail"));
    let paused = if text(run, "paused_at").is_empty() { "" } else { ", paused" };
    let state = text(run, "state");
    if parked.is_empty() {
        format!("{:12}  {}{paused}", "", screen.state(state))
    } else {
        format!("{:12}  {}: {parked}; once it is mended: piton run resume {}", "", screen.state(state), id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

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
        let parked = json!({"state": "parked", "parked": {"detail": "the workflow panicked: x"}});
        let running = json!({"state": "running", "parked": null});
        let lines = [
            standing(PLAIN, "0197", &running),
            told(PLAIN, &step),
            failed_try(PLAIN, &again),
            told(PLAIN, &failed),
            standing(PLAIN, "0197", &parked),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
