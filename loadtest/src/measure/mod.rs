//! What a load costs, by the operating system's and the database's own counts.

mod accounting;
mod database;
mod disk;
mod groups;
mod machine;

pub use accounting::{Accounting, Component, Spent};
pub use database::{Database, DatabaseCounts};
pub use disk::flush_ms;
pub use groups::{GroupReport, Groups, between, groups};
pub use machine::{Machine, commit, is_in_memory};
