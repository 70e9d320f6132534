//! What a trigger does with events, whether it is made or changed.

use serde_json::{Map, Value, json};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RuleOptions {
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

impl RuleOptions {
    /// Puts what was said into the body of a request, and nothing else.
    pub(super) fn put(&self, body: &mut Map<String, Value>) {
        let envelope = self.envelope.then(|| "envelope".to_owned());
        let texts = [
            ("filter", &self.filter),
            ("input", &envelope),
            ("input_expression", &self.input),
            ("queue", &self.queue),
            ("build", &self.build),
        ];
        body.extend(texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))));
    }
}
