//! Ports that stay ours over a restart.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{Ipv4Addr, TcpListener};

use crate::error::Error;
use crate::limits;

/// Below what the system gives to outgoing connections (from 32768 on Linux, 49152 on macOS). From there a client that
/// dials a stopped server could get the server's own port, connect to itself and keep the server from starting.
const FIRST: u16 = 20_000;
const COUNT: u64 = 12_000;

/// A port of 127.0.0.1 that is free now. It may be gone when it is used: try again then.
pub(crate) fn free() -> Result<u16, Error> {
    let random = RandomState::new();
    let candidate = |attempt: u32| FIRST + (random.hash_one(attempt) % COUNT) as u16;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let tries = limits::PORT_TRIES * 8;
    (0..tries).map(candidate).find(is_free).ok_or(Error::NoPort { tries })
}
