//! Why a worker does not run.

use std::{io, net::SocketAddr};

use piton_shared::{message::Refusal, name::NameError};
use piton_transport::RequestError;

use crate::BuildError;

/// Why a worker could not connect.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The worker does not fit together.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The prefix of the subjects is no name.
    #[error("the NATS prefix cannot be used")]
    Prefix(#[source] NameError),
    /// NATS cannot be reached.
    #[error(
        "failed to connect the worker to NATS; is it running? `piton dev` starts one, `PITON_NATS_URL` says where it is"
    )]
    Nats(#[source] piton_transport::ConnectError),
    /// The thread that keeps the lease could not be started.
    #[error("failed to start the thread that keeps the lease")]
    Thread(#[source] io::Error),
    /// Its metrics cannot be served there.
    #[error(
        "failed to serve the worker's metrics on {address}: give this worker a free address of this machine with \
         `PITON_METRICS_ADDRESS`; port 0 takes any free port"
    )]
    Listen {
        /// Where it was told to listen.
        address: SocketAddr,
        /// Why it cannot.
        source: io::Error,
    },
    /// It was told to serve its metrics, and was built without the feature `http`.
    #[error(
        "the worker cannot serve its metrics on {address}: build it with the feature `http` of the crate `piton`, or \
         take `PITON_METRICS_ADDRESS` away"
    )]
    NoHttp {
        /// Where it was told to listen.
        address: SocketAddr,
    },
}

/// Why a worker ended that was not told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not connect.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The scheduler will not have it.
    #[error("the scheduler refuses this worker")]
    Refused(#[source] Refusal),
    /// The scheduler will not have what its workflows and functions say of themselves: the source names which, and why.
    #[error("the scheduler refuses what this worker declares")]
    Declaration(#[source] Refusal),
    /// What one of its workflows and functions says of itself does not fit into a message.
    #[error("the worker cannot present its definitions: declare fewer triggers of a workflow, or shorter ones")]
    Undeclarable(#[source] RequestError),
    /// What this worker says of itself does not fit into a message.
    #[error(
        "the worker cannot be presented to a scheduler: register fewer workflows and functions, or shorten their names"
    )]
    Unpresentable(#[source] RequestError),
    /// The signals of the operating system cannot be heard.
    #[error("failed to listen for SIGTERM and SIGINT")]
    Signals(#[source] io::Error),
    /// The thread that serves metrics and health could not be started.
    #[error("failed to start the thread that serves metrics and health")]
    Health(#[source] io::Error),
    /// The connection is closed for good: the server refuses the credentials now.
    #[error("NATS closed the connection for good: check the credentials, then start the worker again")]
    Closed,
}
