use piton_shared::limits::{PAYLOAD_BYTES, REQUEST_BODY_BYTES};
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{House, answer};

/// Every kind of bad request, and what it is answered: the words must not change.
#[tokio::test]
async fn bad_requests_are_refused_each_in_its_own_words() {
    let house = House::new("refusals").await;
    let run = house.door.start(&json!({ "workflow": "order" })).await.id();
    let json = "application/json";
    let large = "x".repeat(REQUEST_BODY_BYTES + 1);
    let payload = format!("{{\"workflow\":\"w\",\"input\":\"{}\"}}", "x".repeat(PAYLOAD_BYTES));
    let deep = format!("{{\"workflow\":\"w\",\"input\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let requests: &[(&str, Method, String, &str, &[u8])] = &[
        ("no such address", Method::GET, "/v2/runs".into(), "", b""),
        ("no such method", Method::PUT, "/v1/runs".into(), "", b""),
        ("no content type", Method::POST, "/v1/runs".into(), "", b"{}"),
        ("another content type", Method::POST, "/v1/runs".into(), "text/plain", b"{}"),
        ("nothing", Method::POST, "/v1/runs".into(), json, b""),
        ("broken JSON", Method::POST, "/v1/runs".into(), json, b"{\"workflow\": \"w\",\n \"input\": }"),
        ("two values", Method::POST, "/v1/runs".into(), json, b"{\"workflow\": \"w\"} {}"),
        ("a number that is none", Method::POST, "/v1/runs".into(), json, b"{\"workflow\": \"w\", \"input\": 1e999}"),
        (
            "integers beyond 64 bits",
            Method::POST,
            "/v1/runs".into(),
            json,
            br#"{"workflow": "w", "input": {"id": 18446744073709551616, "ok": [1.5, 18446744073709551615]}, "delay": -9223372036854775809}"#,
        ),
        ("half a character", Method::POST, "/v1/runs".into(), json, b"{\"workflow\": \"w\", \"input\": \"\\ud800\"}"),
        ("no UTF-8", Method::POST, "/v1/runs".into(), json, b"{\"workflow\": \"w\", \"input\": \"\xff\"}"),
        ("no UTF-8 in a name", Method::POST, "/v1/runs".into(), json, b"{\"\xc3\x28\": 1}"),
        ("JSON nested too deep", Method::POST, "/v1/runs".into(), json, deep.as_bytes()),
        ("no object", Method::POST, "/v1/runs".into(), json, b"[]"),
        ("no workflow", Method::POST, "/v1/runs".into(), json, b"{}"),
        ("a workflow that is no name", Method::POST, "/v1/runs".into(), json, b"{\"workflow\": \"a/b\"}"),
        ("an unknown field", Method::POST, "/v1/runs".into(), json, b"{\"workflow\": \"w\", \"inptu\": 1}"),
        ("a body too large", Method::POST, "/v1/runs".into(), json, large.as_bytes()),
        ("a payload too large", Method::POST, "/v1/runs".into(), json, payload.as_bytes()),
        ("an id that is none", Method::GET, "/v1/runs/x".into(), "", b""),
        ("an id that is not text", Method::GET, "/v1/runs/%FF".into(), "", b""),
        ("an unknown run", Method::GET, "/v1/runs/00000000-0000-7000-8000-000000000000".into(), "", b""),
        ("its journal", Method::GET, "/v1/runs/00000000-0000-7000-8000-000000000000/journal".into(), "", b""),
        ("an unknown parameter", Method::GET, "/v1/runs?sate=parked".into(), "", b""),
        ("a parameter twice", Method::GET, "/v1/runs?limit=1&limit=2".into(), "", b""),
        ("a state that is none", Method::GET, "/v1/runs?state=done".into(), "", b""),
        ("a limit too large", Method::GET, "/v1/runs?limit=501".into(), "", b""),
        ("a cursor that is none", Method::GET, "/v1/runs?cursor=x".into(), "", b""),
        ("a journal's cursor that is none", Method::GET, format!("/v1/runs/{run}/journal?cursor=x"), "", b""),
        ("a wait that is none", Method::GET, format!("/v1/runs/{run}?wait=soon"), "", b""),
        ("a reason that is no text", Method::POST, format!("/v1/runs/{run}/cancel"), json, b"{\"reason\": 1}"),
        ("an unknown key", Method::DELETE, "/v1/keys/00000000-0000-7000-8000-000000000000".into(), "", b""),
        ("a key without a name", Method::POST, "/v1/keys".into(), json, b"{\"name\": \"\"}"),
    ];
    let mut shown = String::new();
    for (what, method, path, kind, body) in requests {
        let mut request = house.door.request(method.clone(), path).body(body.to_vec());
        if !kind.is_empty() {
            request = request.header(CONTENT_TYPE, *kind);
        }
        let refused = answer(request).await;
        assert_eq!(refused.headers["content-type"], "application/problem+json", "{what}");
        assert_eq!(refused.body["status"], refused.status, "{what}");
        assert_eq!(refused.text("request_id"), refused.headers["x-request-id"], "{what}");
        let at = refused.body["errors"].as_array().into_iter().flatten();
        let at: Vec<_> = at.map(|error| format!("\n    at {:?}: {}", error["pointer"], error["detail"])).collect();
        shown.push_str(&[what, ": ", &refused.brief(), "\n    ", refused.text("detail"), &at.concat(), "\n"].concat());
    }
    insta::assert_snapshot!(shown);
    let listed = house.door.get("/v1/runs").await.body["runs"].as_array().map(Vec::len);
    assert_eq!(listed, Some(1), "nothing was started by any of them");
    house.finish().await;
}

