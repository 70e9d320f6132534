//! When a worker is to stop.

use std::io;

use tokio::sync::watch;

/// How urgently a worker is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    /// It goes on.
    No,
    /// It takes nothing new, finishes what runs, and leaves.
    Drain,
    /// It leaves at once.
    Now,
}

/// The first of SIGTERM and SIGINT asks to drain, the second to leave at once.
#[cfg(unix)]
pub(super) async fn listen(stop: watch::Sender<Stop>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    for urgency in [Stop::Drain, Stop::Now] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(?urgency, "told to stop");
        stop.send_replace(urgency);
    }
    std::future::pending().await
}

/// The first Ctrl-C asks to drain, the second to leave at once.
#[cfg(not(unix))]
pub(super) async fn listen(stop: watch::Sender<Stop>) -> io::Result<()> {
    for urgency in [Stop::Drain, Stop::Now] {
        tokio::signal::ctrl_c().await?;
        tracing::info!(?urgency, "told to stop");
        stop.send_replace(urgency);
    }
    std::future::pending().await
}

/// Returns once a worker is to stop that urgently at least.
pub(super) async fn wanted(stop: &mut watch::Receiver<Stop>, urgency: Stop) {
    if stop.wait_for(|stop| *stop >= urgency).await.is_err() {
        // Nobody is left who could say so.
        std::future::pending::<()>().await;
    }
}
