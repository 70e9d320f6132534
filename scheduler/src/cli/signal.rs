//! Being told to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{CliError, Exit};

/// Why something that serves comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Somebody asked for it.
    Asked,
    /// It serves no more, though nobody asked for that.
    Itself,
}

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

    /// The next of them, or the end of what serves: a scheduler without a door is of no use to callers, and whoever watches the
    /// process should know.
    pub(super) async fn or(&mut self, ended: impl Future<Output = ()>) -> End {
        tokio::select! {
            () = self.next() => End::Asked,
            () = ended => End::Itself,
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_serves_no_more_ends_without_a_signal() {
        let mut signals = Signals::listen().expect("signals can be listened for");
        assert_eq!(signals.or(ready(())).await, End::Itself);
        assert_eq!(signals.or(pending()).now_or_never(), None);
    }
}
