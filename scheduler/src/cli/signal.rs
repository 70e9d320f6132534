//! Being told to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{CliError, Exit};

/// SIGINT and SIGTERM, from the moment it is made.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, CliError> {
        let on = |kind| signal(kind).map_err(|error| CliError::caused(Exit::Unavailable, &error));
        Ok(Self { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())? })
    }

    /// The next of them.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Does something in order, or drops it at the next signal.
    pub(super) async fn unless_again(
        &mut self,
        orderly: impl Future<Output = Result<(), CliError>>,
    ) -> Result<Exit, CliError> {
        tokio::select! {
            done = orderly => done.map(|()| Exit::Done),
            () = self.next() => Err(CliError::new(Exit::Unavailable, "stopped at once, as asked twice")),
        }
    }
}
