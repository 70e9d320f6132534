//! The half of a worker that holds runs and executes functions.
//!
//! The road of a run here: [`pull`] takes its task from the queue, [`claim`] has it granted, [`hold`] keeps it in a task of
//! its own and [`run`] does what its [`attempt`] decides; [`execution`] executes functions, [`journaler`] has results written,
//! [`hand_back`] gives runs back. [`alone`] makes room for a run whose workers died, and [`solitude`] decides who may stay
//! beside it. The road of dispatched work, of whichever run: [`pull`] and [`claim`], or a direct grant; [`dispatched`]
//! holds and executes it, [`finisher`] reports what became of it.
//!
//! Beside them [`lease`] keeps the worker's lease on a thread of its own, and [`hear`] takes what schedulers say unasked.
//! [`define`] says what its definitions are. [`member`] is what they all share: one registration of this process. [`service`] begins, drains and ends it.
//! [`http`] tells those who watch a worker how it stands and what it counts.

mod alone;
pub(crate) mod attempt;
mod claim;
mod clock;
mod controls;
mod define;
mod dispatched;
mod door;
mod error;
mod execution;
mod failpoint;
mod finisher;
mod hand_back;
mod hear;
mod hold;
mod holdings;
#[cfg(feature = "http")]
mod http;
#[cfg(not(feature = "http"))]
#[path = "no_http.rs"]
mod http;
mod journaler;
mod lease;
mod member;
mod polls;
mod pull;
mod read;
mod register;
mod run;
mod service;
mod signals;
mod solitude;
mod standing;
mod unfit;
mod validity;
mod work_kind;

pub use error::{ConnectError, RunError};
pub(crate) use execution::panicked;
pub use service::Connected;
