//! Giving dispatched work to workers: straight to one that has room and the function, or over a stream of its own.

mod backlog;
mod claims;
mod giver;
mod granter;

pub use backlog::StepBacklog;
pub use claims::StepClaims;
pub use giver::{Giver, Giving, News};
pub use granter::{GrantedSteps, StepGranter};
