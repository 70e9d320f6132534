//! One connection to NATS: requests, hints, subscriptions.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_nats::{
    Client, ConnectErrorKind, ConnectOptions, HeaderMap, RequestErrorKind, SubscribeErrorKind,
    client::{PublishErrorKind, Request},
    jetstream::{self, ContextBuilder},
};
use bytes::Bytes;
use futures::StreamExt as _;
use piton_shared::{limits, message::envelope, subject::Subjects};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{Semaphore, watch};

use crate::{
    error::{ConnectError, RequestError, SendError},
    inbox::Inbox,
    link::{BusState, Link, link},
    reconnect::{Reconnect, TryError},
};

pub(crate) const TRACE_HEADER: &str = "traceparent";
/// How long one try to connect may take.
const CONNECT_TRY: Duration = Duration::from_secs(2);

/// How to reach NATS. Its `Debug` shows no secret.
#[derive(Clone)]
pub struct BusOptions {
    /// Where: `nats://host:port` or `tls://host:port`, several separated by commas.
    pub url: String,
    /// What the server shows of this connection.
    pub name: String,
    /// How to prove who this is, if the server asks. Defaults to none.
    pub credentials: Option<Credentials>,
    /// The names of the installation. Defaults to those with the prefix `piton`.
    pub subjects: Subjects,
    /// How long the first connection may take; afterwards it is tried without end. Defaults to 10 s.
    pub connect_within: Duration,
    /// The waits between tries.
    pub reconnect: Reconnect,
    /// Requests under way at once. Defaults to [`limits::REQUESTS_IN_FLIGHT`].
    pub requests_in_flight: usize,
    /// Unread messages of one subscription. Defaults to [`limits::SUBSCRIPTION_MESSAGES`].
    pub subscription_messages: usize,
}

impl BusOptions {
    /// Everything by default, for the server at `url`.
    pub fn new(url: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            name: name.into(),
            credentials: None,
            subjects: Subjects::default(),
            connect_within: Duration::from_secs(10),
            reconnect: Reconnect::default(),
            requests_in_flight: limits::REQUESTS_IN_FLIGHT,
            subscription_messages: limits::SUBSCRIPTION_MESSAGES,
        }
    }
}

impl fmt::Debug for BusOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusOptions")
            .field("url", &without_credentials(&self.url))
            .field("name", &self.name)
            .field("credentials", &self.credentials)
            .field("subjects", &self.subjects)
            .finish_non_exhaustive()
    }
}

/// How to prove to NATS who one is. Its `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A token.
    Token(String),
    /// A user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// The seed of an `NKey`.
    NKey(String),
    /// A file of credentials (JWT and seed) as `nsc` writes it.
    File(PathBuf),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token"),
            Self::Password { user, .. } => write!(f, "Password({user})"),
            Self::NKey(_) => f.write_str("NKey"),
            Self::File(path) => write!(f, "File({})", path.display()),
        }
    }
}

/// A connection to NATS, shared by its clones. It is made anew without end when it is lost.
#[derive(Clone)]
pub struct Bus {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    jetstream: jetstream::Context,
    subjects: Subjects,
    link: Link,
    requests: Semaphore,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Bus");
        shown.field("subjects", &self.shared.subjects).field("link", &self.shared.link);
        shown.finish_non_exhaustive()
    }
}

impl Bus {
    /// Connects, trying again until [`BusOptions::connect_within`] has passed.
    pub async fn connect(options: BusOptions) -> Result<Self, ConnectError> {
        let shown = without_credentials(&options.url);
        let connecting = options.reconnect.until(options.connect_within, || try_connect(&options));
        let (client, link) = connecting.await.map_err(|failure| match failure {
            Failed::Refused(reason) => ConnectError::Refused { url: shown.clone(), reason },
            Failed::Options { what, reason } => ConnectError::Options { what, reason },
            Failed::Passing(reason) => ConnectError::Unreachable { url: shown, within: options.connect_within, reason },
        })?;
        let jetstream = ContextBuilder::new()
            .timeout(limits::STREAM_ANSWER)
            .ack_timeout(limits::STREAM_ANSWER)
            .max_ack_inflight(limits::PUBLISH_WINDOW)
            .build(client.clone());
        let requests = Semaphore::new(options.requests_in_flight);
        let subjects = options.subjects;
        Ok(Self { shared: Arc::new(Shared { client, jetstream, subjects, link, requests }) })
    }

