//! Giving runs and dispatched work to workers: publishing tasks, feeding them from the backlog, claims, direct grants.

mod backlog;
mod claim;
mod coverage;
mod grant;
mod granter;
mod lanes;
mod publisher;
mod steps;

pub use backlog::Backlog;
pub use claim::Claims;
pub use coverage::Coverage;
pub(crate) use grant::cut;
pub use grant::{ToWorkers, new_grant};
pub(crate) use granter::entry_bytes;
pub use granter::{Granter, Grants};
pub use lanes::StreamState;
pub use publisher::{Publisher, Publishing};
pub use steps::{Giver, Giving, GrantedSteps, News, StepBacklog, StepClaims, StepGranter};

use piton_shared::message::dispatch::StepTask;
use piton_transport::{Bus, WorkError, WorkOptions, WorkStream};

/// Makes the stream of run tasks as every scheduler wants it; repeated, it changes nothing.
pub async fn run_stream(bus: &Bus) -> Result<WorkStream, WorkError> {
    WorkStream::ensure(bus, WorkOptions::default()).await
}

/// Likewise the stream of dispatched work.
pub async fn step_stream(bus: &Bus) -> Result<WorkStream<StepTask>, WorkError> {
    WorkStream::ensure_steps(bus, WorkOptions::default()).await
}
