//! Publishing tasks: many at once, every acknowledgement awaited.

use std::error::Error as _;

use async_nats::jetstream::{
    self,
    context::{PublishAckFuture, PublishErrorKind},
    message::PublishMessage,
};
use futures::{StreamExt as _, stream};
use piton_shared::{
    limits,
    message::{
        envelope::{self, EnvelopeError},
        task::RunTask,
    },
};

use super::{Work, WorkStream};

/// "maximum messages exceeded" and its like: every failure to store has this code.
const STORE_FAILED: jetstream::ErrorCode = jetstream::ErrorCode(10077);

/// A task to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task<T = RunTask> {
    /// Where: [`piton_shared::subject::Subjects::run`] or [`piton_shared::subject::Subjects::step`].
    pub subject: String,
    /// By which a repeated publish is dropped: [`RunTask::message_id`].
    pub message_id: String,
    /// What.
    pub task: T,
}

/// A task is not known to be in the stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no stream: [`WorkStream::ensure`] makes it.
    #[error("the stream {stream} does not exist")]
    NoStream {
        /// Its name.
        stream: String,
    },
    /// The stream holds as many tasks as it may: later, then.
    #[error("the stream {stream} is full: {reason}")]
    Full {
        /// Its name.
        stream: String,
        /// In the server's words.
        reason: String,
    },
    /// No acknowledgement in time: it may be in the stream.
    #[error("the stream {stream} did not acknowledge in time")]
    TimedOut {
        /// Its name.
        stream: String,
    },
    /// There is no connection, or it was lost while waiting: it may be in the stream.
    #[error("no connection to NATS")]
    Disconnected,
    /// It cannot be sealed.
    #[error("the task cannot be sealed")]
    Envelope(#[source] EnvelopeError),
    /// The server says no.
    #[error("the stream {stream} refuses the task: {reason}")]
    Refused {
        /// Its name.
        stream: String,
        /// In the server's words.
        reason: String,
    },
}

impl<T: Work> WorkStream<T> {
    /// Publishes all of them in their order, at most [`limits::PUBLISH_WINDOW`] at a time without an
    /// acknowledgement, and returns for each its sequence number in the stream. A task whose message id
    /// the stream remembers is dropped there and has the number of the first.
    pub async fn publish(&self, tasks: Vec<Task<T>>) -> Vec<Result<u64, PublishError>> {
        // Owned futures: rustc cannot see that borrowing ones are `Send` for every lifetime.
        let (sender, waiter) = (self.clone(), self.clone());
        stream::iter(tasks)
            .then(move |task| sender.clone().send(task))
            .map(move |sent| waiter.clone().acknowledged(sent))
            .buffered(limits::PUBLISH_WINDOW)
            .collect()
            .await
    }

    async fn send(self, task: Task<T>) -> Result<PublishAckFuture, PublishError> {
        let sealed = envelope::seal(&task.task).map_err(PublishError::Envelope)?;
        let message = PublishMessage::build().payload(sealed.into()).message_id(&task.message_id);
        let sending = self.bus.jetstream().send_publish(task.subject, message);
        let sent = self.bus.link().while_up(sending).await.map_err(|_| PublishError::Disconnected)?;
        sent.map_err(|error| self.publish_error(&error))
    }

    async fn acknowledged(self, sent: Result<PublishAckFuture, PublishError>) -> Result<u64, PublishError> {
        let acknowledged = self.bus.link().while_up(sent?.into_future()).await;
        let acknowledged = acknowledged.map_err(|_| PublishError::Disconnected)?;
        acknowledged.map(|ack| ack.sequence).map_err(|error| self.publish_error(&error))
    }

    fn publish_error(&self, error: &jetstream::context::PublishError) -> PublishError {
        let stream = self.name.clone();
        match error.kind() {
            PublishErrorKind::StreamNotFound => PublishError::NoStream { stream },
            PublishErrorKind::TimedOut => PublishError::TimedOut { stream },
            PublishErrorKind::BrokenPipe => PublishError::Disconnected,
            PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::WrongLastSequence
            | PublishErrorKind::MaxAckPending
            | PublishErrorKind::MaxPayloadExceeded
            | PublishErrorKind::Other => {
                let server = error.source().and_then(|e| e.downcast_ref::<jetstream::Error>());
                match server {
                    Some(server) if server.error_code() == STORE_FAILED => {
                        PublishError::Full { stream, reason: server.to_string() }
                    }
                    Some(server) => PublishError::Refused { stream, reason: server.to_string() },
                    None => PublishError::Refused { stream, reason: error.to_string() },
                }
            }
        }
    }
}
