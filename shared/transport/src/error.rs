//! What can go wrong between two processes.

use std::time::Duration;

use piton_shared::message::envelope::EnvelopeError;

/// No connection could be had at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server said no: trying again would not help.
    #[error("NATS at {url} refuses the credentials: {reason}")]
    Refused {
        /// Where, without its credentials.
        url: String,
        /// What the client says of it.
        reason: String,
    },
    /// The address cannot be read, or the credentials' file.
    #[error("cannot use {what} for NATS: {reason}")]
    Options {
        /// Which option.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answered in time.
    #[error("NATS at {url} did not answer within {within:?}: {reason}")]
    Unreachable {
        /// Where, without its credentials.
        url: String,
        /// How long it was tried.
        within: Duration,
        /// The last failure.
        reason: String,
    },
}

/// A request was not answered, or not in a way that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nobody listens: it was not served.
    #[error("nobody listens on {subject}")]
    NoResponders {
        /// What was asked.
        subject: String,
    },
    /// No answer came in time: it may have been served.
    #[error("no answer on {subject} within {after:?}")]
    TimedOut {
        /// What was asked.
        subject: String,
        /// The timeout it was given.
        after: Duration,
    },
    /// All of its time went by while it waited for others of this connection: it was not sent.
    #[error("the request on {subject} waited {after:?} for a free place: too many are under way")]
    Busy {
        /// What was asked.
        subject: String,
        /// The timeout it was given.
        after: Duration,
    },
    /// There is no connection, or it was lost while waiting: it may have been served.
    #[error("no connection to NATS for the request on {subject}")]
    Disconnected {
        /// What was asked.
        subject: String,
    },
    /// The request cannot be sealed or the answer not be opened.
    #[error("a message on {subject} is not readable")]
    Envelope {
        /// What was asked.
        subject: String,
        /// Why.
        source: EnvelopeError,
    },
    /// Larger than a message may be: it was not sent.
    #[error("{bytes} bytes on {subject} are too much for one message")]
    TooLarge {
        /// What was asked.
        subject: String,
        /// Its size.
        bytes: usize,
    },
    /// Not a subject that one can publish to.
    #[error("{subject:?} is not a subject")]
    Subject {
        /// What was given.
        subject: String,
    },
}

/// A message without an answer could not be handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no connection: it was not sent.
    #[error("no connection to NATS for the message on {subject}")]
    Disconnected {
        /// Where to.
        subject: String,
    },
    /// It cannot be sealed.
    #[error("the message on {subject} cannot be sealed")]
    Envelope {
        /// Where to.
        subject: String,
        /// Why.
        source: EnvelopeError,
    },
    /// Larger than a message may be: it was not sent.
    #[error("{bytes} bytes on {subject} are too much for one message")]
    TooLarge {
        /// Where to.
        subject: String,
        /// Its size.
        bytes: usize,
    },
    /// Not a subject, or not a queue group.
    #[error("{subject:?} is not a subject")]
    Subject {
        /// What was given.
        subject: String,
    },
    /// The other side did not ask for an answer.
    #[error("the message on {subject} does not ask for an answer")]
    NotAsked {
        /// What it came on.
        subject: String,
    },
}

impl SendError {
    pub(crate) fn from_envelope(subject: &str, source: EnvelopeError) -> Self {
        let subject = subject.to_owned();
        match source {
            EnvelopeError::TooLarge { bytes } => Self::TooLarge { subject, bytes },
            EnvelopeError::Foreign | EnvelopeError::Version { .. } | EnvelopeError::Body { .. } => {
                Self::Envelope { subject, source }
            }
        }
    }
}

impl RequestError {
    pub(crate) fn from_envelope(subject: &str, source: EnvelopeError) -> Self {
        let subject = subject.to_owned();
        match source {
            EnvelopeError::TooLarge { bytes } => Self::TooLarge { subject, bytes },
            EnvelopeError::Foreign | EnvelopeError::Version { .. } | EnvelopeError::Body { .. } => {
                Self::Envelope { subject, source }
            }
        }
    }
}
