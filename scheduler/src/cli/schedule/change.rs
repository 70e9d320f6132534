//! `piton schedule change`

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::{path, plan::PlanOptions, show};
use crate::cli::{CliError, Console, Exit, patch};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Change {
    /// The schedule's name.
    name: String,
    /// The workflow that it starts.
    #[arg(long)]
    workflow: Option<String>,
    /// When it fires. Its next time is then the first after now.
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
    #[command(flatten)]
    plan: PlanOptions,
    /// Put back what is so by default; may be given several times.
    #[arg(long, value_name = "OPTION")]
    clear: Vec<Clear>,
}

/// What can be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Clear {
    Tz,
    Overlap,
    CatchUp,
    Jitter,
    Input,
    Queue,
    Build,
    Tag,
}

impl Clear {
    const fn field(self) -> &'static str {
        match self {
            Self::Tz => "time_zone",
            Self::Overlap => "overlap",
            Self::CatchUp => "catch_up",
            Self::Jitter => "jitter",
            Self::Input => "input",
            Self::Queue => "queue",
            Self::Build => "build",
            Self::Tag => "tags",
        }
    }
}

impl Change {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let changed = console.client()?.patch(&path(&self.name), &self.body()?).await?;
        console.screen.show(&changed, show::schedule)?;
        Ok(Exit::Done)
    }

    fn body(&self) -> Result<Value, CliError> {
        let mut body = Map::new();
        for (name, value) in [("workflow", &self.workflow), ("expression", &self.cron)] {
            body.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
        }
        self.plan.put(&mut body)?;
        patch::cleared(body, &self.clear, Clear::field)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        change: Change,
    }

    #[test]
    fn the_body_has_what_is_changed_and_null_for_what_is_cleared() {
        let body = |line: &[&str]| Line::parse_from(line).change.body();
        let changed = body(&["change", "m", "--cron", "@daily", "--queue", "q", "--clear", "build", "--clear", "tag"]);
        assert_eq!(
            changed.expect("it reads"),
            json!({"expression": "@daily", "queue": "q", "build": null, "tags": null})
        );
        let all = Clear::value_variants().iter().map(|clear| clear.field());
        let all: std::collections::BTreeSet<_> = all.collect();
        assert_eq!(all.len(), Clear::value_variants().len());
        insta::assert_snapshot!(body(&["change", "m", "--build", "b", "--clear", "build"]).expect_err("both").text());
        insta::assert_snapshot!(body(&["change", "m"]).expect_err("nothing").text());
    }
}
