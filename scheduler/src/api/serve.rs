//! Listening: connections within bounds, and an orderly end.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper::{Request, body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{
    access::{Access, NotLoopback},
    limits::{self, Times},
    routes,
    share::Shares,
};
use crate::engine::Engine;

/// The other end of a request's connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Between two tries to accept a connection after the system refused one (no file handles left, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the door did not open.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener does not say where it listens.
    #[error("failed to read the listener's address")]
    Address(#[source] io::Error),
    /// Without keys, on an address that others reach.
    #[error(transparent)]
    NotLoopback(#[from] NotLoopback),
}

/// Serves the API until `shutdown` is cancelled; then takes no new connection, answers at once those who wait for a
/// run, and lets what is under way finish within ten seconds.
///
/// # Errors
/// Before the first request only: [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    access: Access,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    serve_within(Times::default(), listener, engine, access, shutdown).await
}

/// As [`serve`], with other times for the parts of a request.
///
/// # Errors
/// Those of [`serve`].
pub async fn serve_within(
    times: Times,
    listener: TcpListener,
    engine: Engine,
    access: Access,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(ServeError::Address)?;
    access.check(address)?;
    let store = engine.store().clone();
    let (router, uses) = routes::router(engine, access, times, shutdown.clone());
    tracing::info!(%address, access = ?access, "serving the API");
    let bounds = Bounds { head: times.head, connections: times.connections };
    tokio::join!(accept(listener, &router, bounds, &shutdown), uses.note(store, shutdown.clone()));
    tracing::info!(%address, "stopped serving the API");
    Ok(())
}

/// Serves health and figures alone, on a listener that nobody but who runs the scheduler should reach, until `stop` is
/// cancelled. Says that the scheduler is stopping once `closing` is cancelled.
pub async fn serve_health(listener: TcpListener, engine: Engine, closing: CancellationToken, stop: CancellationToken) {
    let router = routes::health_router(engine, closing);
    let bounds = Bounds { head: limits::HEALTH_HEAD, connections: limits::HEALTH_CONNECTIONS };
    accept(listener, &router, bounds, &stop).await;
}

/// What connections are held to.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// How long the head of a request may take.
    head: Duration,
    /// How many there may be.
    connections: usize,
}

/// Accepts always, so that nothing waits in the listener's queue behind connections that say nothing: one too many, of all
/// or of its peer's, is closed at once.
async fn accept(listener: TcpListener, router: &Router, bounds: Bounds, shutdown: &CancellationToken) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let peers = Shares::half_of(bounds.connections);
    let ends = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let place = Arc::clone(&places).try_acquire_owned().ok();
                    let Some(place) = place.zip(peers.take(&peer.ip())) else {
                        tracing::debug!(%peer, "closed a connection: as many as there may be are open");
                        continue;
                    };
                    let connection = connection(stream, peer, router.clone(), bounds.head, ends.watcher());
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    if tokio::time::timeout(limits::DRAIN, ends.shutdown()).await.is_err() {
        tracing::warn!("some connections did not finish in time and are cut");
    }
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, head: Duration, watcher: Watcher) {
    // Answers are small and somebody waits for each.
    let _ = stream.set_nodelay(true);
    let router = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a connection broke");
    }
}
