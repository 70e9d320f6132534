//! `piton trigger change`

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::{path, rule::RuleOptions, show};
use crate::cli::{CliError, Console, Exit, patch};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Change {
    /// The trigger's id.
    id: String,
    /// Which names it means.
    #[arg(long, value_name = "PATTERN")]
    on: Option<String>,
    /// Of a trigger on webhooks: only what this endpoint took.
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    #[command(flatten)]
    rule: RuleOptions,
    /// Put back what is so by default; may be given several times. Without `on` a trigger on webhooks means all names, without
    /// `input` parameters are found by their names.
    #[arg(long, value_name = "OPTION")]
    clear: Vec<Clear>,
}

/// What can be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Clear {
    On,
    Endpoint,
    If,
    Input,
    Queue,
    Build,
}

impl Clear {
    const fn field(self) -> &'static str {
        match self {
            Self::On => "event",
            Self::Endpoint => "endpoint",
            Self::If => "filter",
            Self::Input => "input",
            Self::Queue => "queue",
            Self::Build => "build",
        }
    }
}

impl Change {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let changed = console.client()?.patch(&path(&self.id), &self.body()?).await?;
        console.screen.show(&changed, show::trigger)?;
        Ok(Exit::Done)
    }

    fn body(&self) -> Result<Value, CliError> {
        let mut body = Map::new();
        for (name, value) in [("event", &self.on), ("endpoint", &self.endpoint)] {
            body.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
        }
        self.rule.put(&mut body);
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
        let changed = body(&["change", "x", "--on", "a.*", "--envelope", "--clear", "if", "--clear", "endpoint"]);
        let wanted = json!({"event": "a.*", "input": "envelope", "filter": null, "endpoint": null});
        assert_eq!(changed.expect("it reads"), wanted);
        assert!(body(&["change", "x", "--envelope", "--clear", "input"]).is_err());
    }
}
