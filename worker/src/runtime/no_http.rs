//! Built without the feature `http`: a worker that is told to serve its metrics says that it cannot.

use std::{convert::Infallible, io, net::SocketAddr, thread};

use piton_telemetry::metrics::WorkerMetrics;
use tokio_util::sync::CancellationToken;

use super::{error::ConnectError, standing::Registration};

/// There is none.
#[derive(Debug)]
pub(super) struct Watched(Infallible);

/// What would be told.
#[derive(Debug, Clone)]
pub(super) struct Told {
    #[expect(dead_code, reason = "nobody asks")]
    pub(super) metrics: WorkerMetrics,
    #[expect(dead_code, reason = "nobody asks")]
    pub(super) registration: Registration,
}

impl Watched {
    #[expect(clippy::unused_async, reason = "the server's listens")]
    pub(super) async fn listen(address: Option<SocketAddr>) -> Result<Option<Self>, ConnectError> {
        match address {
            None => Ok(None),
            Some(address) => Err(ConnectError::NoHttp { address }),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        match self.0 {}
    }

    pub(super) fn serve(self, _told: Told, _over: CancellationToken) -> io::Result<thread::JoinHandle<()>> {
        match self.0 {}
    }
}
