//! `piton trigger add`

use serde_json::{Map, Value, json};

use super::show;
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
    /// A CEL expression over `event` that must be true: `event.data.total > 100`.
    #[arg(long = "if", value_name = "CEL")]
    filter: Option<String>,
    /// A CEL expression over `event` that makes the input: `{'id': event.id}`.
    #[arg(long, value_name = "CEL", conflicts_with = "envelope")]
    input: Option<String>,
    /// Start it with all that is known of the event, and not by the names of its parameters.
    #[arg(long)]
    envelope: bool,
    /// Where its runs go.
    #[arg(long)]
    queue: Option<String>,
    /// Bind its runs to workers of this build.
    #[arg(long)]
    build: Option<String>,
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
        let envelope = self.envelope.then(|| "envelope".to_owned());
        let texts = [
            ("event", &self.on),
            ("provider", &self.provider),
            ("endpoint", &self.endpoint),
            ("filter", &self.filter),
            ("input", &envelope),
            ("input_expression", &self.input),
            ("queue", &self.queue),
            ("build", &self.build),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                body.insert(name.into(), json!(value));
            }
        }
        Value::Object(body)
    }
}
