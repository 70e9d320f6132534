//! Asking `JetStream` about streams and consumers, with one kind of error for all of it.

use async_nats::jetstream::{ErrorCode, context::RequestErrorKind, response::Response};
use serde::{Serialize, de::DeserializeOwned};

use super::WorkError;
use crate::bus::Bus;

pub(crate) enum ApiError {
    NoStream,
    NoConsumer,
    NoMessage,
    NoJetStream,
    Refused(String),
    TimedOut,
    Disconnected,
}

/// The body of a question that needs none.
#[derive(Serialize)]
pub(crate) struct Nothing {}

pub(crate) async fn ask<B, T>(bus: &Bus, subject: &str, body: &B) -> Result<T, ApiError>
where
    B: Serialize + ?Sized,
    T: DeserializeOwned,
{
    let asked = bus.jetstream().request(subject.to_owned(), body);
    let answer = bus.link().while_up(asked).await.map_err(|_| ApiError::Disconnected)?;
    match answer {
        Ok(Response::Ok(found)) => Ok(found),
        Ok(Response::Err { error }) => Err(match error.error_code() {
            ErrorCode::STREAM_NOT_FOUND => ApiError::NoStream,
            ErrorCode::CONSUMER_NOT_FOUND => ApiError::NoConsumer,
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => ApiError::NoJetStream,
            ErrorCode::NO_MESSAGE_FOUND | ErrorCode::STREAM_MESSAGE_DELETE_FAILED => ApiError::NoMessage,
            _ => ApiError::Refused(error.to_string()),
        }),
        Err(error) => Err(match error.kind() {
            RequestErrorKind::TimedOut => ApiError::TimedOut,
            RequestErrorKind::NoResponders => ApiError::NoJetStream,
            RequestErrorKind::InvalidSubject | RequestErrorKind::Other => ApiError::Refused(error.to_string()),
        }),
    }
}

impl ApiError {
    pub(crate) fn about_stream(self, stream: &str) -> WorkError {
        self.about(format!("the stream {stream}"), stream, "")
    }

    pub(crate) fn about_consumer(self, stream: &str, consumer: &str) -> WorkError {
        self.about(format!("the consumer {consumer}"), stream, consumer)
    }

    fn about(self, name: String, stream: &str, consumer: &str) -> WorkError {
        match self {
            Self::NoStream => WorkError::NoStream { stream: stream.to_owned() },
            Self::NoConsumer => WorkError::NoConsumer { stream: stream.to_owned(), consumer: consumer.to_owned() },
            Self::NoJetStream => WorkError::NoJetStream,
            Self::NoMessage => WorkError::Refused { name, reason: "no such message".to_owned() },
            Self::Refused(reason) => WorkError::Refused { name, reason },
            Self::TimedOut => WorkError::TimedOut { name },
            Self::Disconnected => WorkError::Disconnected,
        }
    }
}
