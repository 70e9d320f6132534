//! A client of the HTTP API that costs little: the one who measures should not be what is measured.

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body as _, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, RETRY_AFTER},
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

/// Longer than any answer of the API may take, waiting for a run included.
const ANSWER: Duration = Duration::from_mins(1);
/// Connections that are kept for the next request.
const IDLE_CONNECTIONS: usize = 1024;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// One scheduler's API. Connections are kept open and opened as needed, one request at a time on each.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    authorization: Option<String>,
    idle: Mutex<Vec<Connection>>,
}

/// Why there was no answer. Whether the request took effect is not known, except after [`ApiError::Connect`].
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nobody listens there.
    #[error("failed to connect to {address}")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The connection broke, or what came is not HTTP.
    #[error("failed to talk to {address}")]
    Talk {
        /// To whom.
        address: SocketAddr,
        /// Why not.
        source: hyper::Error,
    },
    /// The connection was closed before the answer.
    #[error("{address} closed the connection before it answered")]
    Closed {
        /// Who.
        address: SocketAddr,
    },
    /// No answer in a minute.
    #[error("{address} did not answer within {ANSWER:?}")]
    TooSlow {
        /// Who.
        address: SocketAddr,
    },
    /// The request cannot be written.
    #[error("failed to build the request")]
    Build(#[from] hyper::http::Error),
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Of the header `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A text member of the body's object; empty if it is not there.
    pub fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_default().to_owned()
    }
}

impl Api {
    /// A client; nothing is connected yet.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, authorization: None, idle: Mutex::default() }
    }

    /// With an API key.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        self.authorization = Some(format!("Bearer {key}"));
        self
    }

    /// The address in a browser or for the CLI.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Answer, ApiError> {
        self.request(self.head("GET", path).body(Bytes::new())?).await
    }

    /// Sends JSON.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Result<Answer, ApiError> {
        self.request(self.head("POST", path).body(body.into())?).await
    }

    /// Sends a body with these headers and without the API key, as a provider of webhooks does.
    pub async fn deliver(&self, path: &str, headers: &[(&str, &str)], body: String) -> Result<Answer, ApiError> {
        let head = Request::builder().method("POST").uri(path).header(HOST, self.address.to_string());
        let head = headers.iter().fold(head, |head, (name, value)| head.header(*name, *value));
        self.request(head.body(body.into())?).await
    }

    /// Starts a run: the body as in the documentation of the API, the query such as `?wait=30s`.
    pub async fn start(&self, query: &str, body: impl Into<Bytes>, key: Option<&str>) -> Result<Answer, ApiError> {
        let mut head = self.head("POST", &format!("/v1/runs{query}"));
        if let Some(key) = key {
            head = head.header(IDEMPOTENCY_KEY, key);
        }
        self.request(head.body(body.into())?).await
    }

    /// Starts a run within a trace, as W3C `traceparent`.
    pub async fn start_traced(&self, query: &str, body: impl Into<Bytes>, trace: &str) -> Result<Answer, ApiError> {
        let head = self.head("POST", &format!("/v1/runs{query}")).header("traceparent", trace);
        self.request(head.body(body.into())?).await
    }

    fn head(&self, method: &str, path: &str) -> hyper::http::request::Builder {
        let mut head = Request::builder().method(method).uri(path).header(HOST, self.address.to_string());
        if method == "POST" {
            head = head.header(CONTENT_TYPE, "application/json");
        }
        if let Some(key) = &self.authorization {
            head = head.header(AUTHORIZATION, key);
        }
        head
    }

    async fn request(&self, request: Request<Bytes>) -> Result<Answer, ApiError> {
        let (address, asking) = (self.address, self.ask(request));
        timeout(ANSWER, asking).await.unwrap_or(Err(ApiError::TooSlow { address }))
    }

    async fn ask(&self, request: Request<Bytes>) -> Result<Answer, ApiError> {
        let mut connection = match self.kept().await {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let answer = connection.ask(request).await?;
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_CONNECTIONS {
            idle.push(connection);
        }
        Ok(answer)
    }

    async fn kept(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle.lock().pop()?;
            if connection.is_open().await {
                return Some(connection);
            }
        }
    }
}

struct Body(Option<Bytes>);

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(hyper::body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

type Socket = Pin<Box<http1::Connection<TokioIo<TcpStream>, Body>>>;

/// Polled by whoever asks over it, so that no task of its own has to be woken for each request.
struct Connection {
    address: SocketAddr,
    sender: SendRequest<Body>,
    /// `None` once it has ended.
    socket: Option<Socket>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self, ApiError> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|source| ApiError::Connect { address, source })?;
        // Without it a lost option costs speed at most.
        let _ = stream.set_nodelay(true);
        let (sender, socket) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|source| ApiError::Talk { address, source })?;
        Ok(Self { address, sender, socket: Some(Box::pin(socket)) })
    }

    /// Whether the other side has not closed it meanwhile.
    async fn is_open(&mut self) -> bool {
        let sender = &mut self.sender;
        let ready = drive(&mut self.socket, poll_fn(|context| sender.poll_ready(context)));
        matches!(ready.await, Some(Ok(()))) && self.socket.is_some()
    }

    async fn ask(&mut self, request: Request<Bytes>) -> Result<Answer, ApiError> {
        let address = self.address;
        let talk = |source| ApiError::Talk { address, source };
        let request = request.map(|bytes| Body((!bytes.is_empty()).then_some(bytes)));
        let answer = drive(&mut self.socket, self.sender.send_request(request));
        let answer = answer.await.ok_or(ApiError::Closed { address })?.map_err(talk)?;
        let (status, retry_after) = (answer.status().as_u16(), seconds(&answer));
        let mut incoming = answer.into_body();
        let mut body = Vec::new();
        loop {
            let frame = poll_fn(|context| Pin::new(&mut incoming).poll_frame(context));
            let Some(frame) = drive(&mut self.socket, frame).await.ok_or(ApiError::Closed { address })? else {
                return Ok(Answer { status, retry_after, body });
            };
            if let Ok(data) = frame.map_err(talk)?.into_data() {
                body.extend_from_slice(&data);
            }
        }
    }
}

fn seconds(answer: &Response<Incoming>) -> Option<u64> {
    answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// Polls the socket as long as the future needs something of it. `None` if the socket ends and the future stays open.
async fn drive<F: Future>(socket: &mut Option<Socket>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        if let Some(open) = socket
            && open.as_mut().poll(context).is_ready()
        {
            *socket = None;
        }
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if socket.is_none() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
