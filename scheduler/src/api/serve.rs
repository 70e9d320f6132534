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
    let router = routes::router(engine, access, times, shutdown.clone());
    tracing::info!(%address, access = ?access, "serving the API");
    accept(listener, &router, times.head, &shutdown).await;
    tracing::info!(%address, "stopped serving the API");
    Ok(())
}

async fn accept(listener: TcpListener, router: &Router, head: Duration, shutdown: &CancellationToken) {
    let room = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let ends = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await.expect("the semaphore is never closed");
            (permit, listener.accept().await)
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            (permit, accepted) = next => match accepted {
                Ok((stream, peer)) => {
                    let connection = connection(stream, peer, router.clone(), head, ends.watcher());
                    connections.spawn(async move {
                        connection.await;
                        drop(permit);
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
