//! The transport against a real nats-server: the one on the path, or the one that `PITON_NATS_BIN` names.

mod auth;
mod golden;
mod outage;
mod pulls;
mod requests;
mod server;
mod tasks;
