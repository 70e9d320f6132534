//! What scheduler and worker say to each other.
//!
//! Every message is a [`envelope`] around a MessagePack body: a stranger's version is refused by name before a
//! byte of the body is read. Requests and their answers stand side by side in one file a topic.

pub mod append;
pub mod batch;
pub mod claim;
pub mod define;
pub mod dispatch;
pub mod envelope;
pub mod read;
pub mod state;
pub mod task;
pub mod wake;
pub mod worker;

use serde::{Deserialize, Serialize};

/// Every answer of a scheduler: what was asked for, or why not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer<T> {
    /// It was done, and is committed.
    Done(T),
    /// The message itself cannot be served, now or later.
    Refused(Refusal),
    /// Not now: the database is away or the queue is full. Nothing was written, or it is not known; ask again.
    Unavailable {
        /// What is in the way, for the log.
        reason: String,
    },
}

/// Why a message cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Not a message of this version.
    #[error("{0}")]
    Envelope(envelope::EnvelopeError),
    /// The worker is not registered, or its lease has ended.
    #[error("the worker is not registered, or its lease has ended: register anew")]
    UnknownWorker,
    /// A bound or a rule was broken.
    #[error("{0}")]
    Invalid(String),
}
