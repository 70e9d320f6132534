//! `piton dev`

use std::{ffi::OsString, io, num::NonZeroU8, path::PathBuf, process::ExitStatus};

use serde_json::json;

use super::{
    CliError, Console, Exit,
    error::chain,
    serve,
    signal::{End, Signals},
};
use crate::dev::{Beside, BesideError, Dev as Stack, DevError, DevOptions};

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
    /// A command to run beside the stack, with the stack's addresses in its environment: `piton dev -- cargo run`. The
    /// stack stops when it ends, and it is asked to stop when the stack is.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
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
        let mut beside = match (&printed, self.command.as_slice()) {
            (Ok(()), command @ [_, ..]) => Some(Beside::start(command, places)),
            (Ok(()) | Err(_), _) => None,
        };
        let mut ended = Ok(Exit::Done);
        match &mut beside {
            Some(Ok(command)) => tokio::select! {
                status = command.ended() => ended = came_to(status),
                () = until_over(&mut signals, &stack) => {}
            },
            Some(Err(error)) => ended = Err(not_started(error)),
            None if printed.is_ok() => until_over(&mut signals, &stack).await,
            None => {}
        }
        let stopping = async {
            // The command first, so that a worker can say goodbye.
            if let Some(Ok(command)) = beside {
                command.stop().await.map_err(|error| CliError::caused(Exit::Unavailable, &error))?;
            }
            stack.stop().await.map_err(|error| failed(&error))
        };
        let stopped = signals.unless_again(Box::pin(stopping)).await;
        printed.and(stopped).and(ended)
    }
}

/// Waits until somebody asks the stack to stop, or it serves no more; stopping it then says why.
async fn until_over(signals: &mut Signals, stack: &Stack) {
    match signals.or(stack.ended()).await {
        End::Asked => eprintln!("stopping; Ctrl-C again stops at once"),
        End::Itself => {}
    }
}

/// What the command beside the stack came to is what `piton dev` comes to.
fn came_to(status: io::Result<ExitStatus>) -> Result<Exit, CliError> {
    match status {
        Ok(status) if status.success() => Ok(Exit::Done),
        Ok(status) => Err(CliError::new(Exit::RunFailed, format!("the command beside the stack ended with {status}"))),
        Err(error) => Err(CliError::caused(Exit::Unavailable, &error)),
    }
}

fn not_started(error: &BesideError) -> CliError {
    match error {
        BesideError::NotFound { .. } => CliError::caused(Exit::Usage, error)
            .advise("what stands behind `--` is a program on PATH with its arguments: `piton dev -- cargo run`"),
        BesideError::Refused { .. } => CliError::caused(Exit::Unavailable, error),
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
