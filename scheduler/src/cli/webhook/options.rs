//! Arguments that several commands share: secrets, and how a generic endpoint is signed.

use std::io::Read as _;

use piton_webhook::Secret;
use serde_json::{Map, Value, json};

use crate::cli::{CliError, Exit};

/// Names the variable that has a secret: on a command line others could read it, and the shell would keep it.
pub(super) const SECRET: &str = "PITON_WEBHOOK_SECRET";

/// A secret, from where nobody else sees it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SecretOptions {
    /// The secret. Better in the variable: a command line is seen by others and kept by the shell.
    #[arg(long, env = SECRET, hide_env_values = true, value_name = "TEXT")]
    secret: Option<String>,
    /// Read the secret from standard input.
    #[arg(long)]
    secret_stdin: bool,
}

impl SecretOptions {
    pub(super) fn read(&self) -> Result<Option<Secret>, CliError> {
        let text = if self.secret_stdin {
            let mut text = String::new();
            let read = std::io::stdin().lock().take(4096).read_to_string(&mut text);
            read.map_err(|error| CliError::new(Exit::Usage, format!("standard input cannot be read: {error}")))?;
            Some(text.trim_end_matches(['\r', '\n']).to_owned())
        } else {
            self.secret.clone().filter(|text| !text.is_empty())
        };
        let checked = text.map(Secret::new).transpose();
        checked.map_err(|error| CliError::new(Exit::Usage, format!("the secret cannot be used: {error}")))
    }
}

/// How a generic endpoint is signed.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "With --provider hmac")]
pub(in crate::cli) struct HmacOptions {
    /// The header that has the signature.
    #[arg(long, value_name = "HEADER")]
    signature_header: Option<String>,
    /// The hash: sha256 (as it is when not said), sha512 or sha1.
    #[arg(long, value_name = "HASH")]
    algorithm: Option<String>,
    /// How a signature is written: hex (as it is when not said) or base64.
    #[arg(long, value_name = "ENCODING")]
    encoding: Option<String>,
    /// What stands before a signature, such as `sha256=`.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// What is signed: `{body}` (as it is when not said), `{timestamp}.{body}`, `{id}.{timestamp}.{body}` and the like.
    #[arg(long, value_name = "TEMPLATE")]
    template: Option<String>,
    /// The header that has the time in seconds.
    #[arg(long, value_name = "HEADER")]
    timestamp_header: Option<String>,
    /// The header that has the delivery's id.
    #[arg(long, value_name = "HEADER")]
    id_header: Option<String>,
    /// The header that has the event's name.
    #[arg(long, value_name = "HEADER")]
    event_header: Option<String>,
    /// Where in the body the event's name stands: `/event/type`.
    #[arg(long, value_name = "POINTER")]
    event_pointer: Option<String>,
    /// How a repeated delivery is recognized: `id` (the default with --id-header), `content` (what was signed; the default
    /// without), `id_or_content`, or `none` (each delivery is an event, a retry too).
    #[arg(long, value_name = "WHAT")]
    deduplicate_by: Option<String>,
}

impl HmacOptions {
    /// As the API takes them; none when nothing was said.
    pub(super) fn json(&self) -> Option<Value> {
        let members = [
            ("signature_header", &self.signature_header),
            ("algorithm", &self.algorithm),
            ("encoding", &self.encoding),
            ("prefix", &self.prefix),
            ("template", &self.template),
            ("timestamp_header", &self.timestamp_header),
            ("id_header", &self.id_header),
            ("event_header", &self.event_header),
            ("event_pointer", &self.event_pointer),
            ("deduplicate_by", &self.deduplicate_by),
        ];
        let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
        let given: Map<_, _> = given.collect();
        (!given.is_empty()).then_some(Value::Object(given))
    }
}
