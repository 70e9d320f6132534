//! `piton trigger add`

use serde_json::{Map, Value, json};

use super::{rule::RuleOptions, show};
use crate::cli::{CliError, Console, Exit};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    /// The workflow that it starts.
    workflow: String,
    /// Which names it means: `user.signed_up`, `order.*` (any one segment), `order.**` (one or more). With --provider its own
    /// names of events, and all of them when not said.
    #[arg(long, value_name = "PATTERN", required_unless_present = "provider")]
    on: Option<String>,
    /// Only what verified webhooks of this provider bring: stripe, github, slack, standard, hmac.
    #[arg(long, value_name = "WORD")]
    provider: Option<String>,
    /// Only what this endpoint took.
    #[arg(long, value_name = "NAME", requires = "provider")]
    endpoint: Option<String>,
    #[command(flatten)]
    rule: RuleOptions,
}

impl Add {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let made = console.client()?.post("/v1/triggers", &self.body()).await?;
        console.screen.show(&made, show::trigger)?;
        Ok(Exit::Done)
    }

    fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("workflow".into(), json!(self.workflow));
        let texts = [("event", &self.on), ("provider", &self.provider), ("endpoint", &self.endpoint)];
        body.extend(texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))));
        self.rule.put(&mut body);
        Value::Object(body)
    }
}
