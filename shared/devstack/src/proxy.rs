//! A bad network on loopback, for chaos tests.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::limits;

/// How the network behaves, for connections that are there and for new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Everything goes through.
    Pass,
    /// Nothing goes through, in either direction, and nobody is told. What was sent meanwhile goes through afterwards,
    /// as it would on a network that heals. New connections are taken.
    Blackhole,
    /// Nothing that clients send goes through, as with [`Blackhole`](Self::Blackhole); what the server sends does.
    NothingToServer,
    /// Nothing that the server sends goes through; what clients send does.
    NothingToClient,
    /// Every connection is reset at once, and every new one.
    Reset,
    /// Everything goes through this much later, in each direction.
    Slow(Duration),
}

/// A TCP proxy on 127.0.0.1 in front of one server, with a [`Network`] between. Dropping it resets its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port, and passes everything for now. The server need not be there yet: a client whose server
    /// cannot be reached is reset.
    ///
    /// # Errors
    /// No port.
    pub async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (network, seen) = watch::channel(Network::Pass);
        let accepting = tokio::spawn(accept(listener, server, seen));
        Ok(Self { address, network, accepting })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the network, from now on.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Resets every connection and stops listening; returns when that is done.
    pub async fn stop(self) {
        drop(self.network);
        self.accepting.await.expect("the proxy's loop does not panic, and only this function ends it");
    }
}

/// Ends, with every connection, when the sender of `network` is gone.
async fn accept(listener: TcpListener, server: SocketAddr, mut network: watch::Receiver<Network>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // An error here is the client's, or a shortage that passes.
                if let Ok((client, _)) = accepted {
                    connections.spawn(connect(client, server, network.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
            () = watch_for_the_end(&mut network) => break,
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn watch_for_the_end(network: &mut watch::Receiver<Network>) {
    while network.changed().await.is_ok() {}
}

async fn connect(mut client: TcpStream, server: SocketAddr, network: watch::Receiver<Network>) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        let _ = client.set_zero_linger();
        return;
    };
    // Without these a lost option costs speed at most.
    let _ = (server.set_nodelay(true), client.set_nodelay(true));
    let mut until_reset = network.clone();
    let both = async {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::join!(
            carry(from_client, to_server, network.clone(), Direction::ToServer),
            carry(from_server, to_client, network.clone(), Direction::ToClient),
        )
    };
    tokio::select! {
        _ = both => return,
        // An error is the proxy's end.
        _ = until_reset.wait_for(|network| *network == Network::Reset) => {}
    }
    // Closed without a goodbye, both ends see a reset.
    let _ = (client.set_zero_linger(), server.set_zero_linger());
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    ToServer,
    ToClient,
}

const fn is_open(network: Network, direction: Direction) -> bool {
    match (network, direction) {
        (Network::Blackhole, _)
        | (Network::NothingToServer, Direction::ToServer)
        | (Network::NothingToClient, Direction::ToClient) => false,
        (Network::Pass | Network::Reset | Network::Slow(_), _)
        | (Network::NothingToServer, Direction::ToClient)
        | (Network::NothingToClient, Direction::ToServer) => true,
    }
}

/// One direction. Reading and writing are apart, so that a delay costs latency and not throughput.
async fn carry(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, network: watch::Receiver<Network>, direction: Direction) {
    let (chunks, mut waiting) = mpsc::channel::<(Instant, Vec<u8>)>(limits::PROXY_CHUNKS);
    let mut seen = network.clone();
    let read = async move {
        let mut chunk = vec![0; limits::PROXY_CHUNK];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            let due = Instant::now() + delay(*seen.borrow_and_update());
            if chunks.send((due, chunk[..length].to_vec())).await.is_err() {
                break;
            }
        }
    };
    let mut seen = network;
    let write = async move {
        while let Some((due, chunk)) = waiting.recv().await {
            sleep_until(due).await;
            let open = seen.wait_for(|network| is_open(*network, direction)).await.is_ok();
            if !open || to.write_all(&chunk).await.is_err() {
                return;
            }
        }
        // A goodbye does not get through a black hole either.
        let _ = seen.wait_for(|network| is_open(*network, direction)).await;
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}

const fn delay(network: Network) -> Duration {
    match network {
        Network::Slow(delay) => delay,
        Network::Pass | Network::Blackhole | Network::NothingToServer | Network::NothingToClient | Network::Reset => {
            Duration::ZERO
        }
    }
}
