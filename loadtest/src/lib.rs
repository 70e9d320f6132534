//! What the load test, the demo and the whole-system tests share: real processes of Piton on a private Postgres and
//! NATS, a cheap client of the HTTP API, workers with something to do, and the accounting of what all of it costs.
//!
//! - [`Cluster`] starts `piton serve` and worker processes on a database and a broker that it is told.
//! - [`Api`] speaks HTTP to one scheduler, over connections that stay open.
//! - [`worker`] is what a worker process of ours runs: no-op steps, the order pipeline, steps that wait at a gate.
//! - [`ledger`] is the outside world: it counts what really happened, whatever the engine says.
//! - [`load`] and [`measure`] are the load test; [`demo`] is the demo; [`chaos`] is the fuzz.

mod api;
mod booked;
pub mod built;
pub mod chaos;
mod cluster;
pub mod customers;
pub mod demo;
mod doors;
mod gate;
pub mod ledger;
pub mod load;
pub mod measure;
mod no_op;
pub mod orders;
mod poison;
pub mod private;
mod process;
mod psql;
pub mod report;
pub mod repository;
pub mod shop;
mod wait;
pub mod worker;
pub mod written;

pub use api::{Answer, Api, ApiError};
pub use cluster::{Cluster, Scheduler, Servers};
pub use gate::Gate;
pub use process::{Process, Program, tied};
pub use psql::Psql;
pub use wait::until;
