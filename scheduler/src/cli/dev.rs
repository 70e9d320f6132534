//! `piton dev`

use std::{num::NonZeroU8, path::PathBuf};

use serde_json::json;

use super::{CliError, Console, Exit, error::chain, serve, signal::Signals};
use crate::dev::{Dev as Stack, DevError, DevOptions};

/// Starts a private Postgres and NATS and a scheduler on this machine.
#[derive(Debug, clap::Args)]
pub(super) struct Dev {
    /// Where the data lives. Two stacks side by side want two folders.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Delete the data of an earlier stack first.
    #[arg(long)]
    reset: bool,
    /// The port of the API, 0 for any. 7070 when not said, or any when that is taken.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The port of Postgres, 0 for any. 7072 when not said, or any when that is taken.
    #[arg(long, value_name = "PORT")]
    postgres_port: Option<u16>,
    /// The port of NATS, 0 for any. 7071 when not said, or any when that is taken.
    #[arg(long, value_name = "PORT")]
    nats_port: Option<u16>,
    /// How many schedulers, each with an API of its own.
    #[arg(long, default_value = "1", value_name = "N")]
    schedulers: NonZeroU8,
}

impl Dev {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let mut signals = Signals::listen()?;
        let options = DevOptions {
            data: self.data,
            port: self.port,
            postgres_port: self.postgres_port,
            nats_port: self.nats_port,
            schedulers: self.schedulers,
        };
        if self.reset {
            options.reset().await.map_err(|error| failed(&error))?;
        }
        // A stack that is being started is dropped by a signal, and its servers go with it.
        let stack = tokio::select! {
            started = Stack::start(&options) => started.map_err(|error| failed(&error))?,
            () = signals.next() => return Ok(Exit::Done),
        };
        let places = stack.places();
        let printed = console.screen.show(&json!(places), |_, _| places.banner());
        if printed.is_ok() {
            signals.next().await;
            eprintln!("stopping; Ctrl-C again stops at once");
        }
        let stopped =
            signals.unless_again(Box::pin(async { stack.stop().await.map_err(|error| failed(&error)) })).await;
        printed.and(stopped)
    }
}

fn failed(error: &DevError) -> CliError {
    match error {
        // These texts say themselves what to do.
        DevError::Stack(error) => CliError::new(Exit::Unavailable, chain(error)),
        DevError::Port { .. } => CliError::caused(Exit::Unavailable, error).advise("--port chooses another"),
        DevError::Database(_) => CliError::caused(Exit::Unavailable, error),
        DevError::Schema(_) => CliError::caused(Exit::Unavailable, error)
            .advise("was the data made by a newer build? `piton dev --reset` deletes it"),
        DevError::Door(error) => serve::failed(error),
    }
}
