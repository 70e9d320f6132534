//! The bad network.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use piton_devstack::testing::TestNats;
use piton_devstack::{Network, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn a_network_passes_delays_swallows_and_resets() {
    let nats = TestNats::start().await.expect("it starts");
    let proxy = Proxy::start(nats.address()).await.expect("it listens");
    let mut client = TcpStream::connect(proxy.address()).await.expect("it listens");
    let mut greeting = [0; 5];
    client.read_exact(&mut greeting).await.expect("it passes");
    assert_eq!(&greeting, b"INFO ");
    skip_line(&mut client).await;
    assert_eq!(ping(&mut client).await.expect("it passes"), "PONG\r\n");

    let delay = Duration::from_millis(40);
    proxy.set(Network::Slow(delay));
    let start = Instant::now();
    assert_eq!(ping(&mut client).await.expect("it passes"), "PONG\r\n");
    assert!(start.elapsed() >= delay * 2);

    proxy.set(Network::Blackhole);
    assert!(timeout(Duration::from_millis(100), ping(&mut client)).await.is_err(), "nothing comes back");
    proxy.set(Network::Pass);
    let mut late = [0; 6];
    client.read_exact(&mut late).await.expect("the network has healed");
    assert_eq!(&late, b"PONG\r\n");

    for one_way in [Network::NothingToServer, Network::NothingToClient] {
        proxy.set(one_way);
        assert!(timeout(Duration::from_millis(100), ping(&mut client)).await.is_err(), "no answer with {one_way:?}");
        proxy.set(Network::Pass);
        client.read_exact(&mut late).await.expect("the network has healed");
        assert_eq!(&late, b"PONG\r\n");
    }

    proxy.set(Network::Reset);
    let error = client.read_u8().await.expect_err("it was reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let mut client = TcpStream::connect(proxy.address()).await.expect("it listens");
    let error = client.read_u8().await.expect_err("it was reset too");
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof), "{error}");

    proxy.stop().await;
    nats.stop().await.expect("it stops");
}

async fn ping(client: &mut TcpStream) -> std::io::Result<String> {
    client.write_all(b"PING\r\n").await?;
    let mut answer = [0; 6];
    client.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn skip_line(client: &mut TcpStream) {
    while client.read_u8().await.expect("it passes") != b'\n' {}
}