#[tokio::test]
async fn web_pages_and_foreign_names_are_refused_without_keys() {
    let house = House::new("refusals_origin").await;
    for (name, value) in [("origin", "https://evil.example"), ("host", "evil.example"), ("origin", "null")] {
        let refused = answer(house.door.request(Method::GET, "/v1/runs").header(name, value)).await;
        assert_eq!(refused.brief(), "403 foreign_origin", "{name}: {value}");
    }
    house.finish().await;
}

/// Requests that no client library would send. Whatever they are answered, the next one is served.
#[tokio::test]
async fn broken_requests_break_nothing() {
    let house = House::new("refusals_broken").await;
    let head = "POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    for broken in [
        format!("{head}content-length: 100\r\n\r\n{{\"workflow\""),
        format!("{head}content-length: x\r\n\r\n"),
        format!("{head}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        "GET / HTTP/9.9\r\n\r\n".into(),
        "\0\0\0\0\r\n\r\n".into(),
        format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(1 << 20)),
    ] {
        let mut stream = TcpStream::connect(house.door.address).await.expect("the door is open");
        // The server may close before it has read everything.
        let _ = stream.write_all(broken.as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&answer));
        assert_eq!(house.door.get("/v1/runs").await.body["runs"], Value::Array(vec![]));
    }
    house.finish().await;
}

/// Bodies that only a socket can send. Each is answered with a problem, in words.
#[tokio::test]
async fn bodies_that_break_off_or_never_end_are_said_to() {
    let house = House::new("refusals_bodies").await;
    let head = "POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
    let bodies = [
        ("less than it said", format!("{head}content-length: 100\r\n\r\n{{\"workflow\""), 400, "incomplete_body"),
        ("no last chunk", format!("{head}transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n"), 400, "incomplete_body"),
        (
            "a chunk without a length",
            format!("{head}transfer-encoding: chunked\r\n\r\nxyz\r\n"),
            400,
            "incomplete_body",
        ),
        ("more than it may", format!("{head}content-length: 99999999999\r\n\r\n"), 413, "body_too_large"),
        (
            "chunks without end",
            format!("{head}transfer-encoding: chunked\r\n\r\n{}", chunk.repeat(5)),
            413,
            "body_too_large",
        ),
        (
            "packed",
            format!("{head}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{{}}"),
            415,
            "unsupported_media_type",
        ),
    ];
    for (what, request, status, code) in bodies {
        let stream = TcpStream::connect(house.door.address).await.expect("the door is open");
        let (mut reading, mut writing) = stream.into_split();
        // It may be answered before it was sent.
        let sending = async move {
            let _ = writing.write_all(request.as_bytes()).await;
            let _ = writing.shutdown().await;
        };
        let mut told = vec![0; 4096];
        let (read, ()) = tokio::join!(reading.read(&mut told), sending);
        told.truncate(read.unwrap_or_else(|error| panic!("{what}: {error}")));
        let told = String::from_utf8(told).expect("the answer is text");
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {told}");
        assert!(told.contains("content-type: application/problem+json"), "{what}: {told}");
        assert!(told.contains(&format!("\"code\":\"{code}\"")), "{what}: {told}");
    }
    assert_eq!(house.door.get("/v1/runs").await.body["runs"], Value::Array(vec![]), "nothing was started");
    house.finish().await;
}
