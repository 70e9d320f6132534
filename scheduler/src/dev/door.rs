//! A scheduler with its API, opened and closed in order.

use std::{io, net::SocketAddr};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, Access, ServeError},
    server::{Scheduler, SchedulerOptions, StartupError},
};

/// A scheduler that serves its API.
pub struct Door {
    address: SocketAddr,
    scheduler: Scheduler,
    pub(super) serving: JoinHandle<Result<(), ServeError>>,
    shutdown: CancellationToken,
    /// Cancelled when the API is not served any more, for whatever reason.
    ended: CancellationToken,
    health: Option<Health>,
}

/// The listener for health and figures, and what ends it.
struct Health {
    serving: JoinHandle<()>,
    stop: CancellationToken,
}

/// Why it did not open, or not close in order.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The scheduler did not start.
    #[error("the scheduler did not start")]
    Startup(#[from] StartupError),
    /// The API is not served.
    #[error("the API cannot be served")]
    Serve(#[from] ServeError),
    /// The task that served the API ended by itself.
    #[error("the API's task ended by a panic")]
    Died,
}

impl Door {
    /// Starts a scheduler and serves its API on the listener, and health and figures on another if there is one.
    pub async fn open(
        listener: TcpListener,
        health: Option<TcpListener>,
        access: Access,
        options: SchedulerOptions,
    ) -> Result<Self, DoorError> {
        let address = listener.local_addr().map_err(|error: io::Error| ServeError::Address(error))?;
        access.check(address).map_err(ServeError::NotLoopback)?;
        let scheduler = Box::pin(Scheduler::start(options)).await?;
        let shutdown = CancellationToken::new();
        let ended = CancellationToken::new();
        let ending = ended.clone().drop_guard();
        let served = api::serve(listener, scheduler.engine(), access, shutdown.clone());
        let serving = tokio::spawn(async move {
            // Also a panic ends it.
            let _ending = ending;
            served.await
        });
        let health = health.map(|listener| {
            let stop = CancellationToken::new();
            let served = api::serve_health(listener, scheduler.engine(), shutdown.clone(), stop.clone());
            Health { serving: tokio::spawn(served), stop }
        });
        Ok(Self { address, scheduler, serving, shutdown, ended, health })
    }

    /// Where the API is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the API is not served any more though nobody closed it; [`close`](Self::close) then says why.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Answers who waits, finishes what is under way, then stops the scheduler.
    pub async fn close(self) -> Result<(), DoorError> {
        self.shutdown.cancel();
        let served = self.serving.await;
        let mut health = Ok(());
        // Until now it says that the scheduler is stopping.
        if let Some(Health { serving, stop }) = self.health {
            stop.cancel();
            health = serving.await;
        }
        self.scheduler.shutdown().await;
        health.map_err(|_| DoorError::Died)?;
        served.map_err(|_| DoorError::Died)?.map_err(DoorError::Serve)
    }
}
