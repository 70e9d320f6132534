//! A span arrives at a collector when one is configured.
#![cfg(feature = "otlp")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    thread,
};

use piton_telemetry::{TelemetryOptions, init, trace};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

struct Posted {
    head: String,
    body: Vec<u8>,
}

/// Takes one request and says that all is well.
fn one_request(listener: &TcpListener) -> Posted {
    let (stream, _) = listener.accept().expect("the exporter connects");
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).expect("text"), 0, "a whole head");
    }
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.parse().ok())
        .expect("a length");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a whole body");
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    reader.get_mut().write_all(answer.as_bytes()).expect("connected");
    Posted { head, body }
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_span_arrives_with_its_parent_and_its_service() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let collector = thread::spawn(move || one_request(&listener));

    let mut options = TelemetryOptions::new("piton-test");
    options.otlp = Some(format!("http://{address}"));
    let telemetry = init(&options).expect("set up");
    init(&options).expect_err("once a process");

    let span = tracing::info_span!("claim the run", run = "r-17");
    trace::set_parent(&span, PARENT);
    let carried = span.in_scope(|| {
        // What exporting does itself is not traced, or each export would cause the next.
        tracing::info_span!(target: "hyper::client", "not ours").in_scope(|| ());
        trace::current_traceparent().expect("within a trace")
    });
    assert!(trace::is_well_formed(&carried));
    assert_eq!(carried[..36], PARENT[..36], "the same trace");
    assert_ne!(carried, PARENT, "another span");
    drop(span);
    telemetry.shutdown();

    let posted = collector.join().expect("one request came");
    assert!(posted.head.starts_with("POST /v1/traces "), "{}", posted.head);
    assert!(has(&posted.body, b"claim the run"));
    assert!(has(&posted.body, b"r-17"));
    assert!(has(&posted.body, b"piton-test"));
    assert!(!has(&posted.body, b"not ours"));
}
