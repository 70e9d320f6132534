//! The half of a worker that holds runs and executes functions.
//!
//! The road of a run here: [`pull`] takes its task from the queue, [`claim`] has it granted, [`run`] holds it in a task of
//! its own and does what its [`attempt`] decides; [`execution`] executes functions, [`journaler`] has results written,
//! [`hand_back`] gives runs back. Beside them [`lease`] keeps the worker's lease on a thread of its own, and [`hear`] takes
//! what schedulers say unasked. [`member`] is what they all share: one registration of this process. [`service`] begins,
//! drains and ends it.

pub(crate) mod attempt;
mod claim;
mod clock;
mod controls;
mod door;
mod error;
mod execution;
mod failpoint;
mod hand_back;
mod hear;
mod holdings;
mod journaler;
mod lease;
mod member;
mod pull;
mod read;
mod register;
mod run;
mod service;
mod signals;
mod unfit;

pub use error::{ConnectError, RunError};
pub(crate) use execution::panicked;
pub use service::Connected;
