//! The scheduler against a real Postgres and a real NATS, one database a test.

mod api;
mod cluster;
mod command;
mod database;
mod definitions;
mod events;
mod interleavings;
mod making;
mod plans;
mod schedules;
mod store;
mod webhooks;
