//! When a worker is to stop, and what if it does not: on a thread of its own, which no user code holds up.

use std::{io, process, thread, time::Duration};

use tokio::sync::{oneshot, watch};

use super::{error::RunError, polls::Polls};

/// How long a worker that was told twice may take to say that it leaves. Usually it takes a moment.
const AT_ONCE: Duration = Duration::from_secs(3);
/// How long a worker may take to leave once its time to drain is over.
const LEAVES: Duration = Duration::from_secs(10);
/// How long the process may take to end after the worker has left, if functions were left behind that cannot be stopped.
const ENDS: Duration = Duration::from_secs(2);

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

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It has not.
    NotYet,
    /// With everything that it executed.
    Whole,
    /// Code was left behind that cannot be stopped: a process with it would never end by itself.
    LeftBehind {
        /// What the process ends with: not 0 if the worker has failed.
        code: i32,
    },
}

impl Ending {
    /// How a worker ended; `polls` are those of the code that it executed.
    pub(super) fn of(ended: &Result<(), RunError>, polls: &Polls) -> Self {
        if !polls.any_inside() {
            return Self::Whole;
        }
        if let Err(error) = ended {
            // The process may end before the caller has shown it.
            tracing::error!(error = error as &dyn std::error::Error, "the worker has failed");
        }
        Self::LeftBehind { code: i32::from(ended.is_err()) }
    }
}

/// Hears signals until the worker is over. Dropped before, it hears no more.
#[derive(Debug)]
pub(super) struct Signals {
    over: watch::Sender<Ending>,
}

impl Signals {
    /// The first signal asks `stop` to drain, the second to leave at once. A process whose worker does neither in time ends.
    pub(super) async fn listen(stop: watch::Sender<Stop>, drain: Duration) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (over, watched) = watch::channel(Ending::NotYet);
        let (ready, listening) = oneshot::channel();
        thread::Builder::new()
            .name("piton-signals".to_owned())
            .spawn(move || runtime.block_on(hear(&stop, drain, watched, ready)))?;
        listening.await.unwrap_or_else(|_| Err(io::Error::other("the thread that hears signals has panicked")))?;
        Ok(Self { over })
    }

    /// The worker is over.
    pub(super) fn end(self, ending: Ending) {
        self.over.send_replace(ending);
    }
}

#[expect(clippy::disallowed_methods, reason = "user code that does not return would keep the process for ever")]
async fn hear(
    stop: &watch::Sender<Stop>,
    drain: Duration,
    mut over: watch::Receiver<Ending>,
    ready: oneshot::Sender<io::Result<()>>,
) {
    let mut heard = match Heard::new() {
        Ok(heard) => heard,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    let stopping = async {
        heard.next().await;
        tracing::info!("told to stop: draining");
        stop.send_replace(Stop::Drain);
        tokio::select! {
            () = heard.next() => {}
            () = tokio::time::sleep(drain.saturating_add(LEAVES)) => {
                tracing::error!("the worker does not leave: user code keeps all of its threads; the process ends, and its lease will");
                process::exit(1);
            }
        }
        tracing::info!("told to stop again: leaving at once");
        stop.send_replace(Stop::Now);
        tokio::select! {
            () = heard.next() => {}
            () = tokio::time::sleep(AT_ONCE) => {}
        }
        tracing::warn!("the worker did not leave at once: the process ends, and its lease will");
        process::exit(1);
    };
    tokio::select! {
        biased;
        // An error means that the worker's future was dropped: whoever dropped it goes on.
        _ = over.wait_for(|over| *over != Ending::NotYet) => {}
        () = stopping => {}
    }
    let ending = *over.borrow();
    match ending {
        Ending::LeftBehind { code } => {
            tokio::time::sleep(ENDS).await;
            tracing::warn!("the worker has left; the process ends without the functions that cannot be stopped");
            process::exit(code);
        }
        // Code that was given to threads for blocking work may keep the process, and its signals are heard here alone.
        Ending::Whole if *stop.borrow() != Stop::No => {
            heard.next().await;
            tracing::warn!("told to stop again after the worker has left: the process ends");
            process::exit(1);
        }
        Ending::Whole | Ending::NotYet => {}
    }
}

/// SIGTERM and SIGINT, or Ctrl-C.
#[cfg(unix)]
struct Heard {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Heard {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Heard;

#[cfg(not(unix))]
impl Heard {
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Returns once a worker is to stop that urgently at least.
pub(super) async fn wanted(stop: &mut watch::Receiver<Stop>, urgency: Stop) {
    if stop.wait_for(|stop| *stop >= urgency).await.is_err() {
        // Nobody is left who could say so.
        std::future::pending::<()>().await;
    }
}
