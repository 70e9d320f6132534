//! How commands log in to NATS.

use std::{env, ffi::OsString, path::PathBuf};

use piton_transport::{NatsAuth, NatsAuthError};

use super::{CliError, Exit};

/// How to log in to NATS, where the URL does not say it. Secrets come from the environment alone, so that no list of
/// processes shows them: `PITON_NATS_USER` with `PITON_NATS_PASSWORD`, or `PITON_NATS_TOKEN`.
#[derive(Debug, clap::Args)]
pub(super) struct NatsArgs {
    /// A credentials file (JWT and seed) to log in to NATS with.
    #[arg(long, env = "PITON_NATS_CREDS", hide_env_values = true, value_name = "FILE")]
    nats_creds: Option<PathBuf>,
    /// A file with the seed of an `NKey` to log in to NATS with.
    #[arg(long, env = "PITON_NATS_NKEY", hide_env_values = true, value_name = "FILE")]
    nats_nkey: Option<PathBuf>,
    /// Certificate authorities (PEM) that may sign NATS' certificate, instead of the system's; TLS is then required.
    #[arg(long, env = "PITON_NATS_CA", hide_env_values = true, value_name = "FILE")]
    nats_ca: Option<PathBuf>,
    /// A client certificate (PEM) to present to NATS; needs its key.
    #[arg(long, env = "PITON_NATS_CERT", hide_env_values = true, value_name = "FILE")]
    nats_cert: Option<PathBuf>,
    /// The private key (PEM) of the client certificate.
    #[arg(long, env = "PITON_NATS_KEY", hide_env_values = true, value_name = "FILE")]
    nats_key: Option<PathBuf>,
}

impl NatsArgs {
    pub(super) fn auth(&self) -> Result<NatsAuth, CliError> {
        let said = |variable: &'static str| match variable {
            "PITON_NATS_CREDS" => path(self.nats_creds.as_ref()),
            "PITON_NATS_NKEY" => path(self.nats_nkey.as_ref()),
            "PITON_NATS_CA" => path(self.nats_ca.as_ref()),
            "PITON_NATS_CERT" => path(self.nats_cert.as_ref()),
            "PITON_NATS_KEY" => path(self.nats_key.as_ref()),
            secret => env::var_os(secret),
        };
        NatsAuth::read(&said).map_err(|error: NatsAuthError| {
            CliError::new(Exit::Usage, error.to_string()).advise("an option counts like the variable beside it")
        })
    }
}

fn path(path: Option<&PathBuf>) -> Option<OsString> {
    path.map(|path| path.clone().into_os_string())
}
