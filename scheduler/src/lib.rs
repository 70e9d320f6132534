//! The scheduler of Piton: it accepts runs, journals their results, dispatches their work and wakes them.

pub mod api;
pub mod batch;
pub mod cli;
pub mod control;
pub mod definition;
pub mod dev;
pub mod dispatch;
pub mod engine;
pub mod event;
mod failpoint;
pub mod finish;
pub mod gather;
pub mod halve;
pub mod intake;
pub mod journal;
pub mod lease;
pub mod look;
pub mod pulse;
mod reach;
pub mod rpc;
pub mod schedule;
pub mod server;
pub mod store;
pub mod sweep;
pub mod trigger;
pub mod wake;
pub mod webhook;
