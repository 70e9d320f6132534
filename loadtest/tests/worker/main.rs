//! The worker against real schedulers, a real Postgres and a real NATS: each test has a stack of its own.

mod alone;
mod batches;
mod crash;
mod definitions;
mod edges;
mod fan_out;
mod flow;
mod orgs;
mod outage;
mod secrecy;
mod sleepers;
mod stack;
mod suspects;
mod unreadable;