    /// The names of the installation.
    pub fn subjects(&self) -> &Subjects {
        &self.shared.subjects
    }

    /// Whether NATS can be reached, now and as it changes.
    pub fn state(&self) -> watch::Receiver<BusState> {
        self.shared.link.state()
    }

    /// Messages that came faster than they were read, and were dropped, since the connection was made.
    pub fn dropped(&self) -> u64 {
        self.shared.link.dropped()
    }

    /// Asks, and waits for the answer at most `timeout`; `trace` is sent along as `traceparent`.
    ///
    /// Dropping it withdraws nothing: the request may have been served.
    pub async fn request<T, R>(
        &self,
        subject: &str,
        message: &T,
        timeout: Duration,
        trace: Option<&str>,
    ) -> Result<R, RequestError>
    where
        T: Serialize,
        R: DeserializeOwned,
    {
        let sealed = envelope::seal(message).map_err(|e| RequestError::from_envelope(subject, e))?;
        let answer = self.request_raw(subject, sealed, timeout, trace).await?;
        envelope::open(&answer).map_err(|e| RequestError::from_envelope(subject, e))
    }

    /// Sends bytes as they are and returns the answer's: for tests, which also send what no Piton would.
    pub async fn request_raw(
        &self,
        subject: &str,
        bytes: Vec<u8>,
        timeout: Duration,
        trace: Option<&str>,
    ) -> Result<Bytes, RequestError> {
        let started = tokio::time::Instant::now();
        let permit = tokio::time::timeout(timeout, self.shared.requests.acquire()).await;
        let _place = permit
            .map_err(|_| RequestError::Busy { subject: subject.to_owned(), after: timeout })?
            .expect("the semaphore is never closed");
        let size = bytes.len();
        let mut request = Request::new().payload(bytes.into()).timeout(Some(timeout.saturating_sub(started.elapsed())));
        if let Some(trace) = trace {
            request = request.headers(trace_header(trace));
        }
        let asked = self.shared.client.send_request(subject.to_owned(), request);
        let subject = || subject.to_owned();
        let answer = self.shared.link.while_up(asked).await;
        let answer = answer.map_err(|_| RequestError::Disconnected { subject: subject() })?;
        answer.map(|message| message.payload).map_err(|error| match error.kind() {
            RequestErrorKind::TimedOut => RequestError::TimedOut { subject: subject(), after: timeout },
            RequestErrorKind::NoResponders => RequestError::NoResponders { subject: subject() },
            RequestErrorKind::InvalidSubject => RequestError::Subject { subject: subject() },
            RequestErrorKind::MaxPayloadExceeded => RequestError::TooLarge { subject: subject(), bytes: size },
            // The connection's own task is gone, or forgot the request with the connection.
            RequestErrorKind::Other => RequestError::Disconnected { subject: subject() },
        })
    }

    /// Sends a hint. Success means that it was handed to the connection, not that anybody heard it.
    pub async fn publish<T: Serialize>(&self, subject: &str, message: &T) -> Result<(), SendError> {
        let sealed = envelope::seal(message).map_err(|e| SendError::from_envelope(subject, e))?;
        self.publish_raw(subject, sealed).await
    }

