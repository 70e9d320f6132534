//! Workers' leases: registration, heartbeats, their end, and who has room.

mod beat;
mod orgs;
mod register;
mod roster;

pub use beat::{BeatJob, Beats};
pub use orgs::WorkerOrgs;
pub use register::Registrar;
pub use roster::{Given, Place, Roster, SilentSweeps};
