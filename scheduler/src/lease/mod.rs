//! Workers' leases: registration, heartbeats, their end, and who has room.

mod beat;
mod register;
mod roster;

pub use beat::{BeatJob, Beats};
pub use register::Registrar;
pub use roster::{Given, Place, Roster, SilentSweeps};
