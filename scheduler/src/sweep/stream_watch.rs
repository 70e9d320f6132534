//! Whether a stream of tasks is still the one that tasks were published to.

use piton_transport::{StreamIdentity, Work, WorkError, WorkStream};

/// Remembers which stream it was when it was last looked at.
#[derive(Debug, Default)]
pub(super) struct StreamWatch {
    last: Option<StreamIdentity>,
}

/// A stream as it was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    identity: StreamIdentity,
    /// What became of the tasks that were published to it.
    pub(super) tasks: Tasks,
}

/// What became of the tasks in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tasks {
    /// It is the stream that was seen before.
    Kept,
    /// It was made anew, or is seen for the first time: what was published before may be gone.
    Doubtful,
}

impl StreamWatch {
    /// Looks at the stream, and makes it if it is gone. None while NATS does not answer.
    pub(super) async fn look<T: Work>(&self, work: &WorkStream<T>) -> Option<Found> {
        match look(work).await {
            Ok(identity) => {
                let tasks = match self.last {
                    Some(before) if identity.continues(before) => Tasks::Kept,
                    Some(_) | None => Tasks::Doubtful,
                };
                Some(Found { identity, tasks })
            }
            Err(error) => {
                tracing::debug!(%error, "NATS cannot say what became of tasks; looking again next time");
                None
            }
        }
    }

    /// What was found has been acted on.
    pub(super) fn seen(&mut self, found: Found) {
        self.last = Some(found.identity);
    }
}

async fn look<T: Work>(work: &WorkStream<T>) -> Result<StreamIdentity, WorkError> {
    match work.identity().await {
        Err(WorkError::NoStream { stream }) => {
            tracing::warn!(stream, "a stream of tasks is gone; making it anew");
            work.restore().await?;
            work.identity().await
        }
        found => found,
    }
}
