//! Loads: who asks for what, how often, and what is seen of it.
//!
//! - [`Workload`] and [`Terms`]: what is asked for, and how much of it.
//! - `pace`: the closed loop, where each caller waits for its end, and the open one, where a rate is offered.
//! - `turn`: what a caller does once. `clock` needs no caller: schedules fire by themselves.
//! - [`Balance`]: whether everything that was promised is there in the end.

mod balance;
mod clock;
mod dial;
mod pace;
mod run;
mod seen;
mod terms;
mod turn;
mod webhook;
mod workload;

pub use balance::{Balance, Runs, settled};
pub use dial::Dial;
pub use run::{Load, run};
pub use seen::Seen;
pub use terms::{Terms, TermsError};
pub use workload::{Fan, Workload};
