//! `piton doctor`

mod check;
mod look;

use serde_json::json;

use super::{CliError, Console, Exit, nats::NatsArgs};
use check::{Check, Verdict};

#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    /// A database to check.
    #[arg(long, env = "PITON_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// A NATS to check.
    #[arg(long, env = "PITON_NATS_URL", hide_env_values = true, value_name = "URL")]
    nats_url: Option<String>,
    #[command(flatten)]
    nats: NatsArgs,
}

impl Doctor {
    /// Exits with 1 when a check found a problem.
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let auth = self.nats.auth()?;
        let mut checks = vec![Check::ok("piton", format!("version {}", env!("CARGO_PKG_VERSION")))];
        checks.extend(look::programs().await);
        checks.extend(look::database(self.database_url.as_deref()).await);
        checks.extend(look::nats(self.nats_url.as_deref(), auth).await);
        checks.push(look::server(console).await);
        console.screen.show(&json!({ "checks": checks }), |screen, _| check::shown(screen, &checks))?;
        Ok(if checks.iter().any(|check| check.verdict == Verdict::Problem) { Exit::RunFailed } else { Exit::Done })
    }
}
