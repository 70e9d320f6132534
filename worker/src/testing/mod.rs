//! Workflows under plain `cargo test`: no server, no waiting, every fault at will.
//!
//! [`TestEngine`] runs a workflow as a worker would, with a journal in memory and a clock that jumps. [`On`] scripts what
//! its functions do, [`TestStart`] says what befalls the run, [`Story`] is what it did, [`Trial`] lets everything go wrong
//! in turn.
//!
//! ```
//! use piton::{prelude::*, testing::TestEngine};
//!
//! #[function(retries = 3)]
//! async fn charge(cents: u64) -> Result<String> {
//!     Err(Failure::new(format!("no provider in tests for {cents}")))
//! }
//!
//! #[workflow]
//! async fn pay(ctx: &WorkflowContext, cents: u64) -> Result<String> {
//!     Ok(ctx.step(charge(cents)).await?)
//! }
//!
//! let engine = TestEngine::new();
//! engine.on(charge).fails_times(2, "the provider is down").returns("ch_1".into());
//! let run = engine.run_blocking(pay(100));
//! assert_eq!(run.story.journal().to_string(), r#"1        1.5s  charge#1  step charge(100) at try 3 = "ch_1""#);
//! assert_eq!(run.output(), "ch_1");
//! ```
//!
//! With the feature `test-triggers` it also starts what the declared [triggers](crate::triggers) of its workflows start:
//! `engine.publish(event)`, `engine.webhook("stripe", body)` and `engine.fire("a schedule")`. The feature stands in
//! `[dev-dependencies]`, so that no worker is built with CEL in it.
//!
//! It drives the very state machine that the worker drives (`runtime::attempt`) and decides nothing by itself:
//! `database` stands for the scheduler's statements, `drive` for the worker's task of a run, `executing` for its
//! functions. A run here is queued, claimed, suspended and claimed again as it is there, so every long sleep also tests
//! that the workflow replays. What an event comes to is decided by the crate that decides it in a scheduler.

mod away;
mod begin;
mod chance;
mod database;
mod drive;
mod ending;
mod engine;
mod error;
mod executing;
mod fault;
mod history;
mod keys;
mod on;
mod retell;
mod script;
mod sessions;
mod start;
mod story;
mod text;
mod trial;
#[cfg(feature = "test-triggers")]
mod triggers;

pub use engine::TestEngine;
pub use error::RunError;
pub use fault::When;
pub use history::{ReplayError, Replayed, replay};
pub use on::On;
pub use piton_shared::{parked::Parked, state::RunState};
pub use start::{TestRun, TestStart, block_on};
pub use story::{Story, TestStep, TestTry, Timer, TryEnd};
pub use text::Journal;
pub use trial::{Trial, Tried};
#[cfg(feature = "test-triggers")]
pub use triggers::{Delivery, Event, Fire, FireError, Fired, Novelty, Publish, PublishError, Published, Refused};
