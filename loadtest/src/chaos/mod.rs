//! The chaos fuzz: real schedulers and workers under a seeded storm of crashes, freezes and broken networks, and a checker that
//! holds what the workers executed against the promises.
//!
//! - [`run`] runs one seed: it starts the `Arena`, lets `clients` start runs while `faults` strike, waits until
//!   everything has healed, and checks.
//! - [`book`] is where worker processes write down each execution of a function, by the machine's monotonic [`moment`].
//! - [`story`] is what happened, as values; [`check`] finds the broken promises in it, and is pure.

mod arena;
pub mod book;
pub mod check;
mod clients;
mod faults;
pub mod moment;
mod run;
pub mod story;
mod witness;
pub mod work;

pub use run::{Outcome, Terms, run};