    /// Sends bytes as they are: for tests, which also send what no Piton would.
    pub async fn publish_raw(&self, subject: &str, bytes: Vec<u8>) -> Result<(), SendError> {
        let size = bytes.len();
        let sent = self.shared.client.publish(subject.to_owned(), bytes.into());
        let sent = self.shared.link.while_up(sent).await;
        let subject = subject.to_owned();
        let Ok(sent) = sent else {
            return Err(SendError::Disconnected { subject });
        };
        sent.map_err(|error| match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => SendError::TooLarge { subject, bytes: size },
            PublishErrorKind::InvalidSubject => SendError::Subject { subject },
            PublishErrorKind::Send => SendError::Disconnected { subject },
        })
    }

    /// Returns once the server has seen everything that was published and subscribed so far: it is asked to
    /// send something back, and it serves a connection in order.
    pub async fn flush(&self) -> Result<(), SendError> {
        let disconnected = || SendError::Disconnected { subject: "(flush)".to_owned() };
        let client = &self.shared.client;
        let echo = async {
            let inbox = client.new_inbox();
            let mut subscriber = client.subscribe(inbox.clone()).await.map_err(|_| disconnected())?;
            client.publish(inbox, Bytes::new()).await.map_err(|_| disconnected())?;
            subscriber.next().await.map(drop).ok_or_else(disconnected)
        };
        let echo = tokio::time::timeout(limits::STREAM_ANSWER, self.shared.link.while_up(echo));
        echo.await.map_err(|_| disconnected())?.map_err(|_| disconnected())?
    }

    /// Listens on a subject, which may have wildcards; members of the same `group` share what comes. Once
    /// this returns the server knows: what is sent from now on arrives.
    pub async fn serve(&self, subject: &str, group: Option<&str>) -> Result<Inbox, SendError> {
        let client = &self.shared.client;
        let subscribed = match group {
            Some(group) => client.queue_subscribe(subject.to_owned(), group.to_owned()).await,
            None => client.subscribe(subject.to_owned()).await,
        };
        let subscriber = subscribed.map_err(|error| match error.kind() {
            SubscribeErrorKind::InvalidSubject | SubscribeErrorKind::InvalidQueueName => {
                SendError::Subject { subject: subject.to_owned() }
            }
            SubscribeErrorKind::Other => SendError::Disconnected { subject: subject.to_owned() },
        })?;
        self.flush().await?;
        Ok(Inbox::new(self.clone(), subscriber))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.shared.client
    }

    pub(crate) fn jetstream(&self) -> &jetstream::Context {
        &self.shared.jetstream
    }

    pub(crate) fn link(&self) -> &Link {
        &self.shared.link
    }
}

pub(crate) fn trace_header(trace: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(TRACE_HEADER, trace);
    headers
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Refused(String),
    #[error("{reason}")]
    Options { what: &'static str, reason: String },
    #[error("{0}")]
    Passing(String),
}

async fn try_connect(options: &BusOptions) -> Result<(Client, Link), TryError<Failed>> {
    let (events, link) = link();
    let events = Arc::new(events);
    let reconnect = options.reconnect;
    let mut connect = ConnectOptions::new()
        .name(&options.name)
        .connection_timeout(CONNECT_TRY.min(options.connect_within))
        .subscription_capacity(options.subscription_messages)
        .reconnect_delay_callback(move |attempt| reconnect.delay(attempt))
        .event_callback(move |event| {
            events.take(&event);
            std::future::ready(())
        });
    connect = match options.credentials.clone() {
        None => connect,
        Some(Credentials::Token(token)) => connect.token(token),
        Some(Credentials::Password { user, password }) => connect.user_and_password(user, password),
        Some(Credentials::NKey(seed)) => connect.nkey(seed),
        Some(Credentials::File(path)) => connect.credentials_file(&path).await.map_err(|error| {
            let reason = format!("{}: {error}", path.display());
            TryError::Lasting(Failed::Options { what: "the credentials file", reason })
        })?,
    };
    let servers: Vec<&str> = options.url.split(',').map(str::trim).collect();
    let client = connect.connect(servers).await.map_err(|error| match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            TryError::Lasting(Failed::Refused(error.to_string()))
        }
        ConnectErrorKind::ServerParse => {
            TryError::Lasting(Failed::Options { what: "the address", reason: error.to_string() })
        }
        ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Tls
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => TryError::Passing(Failed::Passing(error.to_string())),
    })?;
    Ok((client, link))
}

/// A URL as it may be logged.
fn without_credentials(url: &str) -> String {
    let shown = url.split(',').map(|url| match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}{}", &url[..scheme + 3], &url[at + 1..])
        }
        (None, Some(at)) => url[at + 1..].to_owned(),
        _ => url.to_owned(),
    });
    shown.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        assert_eq!(without_credentials("nats://u:p@h:1,tls://h2:2"), "nats://h:1,tls://h2:2");
        assert_eq!(without_credentials("token@h:1"), "h:1");
        let password = Credentials::Password { user: "u".to_owned(), password: "hush".to_owned() };
        let mut options = BusOptions::new("nats://h", "n");
        options.credentials = Some(password);
        assert!(!format!("{options:?}").contains("hush"));
        assert!(!format!("{:?}", Credentials::Token("hush".to_owned())).contains("hush"));
    }
}
