//! `piton schedule add`

use serde_json::{Map, Value, json};

use super::show;
use crate::cli::{CliError, Console, Exit, run::input_of};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    /// The schedule's name.
    name: String,
    /// The workflow that it starts.
    #[arg(long)]
    workflow: String,
    /// When it fires: `0 9 * * 1-5`, with the second first `30 0 9 * * *`, or a word such as `@daily`.
    #[arg(long, value_name = "EXPRESSION")]
    cron: String,
    /// The IANA name of the time zone that this means. UTC when not said.
    #[arg(long = "tz", value_name = "ZONE")]
    time_zone: Option<String>,
    /// What happens when it fires while its last run goes on: `allow`, `skip`, `queue` or `cancel`. `allow` when not said.
    #[arg(long, value_name = "POLICY")]
    overlap: Option<String>,
    /// What happens to firings that were missed while no scheduler ran: `skip`, `one` or `all`. `one` when not said.
    #[arg(long, value_name = "POLICY")]
    catch_up: Option<String>,
    /// Put each firing off by a time up to this: `30s`, `10m`.
    #[arg(long, value_name = "TIME")]
    jitter: Option<String>,
    /// The input of its runs: JSON, `@FILE`, or `-` for standard input.
    #[arg(long, value_name = "JSON|@FILE|-")]
    input: Option<String>,
    /// The queue its runs go to.
    #[arg(long)]
    queue: Option<String>,
    /// Bind its runs to workers of this build.
    #[arg(long)]
    build: Option<String>,
    /// A word to find its runs by; may be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Make it paused.
    #[arg(long)]
    paused: bool,
}

impl Add {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let made = console.client()?.post("/v1/schedules", &self.body()?).await?;
        console.screen.show(&made, show::schedule)?;
        Ok(Exit::Done)
    }

    fn body(&self) -> Result<Value, CliError> {
        let mut body = Map::new();
        let texts = [("name", &self.name), ("workflow", &self.workflow), ("expression", &self.cron)];
        body.extend(texts.map(|(name, value)| (name.to_owned(), json!(value))));
        let more = [
            ("time_zone", &self.time_zone),
            ("overlap", &self.overlap),
            ("catch_up", &self.catch_up),
            ("jitter", &self.jitter),
            ("queue", &self.queue),
            ("build", &self.build),
        ];
        body.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))));
        if let Some(input) = &self.input {
            body.insert("input".into(), input_of(input)?);
        }
        if !self.tags.is_empty() {
            body.insert("tags".into(), json!(self.tags));
        }
        if self.paused {
            body.insert("state".into(), json!("paused"));
        }
        Ok(Value::Object(body))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        add: Add,
    }

    #[test]
    fn the_body_has_what_was_said_and_nothing_else() {
        let body = |line: &[&str]| Line::parse_from(line).add.body().expect("it reads");
        assert_eq!(
            body(&["add", "morning", "--workflow", "report", "--cron", "@daily"]),
            json!({"name": "morning", "workflow": "report", "expression": "@daily"})
        );
        let all = [
            "add",
            "m",
            "--workflow",
            "r",
            "--cron",
            "0 9 * * *",
            "--tz",
            "Europe/Berlin",
            "--overlap",
            "skip",
            "--catch-up",
            "all",
            "--jitter",
            "5m",
            "--input",
            "{\"a\": 1}",
            "--queue",
            "q",
            "--build",
            "b",
            "--tag",
            "t",
            "--tag",
            "u",
            "--paused",
        ];
        insta::assert_snapshot!(format!("{:#}", body(&all)));
    }
}
