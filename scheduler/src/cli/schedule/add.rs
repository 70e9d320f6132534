//! `piton schedule add`

use serde_json::{Map, Value, json};

use super::{plan::PlanOptions, show};
use crate::cli::{CliError, Console, Exit};

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
    #[command(flatten)]
    plan: PlanOptions,
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
        self.plan.put(&mut body)?;
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
