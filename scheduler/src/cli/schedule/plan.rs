//! What a schedule is told, whether it is made or changed.

use serde_json::{Map, Value, json};

use crate::cli::{CliError, run::input_of};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PlanOptions {
    /// The IANA name of the time zone that the expression means. UTC by default.
    #[arg(long = "tz", value_name = "ZONE")]
    time_zone: Option<String>,
    /// What happens when it fires while its last run goes on: `allow`, `skip`, `queue` or `cancel`. `allow` by default.
    #[arg(long, value_name = "POLICY")]
    overlap: Option<String>,
    /// What happens to firings that were missed while no scheduler ran: `skip`, `one` or `all`. `one` by default.
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
}

impl PlanOptions {
    /// Puts what was said into the body of a request, and nothing else.
    pub(super) fn put(&self, body: &mut Map<String, Value>) -> Result<(), CliError> {
        let texts = [
            ("time_zone", &self.time_zone),
            ("overlap", &self.overlap),
            ("catch_up", &self.catch_up),
            ("jitter", &self.jitter),
            ("queue", &self.queue),
            ("build", &self.build),
        ];
        body.extend(texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))));
        if let Some(input) = &self.input {
            body.insert("input".into(), input_of(input)?);
        }
        if !self.tags.is_empty() {
            body.insert("tags".into(), json!(self.tags));
        }
        Ok(())
    }
}
