//! What this worker counts and how it is, over HTTP: for Prometheus, and for whoever restarts workers that are not well.
//!
//! Every connection carries one request and has one deadline, so nobody holds one for long.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
    time::Duration,
};

use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use piton_telemetry::metrics::WorkerMetrics;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    error::ConnectError,
    standing::{Registration, Standing},
};

/// Connections open at once; more wait in the listener's queue.
const CONNECTIONS: usize = 64;
/// From the connection to the end of the answer; what takes longer is cut.
const REQUEST: Duration = Duration::from_secs(10);
/// Between two tries to accept a connection after the system refused one (no file handles left, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long answers may still take once the worker has ended.
const END: Duration = Duration::from_secs(1);

/// A server that listens, and answers once it is [served](Self::serve).
#[derive(Debug)]
pub(super) struct Watched {
    listener: TcpListener,
    address: SocketAddr,
}

/// What is told to those who ask.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) metrics: WorkerMetrics,
    pub(super) registration: Registration,
}

impl Watched {
    /// Listens, if an address was given.
    pub(super) async fn listen(address: Option<SocketAddr>) -> Result<Option<Self>, ConnectError> {
        let Some(address) = address else {
            return Ok(None);
        };
        let listening = async {
            let listener = TcpListener::bind(address).await?;
            Ok::<_, io::Error>(Self { address: listener.local_addr()?, listener })
        };
        listening.await.map(Some).map_err(|source| ConnectError::Listen { address, source })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `over`, and a moment longer those who are being answered: on a thread of its own, so that no user code
    /// holds it up.
    pub(super) fn serve(self, told: Told, over: CancellationToken) -> io::Result<thread::JoinHandle<()>> {
        let Self { listener, address } = self;
        let listener = listener.into_std()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => answer_all(listener, address, told, over).await,
                Err(error) => tracing::error!(%error, %address, "failed to serve metrics and health"),
            }
        };
        thread::Builder::new().name("piton-health".to_owned()).spawn(move || runtime.block_on(serving))
    }
}

async fn answer_all(listener: TcpListener, address: SocketAddr, told: Told, over: CancellationToken) {
    tracing::info!(%address, "serving metrics and health");
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await.expect("the semaphore is never closed");
            (permit, listener.accept().await)
        };
        tokio::select! {
            biased;
            () = over.cancelled() => break,
            (permit, accepted) = next => match accepted {
                Ok((stream, peer)) => {
                    let told = told.clone();
                    connections.spawn(async move {
                        connection(stream, peer, told).await;
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
    let answered = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(END, answered).await;
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, peer: SocketAddr, told: Told) {
    let service = service_fn(|request| {
        let answer = answer(&request, &told);
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(REQUEST, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a connection broke"),
        Err(_) => tracing::debug!(%peer, "a connection took too long and is cut"),
    }
}

fn answer(request: &Request<Incoming>, told: &Told) -> Response<Text> {
    const JSON: &str = "application/json";
    const PLAIN: &str = "text/plain; charset=utf-8";
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET and HEAD are answered here\n".into());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/metrics" => text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", told.metrics.render()),
        "/health/live" => text(StatusCode::OK, JSON, r#"{"status":"live"}"#.into()),
        "/health/ready" => {
            let standing = told.registration.standing();
            let status = match standing {
                Standing::Ready => StatusCode::OK,
                Standing::Unregistered | Standing::Lapsed | Standing::Draining => StatusCode::SERVICE_UNAVAILABLE,
            };
            text(status, JSON, standing.view().into())
        }
        _ => {
            let there = "nothing is at this address; there are /metrics, /health/live and /health/ready\n";
            text(StatusCode::NOT_FOUND, PLAIN, there.into())
        }
    }
}

fn text(status: StatusCode, kind: &'static str, text: String) -> Response<Text> {
    let mut response = Response::new(Text(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A body that is there as a whole.
struct Text(Bytes);

impl Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let left = std::mem::take(&mut self.0);
        Poll::Ready((!left.is_empty()).then(|| Ok(Frame::data(left))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
