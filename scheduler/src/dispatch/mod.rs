//! Giving runs to workers: publishing tasks, feeding them from the backlog, claims, direct grants.

mod backlog;
mod claim;
mod grant;
mod publisher;

pub use backlog::{Backlog, Room};
pub use claim::Claims;
pub use grant::{ToWorkers, new_grant};
pub use publisher::Publisher;
