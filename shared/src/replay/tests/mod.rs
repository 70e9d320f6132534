//! The machine against tables, and against seeded random workflows and histories.

mod batches;
mod beside;
mod cost;
mod foreign;
mod histories;
mod parked;
mod state;
mod store;
mod table;
mod trees;
mod world;
