//! One connection to NATS: requests, hints, subscriptions.

use std::{fmt, sync::Arc, time::Duration};

use async_nats::{
    Client, HeaderMap, RequestErrorKind, SubscribeErrorKind,
    client::{PublishErrorKind, Request},
    jetstream::{self, ContextBuilder},
};
use bytes::Bytes;
use futures::StreamExt as _;
use piton_shared::{limits, message::envelope, subject::Subjects};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{Semaphore, watch};

use crate::{
    connect::{BusOptions, connect},
    error::{ConnectError, RequestError, SendError},
    inbox::Inbox,
    link::{BusState, Link},
};

pub(crate) const TRACE_HEADER: &str = "traceparent";

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
        // Everything that logging in takes lies in this future: too much for its caller's.
        let (client, link) = Box::pin(connect(&options)).await?;
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

    /// Sends a request whose answer arrives on a subject of its own below `answers`, instead of in the inbox of this
    /// connection: for a responder that may publish only there. Takes a subscription for this one request.
    ///
    /// # Errors
    /// Those of [`Bus::request`].
    pub async fn request_at<T, R>(
        &self,
        subject: &str,
        answers: &str,
        message: &T,
        timeout: Duration,
    ) -> Result<R, RequestError>
    where
        T: Serialize,
        R: DeserializeOwned,
    {
        let sealed = envelope::seal(message).map_err(|e| RequestError::from_envelope(subject, e))?;
        let inbox = self.shared.client.new_inbox();
        // The last token is the unique one.
        let unique = inbox.rsplit('.').next().expect("a split has at least one part");
        let request = Request::new().payload(sealed.into()).inbox(format!("{answers}.{unique}"));
        let answer = self.send_request(subject, request, timeout).await?;
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
        let mut request = Request::new().payload(bytes.into());
        if let Some(trace) = trace {
            request = request.headers(trace_header(trace));
        }
        self.send_request(subject, request, timeout).await
    }

    async fn send_request(&self, subject: &str, request: Request, timeout: Duration) -> Result<Bytes, RequestError> {
        let started = tokio::time::Instant::now();
        let permit = tokio::time::timeout(timeout, self.shared.requests.acquire()).await;
        let _place = permit
            .map_err(|_| RequestError::Busy { subject: subject.to_owned(), after: timeout })?
            .expect("the semaphore is never closed");
        let size = request.payload.as_ref().map_or(0, Bytes::len);
        let request = request.timeout(Some(timeout.saturating_sub(started.elapsed())));
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

    /// Sends bytes as they are: for those who know no envelope of ours, and for tests, which also send what no Piton would.
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
