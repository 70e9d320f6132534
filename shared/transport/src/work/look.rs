//! Looking into the stream, as the sweeper does: what lies there, how far its consumers are.

use async_nats::jetstream::{ErrorCode, stream};
use piton_shared::{
    message::{
        envelope::{self, EnvelopeError},
        task::RunTask,
    },
    name::{Build, Org, Queue},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{ApiError, Work, WorkError, WorkStream, api};

/// A task that lies in the stream: not acknowledged yet, delivered or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T = RunTask> {
    /// Its number in the stream. It was delivered at least once if the consumer's
    /// [`Progress::delivered_sequence`] is not smaller.
    pub sequence: u64,
    /// The task, if it is one.
    pub task: Result<T, EnvelopeError>,
    /// When, by the NATS server's clock.
    pub stored_at: Timestamp,
}

/// How far a consumer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The number in the stream of the last task that was delivered; zero before the first.
    pub delivered_sequence: u64,
    /// Tasks not delivered yet.
    pub pending: u64,
    /// Tasks delivered and not acknowledged yet.
    pub ack_pending: u64,
    /// Pulls that wait for a task.
    pub waiting: u64,
}

/// By what a stream is told from one of the same name that was made after it was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamIdentity {
    /// When the stream was made, by the NATS server's clock.
    pub created_at: Timestamp,
    /// The number of the last task that was stored in it.
    pub last_sequence: u64,
}

impl StreamIdentity {
    /// Whether this is the stream that was seen `before`, with all that was stored since: neither made anew nor set back.
    pub fn continues(self, before: Self) -> bool {
        self.created_at == before.created_at && self.last_sequence >= before.last_sequence
    }
}

#[derive(Serialize)]
struct Delete {
    seq: u64,
    /// The bytes need not be overwritten: a task holds no secrets.
    no_erase: bool,
}

#[derive(Deserialize)]
struct Deleted {}

impl<T: Work> WorkStream<T> {
    /// The newest task of a subject that is still in the stream.
    pub async fn last_of(&self, subject: &str) -> Result<Option<Stored<T>>, WorkError> {
        let looked = async {
            let stream = self.bus.jetstream().get_stream_no_info(&self.name).await;
            let stream = stream.map_err(|error| WorkError::Refused {
                name: format!("the stream {}", self.name),
                reason: error.to_string(),
            })?;
            match stream.get_last_raw_message_by_subject(subject).await {
                Ok(message) => Ok(Some(message)),
                Err(error) => self.not_found(&error),
            }
        };
        let found = self.bus.link().while_up(looked).await.map_err(|_| WorkError::Disconnected)??;
        Ok(found.map(|message| Stored {
            sequence: message.sequence,
            task: envelope::open(&message.payload),
            stored_at: timestamp(message.time.unix_timestamp_nanos()),
        }))
    }

    fn not_found<M>(&self, error: &stream::LastRawMessageError) -> Result<Option<M>, WorkError> {
        let stream = &self.name;
        Err(match error.kind() {
            stream::LastRawMessageErrorKind::NoMessageFound => return Ok(None),
            stream::LastRawMessageErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                WorkError::NoStream { stream: stream.clone() }
            }
            stream::LastRawMessageErrorKind::InvalidSubject
            | stream::LastRawMessageErrorKind::JetStream(_)
            | stream::LastRawMessageErrorKind::Other => {
                WorkError::Refused { name: format!("the stream {stream}"), reason: error.to_string() }
            }
        })
    }

    /// Deletes a task by its number; one that is gone already is no error.
    pub async fn delete(&self, sequence: u64) -> Result<(), WorkError> {
        let subject = format!("STREAM.MSG.DELETE.{}", self.name);
        let delete = Delete { seq: sequence, no_erase: true };
        match api::ask::<_, Deleted>(&self.bus, &subject, &delete).await {
            Ok(Deleted {}) | Err(ApiError::NoMessage) => Ok(()),
            Err(error) => Err(error.about_stream(&self.name)),
        }
    }

    /// How far the consumer of a queue (and build) is.
    pub async fn consumer_progress(
        &self,
        org: &Org,
        queue: &Queue,
        build: Option<&Build>,
    ) -> Result<Progress, WorkError> {
        let info = self.consumer_info(&T::consumer(org, queue, build)).await?;
        Ok(Progress {
            delivered_sequence: info.delivered.stream_sequence,
            pending: info.num_pending,
            ack_pending: info.num_ack_pending as u64,
            waiting: info.num_waiting as u64,
        })
    }

    /// Tasks in the stream, of all queues.
    pub async fn depth(&self) -> Result<u64, WorkError> {
        Ok(self.info().await?.state.messages)
    }

    /// By what the stream is told from one that was made after it was lost.
    pub async fn identity(&self) -> Result<StreamIdentity, WorkError> {
        let info = self.info().await?;
        let created_at = timestamp(info.created.unix_timestamp_nanos());
        Ok(StreamIdentity { created_at, last_sequence: info.state.last_sequence })
    }

    async fn info(&self) -> Result<stream::Info, WorkError> {
        let subject = format!("STREAM.INFO.{}", self.name);
        let info = api::ask(&self.bus, &subject, &api::Nothing {}).await;
        info.map_err(|error: ApiError| error.about_stream(&self.name))
    }
}

fn timestamp(nanos: i128) -> Timestamp {
    Timestamp::from_micros(i64::try_from(nanos / 1000).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_continues_unless_it_was_made_anew_or_set_back() {
        let stream =
            |created, last_sequence| StreamIdentity { created_at: Timestamp::from_micros(created), last_sequence };
        let before = stream(7, 100);
        for (now, continues) in [
            (before, true),
            (stream(7, 101), true),
            (stream(7, 99), false),
            (stream(8, 100), false),
            (stream(8, 500), false),
        ] {
            assert_eq!(now.continues(before), continues, "{now:?}");
        }
    }
}
