//! The machine against tables, and against seeded random workflows and histories.

mod beside;
mod cost;
mod foreign;
mod histories;
mod parked;
mod table;
mod trees;
mod world;
