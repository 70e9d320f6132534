//! Ports that stay the same from one start to the next where they can.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::net::TcpListener;

/// Where the API is looked for by default.
pub(super) const API: u16 = 7070;
/// Where NATS is put when the port is free.
pub(super) const NATS: u16 = 7071;
/// Where Postgres is put when the port is free.
pub(super) const POSTGRES: u16 = 7072;

/// Listens on the port that was asked for, or on the usual one, or else on any.
pub(super) async fn listen(asked: Option<u16>, usual: u16) -> io::Result<TcpListener> {
    let on = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    match asked {
        Some(port) => on(port).await,
        None => match on(usual).await {
            Ok(listener) => Ok(listener),
            Err(_) => on(0).await,
        },
    }
}

/// The port that was asked for, or the usual one if nobody listens there this instant; none, and for 0, any.
pub(super) async fn prefer(asked: Option<u16>, usual: u16) -> Option<u16> {
    match asked {
        Some(port) => Some(port).filter(|port| *port != 0),
        None => TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, usual))).await.ok().map(|_| usual),
    }
}
