//! Giving runs to workers: publishing tasks, feeding them from the backlog, claims, direct grants.

mod backlog;
mod claim;
mod grant;
mod granter;
mod publisher;

pub use backlog::{Backlog, Room};
pub use claim::Claims;
pub use grant::{ToWorkers, new_grant};
pub use granter::{Granter, Grants};
pub use publisher::{Publisher, Publishing};

use piton_transport::{Bus, WorkError, WorkOptions, WorkStream};

/// Makes the stream of run tasks as every scheduler wants it; repeated, it changes nothing.
pub async fn run_stream(bus: &Bus) -> Result<WorkStream, WorkError> {
    WorkStream::ensure(bus, WorkOptions::default()).await
}
