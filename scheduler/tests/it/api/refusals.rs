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
    let requests: &[(&str, Method, String, &str, &str)] = &[
        ("no such address", Method::GET, "/v2/runs".into(), "", ""),
        ("no such method", Method::PUT, "/v1/runs".into(), "", ""),
        ("no content type", Method::POST, "/v1/runs".into(), "", "{}"),
        ("another content type", Method::POST, "/v1/runs".into(), "text/plain", "{}"),
        ("nothing", Method::POST, "/v1/runs".into(), json, ""),
        ("broken JSON", Method::POST, "/v1/runs".into(), json, "{\"workflow\": \"w\",\n \"input\": }"),
        ("JSON nested too deep", Method::POST, "/v1/runs".into(), json, &deep),
        ("no object", Method::POST, "/v1/runs".into(), json, "[]"),
        ("no workflow", Method::POST, "/v1/runs".into(), json, "{}"),
        ("a workflow that is no name", Method::POST, "/v1/runs".into(), json, "{\"workflow\": \"a/b\"}"),
        ("an unknown field", Method::POST, "/v1/runs".into(), json, "{\"workflow\": \"w\", \"inptu\": 1}"),
        ("a body too large", Method::POST, "/v1/runs".into(), json, &large),
        ("a payload too large", Method::POST, "/v1/runs".into(), json, &payload),
        ("an id that is none", Method::GET, "/v1/runs/x".into(), "", ""),
        ("an id that is not text", Method::GET, "/v1/runs/%FF".into(), "", ""),
        ("an unknown run", Method::GET, "/v1/runs/00000000-0000-7000-8000-000000000000".into(), "", ""),
        ("its journal", Method::GET, "/v1/runs/00000000-0000-7000-8000-000000000000/journal".into(), "", ""),
        ("an unknown parameter", Method::GET, "/v1/runs?sate=parked".into(), "", ""),
        ("a parameter twice", Method::GET, "/v1/runs?limit=1&limit=2".into(), "", ""),
        ("a state that is none", Method::GET, "/v1/runs?state=done".into(), "", ""),
        ("a limit too large", Method::GET, "/v1/runs?limit=501".into(), "", ""),
        ("a cursor that is none", Method::GET, "/v1/runs?cursor=x".into(), "", ""),
        ("a journal's cursor that is none", Method::GET, format!("/v1/runs/{run}/journal?cursor=x"), "", ""),
        ("a wait that is none", Method::GET, format!("/v1/runs/{run}?wait=soon"), "", ""),
        ("a reason that is no text", Method::POST, format!("/v1/runs/{run}/cancel"), json, "{\"reason\": 1}"),
        ("an unknown key", Method::DELETE, "/v1/keys/00000000-0000-7000-8000-000000000000".into(), "", ""),
        ("a key without a name", Method::POST, "/v1/keys".into(), json, "{\"name\": \"\"}"),
    ];
    let mut shown = String::new();
    for (what, method, path, kind, body) in requests {
        let mut request = house.door.request(method.clone(), path).body((*body).to_owned());
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
