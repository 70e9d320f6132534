//! Nobody takes all the places: not a peer with silent connections, not an org with followers. On real sockets.

use std::net::SocketAddr;

use piton_scheduler::api::{Access, Scopes, Times, serve_health};
use piton_shared::name::Org;
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
};
use tokio_util::sync::CancellationToken;

use super::{House, PATIENCE, answer};
use crate::making::ORG;

/// What a request for this path is answered on a connection of its own; empty when the connection is closed.
async fn asked(from: &str, to: SocketAddr, path: &str) -> String {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(from.parse().expect("an address")).expect("the address is of this machine");
    let mut stream = socket.connect(to).await.expect("somebody listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut told = String::new();
    // A connection that was closed at once may break while it is written to.
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let reading = stream.read_to_string(&mut told);
        let _ = tokio::time::timeout(PATIENCE, reading).await.expect("it is answered or closed");
    }
    told
}

#[tokio::test]
async fn silent_connections_of_a_peer_hold_up_neither_others_nor_health() {
    let times = Times { connections: 4, ..Times::default() };
    let house = House::within("shares_peers", times).await;
    let api = house.door.address;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let health = listener.local_addr().expect("it has an address");
    let stop = CancellationToken::new();
    let served = serve_health(listener, house.door.engine(), CancellationToken::new(), stop.clone());
    let serving = tokio::spawn(served);

    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.push(TcpStream::connect(api).await.expect("the door is open"));
    }
    // One more of the same peer is closed at once, however it asks.
    assert_eq!(asked("127.0.0.1:0", api, "/health/live").await, "");
    let told = asked("127.0.0.2:0", api, "/health/live").await;
    assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
    // All places are taken: the API closes whoever comes, and health is answered on its own listener.
    for _ in 0..2 {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.3:0".parse().expect("an address")).expect("the address is of this machine");
        silent.push(socket.connect(api).await.expect("the door is open"));
    }
    assert_eq!(asked("127.0.0.4:0", api, "/health/live").await, "");
    for path in ["/health/live", "/health/ready", "/metrics"] {
        let told = asked("127.0.0.1:0", health, path).await;
        assert!(told.starts_with("HTTP/1.1 200 "), "{path}: {told}");
    }
    let told = asked("127.0.0.1:0", health, "/v1/runs").await;
    assert!(told.starts_with("HTTP/1.1 404 ") && told.contains("unknown_route"), "{told}");
    drop(silent);
    stop.cancel();
    serving.await.expect("it ends");
    house.finish().await;
}

#[tokio::test]
async fn followers_of_one_org_leave_places_for_another() {
    let times = Times { requests: Some(4), ..Times::default() };
    let house = House::build("shares_orgs", Access::Keys, times).await;
    let other = Org::new("other").expect("a name");
    house.database.store.org_create(&other).await.expect("asked").expect("it is new");
    let mut streams = Vec::new();
    let mut told = Vec::new();
    for (org, follows) in [(&ORG, 4), (&other, 1)] {
        let key = house.key(org, Scopes::ALL).await;
        let start = house.door.request(Method::POST, "/v1/runs").json(&json!({ "workflow": "order" }));
        let run = answer(start.header("authorization", &key)).await.text("id").to_owned();
        for _ in 0..follows {
            let path = format!("/v1/runs/{run}/progress");
            let follow = house.door.request(Method::GET, &path).header("authorization", &key).send();
            let stream = follow.await.expect("the door answers");
            told.push(stream.status().as_u16());
            streams.push(stream);
        }
    }
    assert_eq!(told, [200, 200, 200, 503, 200], "one org has three quarters of the places");
    drop(streams);
    house.finish().await;
}
