//! The whole system: real processes of the built binaries on a real Postgres and a real NATS, killed, frozen, cut off
//! and restarted. Each test has servers of its own.

mod client;
mod crash;
mod dev;
mod drain;
mod followed;
mod follower;
mod frozen;
mod given_away;
mod loads;
mod poison;
mod rig;
mod several;
mod severed;
mod traced;
mod watched;
mod watching;
mod whole;
