//! A private Postgres and NATS, for the dev command and for tests.
//!
//! Nothing here touches a server that somebody else runs: each cluster and each broker is a child of this process, with
//! a folder, sockets and ports of its own, and it ends with this process, however that ends (see `supervise.sh`).
//!
//! - [`Stack`] is the durable pair behind the dev command, in one folder, one process a folder.
//! - [`Postgres`] and [`Nats`] are the two servers by themselves, and can be killed, halted, restarted and wiped.
//! - [`testing`] is what integration tests of other crates use: one throw-away Postgres a test run, one NATS a test.
//! - [`Proxy`] is a bad network between a client and a server.
//! - [`PostgresBinaries`] and [`nats_binary`] say where the servers are, or the line that installs them.
//!
//! No SQL is spoken here: the crate hands out addresses.

mod account;
mod binaries;
mod error;
mod folder_lock;
mod limits;
mod log;
mod nats;
mod port;
mod postgres;
mod proxy;
mod scratch;
mod stack;
mod supervise;
pub mod testing;
mod version;
mod wait;

pub use binaries::{NATS_BIN, POSTGRES_BIN, PostgresBinaries, Program, nats_binary};
pub use error::Error;
pub use nats::{Nats, NatsOptions};
pub use postgres::{Postgres, PostgresOptions, Tcp};
pub use proxy::{Network, Proxy};
pub use scratch::Durability;
pub use stack::{Stack, StackOptions, default_root};
pub use version::Version;
