//! Payloads stay in the database: every kind of fault, with a mark in what callers sent, and no log line, no attribute of a
//! trace and no figure has it. Reason codes are logged; details are on record with the run, the event or the delivery.

use std::{
    fmt::{Debug, Write as _},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use piton::{Failure, Result, RetryPolicy, Worker, WorkerOptions, WorkflowContext, function, workflow};
use piton_scheduler::api::{Access, serve};
use piton_shared::state::RunState;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::stack::{PATIENCE, Stack, eventually};

/// Stands in every payload.
const MARK: &str = "payload-7f3a9c";

/// All that was logged, and all attributes of spans: of Piton down to `debug`, of everybody else down to `info`.
#[derive(Clone, Default)]
struct Logged {
    lines: Arc<Mutex<String>>,
    spans: Arc<AtomicU64>,
}

impl Logged {
    fn write(&self, what: &str, fields: impl FnOnce(&mut dyn Visit)) {
        let mut line = Line(what.to_owned());
        fields(&mut line);
        line.0.push('\n');
        self.lines.lock().push_str(&line.0);
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("writing to a string cannot fail");
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut next = Some(value);
        while let Some(error) = next {
            write!(self.0, " {}={error}", field.name()).expect("writing to a string cannot fail");
            next = error.source();
        }
    }
}

impl Subscriber for Logged {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let most = if metadata.target().starts_with("piton") { Level::DEBUG } else { Level::INFO };
        *metadata.level() <= most
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        self.write(attributes.metadata().name(), |visit| attributes.record(visit));
        span::Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        self.write("recorded", |visit| values.record(visit));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        self.write(event.metadata().target(), |visit| event.record(visit));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[function]
async fn echo(text: String) -> Result<String> {
    Ok(text)
}

#[function]
async fn other(text: String) -> Result<String> {
    Ok(text)
}

#[function]
async fn fails(text: String) -> Result<()> {
    Err(Failure::new(text))
}

/// Retried once, then the workflow ends with its failure.
#[workflow]
async fn failing(ctx: &WorkflowContext, text: String) -> Result<()> {
    Ok(ctx.step(fails(text).retry(RetryPolicy { max_tries: 2, ..RetryPolicy::default() })).await?)
}

#[workflow]
async fn panicking(_ctx: &WorkflowContext, text: String) -> Result<()> {
    panic!("{text}")
}

#[workflow]
async fn counting(_ctx: &WorkflowContext, count: u32) -> Result<u32> {
    Ok(count)
}

static POLLED: AtomicU32 = AtomicU32::new(0);

/// Asks for another call when it is replayed.
#[workflow]
async fn fickle(ctx: &WorkflowContext, text: String) -> Result<String> {
    let text = match POLLED.fetch_add(1, Ordering::SeqCst) {
        0 => ctx.step(echo(text)).await?,
        _ => ctx.step(other(text)).await?,
    };
    ctx.sleep(Duration::from_secs(1)).await?;
    Ok(text)
}

/// Sends a request on a connection of its own; the status and the body of the answer.
async fn asked(to: SocketAddr, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(to).await.expect("somebody listens");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.expect("it is sent");
    let mut told = String::new();
    let reading = stream.read_to_string(&mut told);
    tokio::time::timeout(PATIENCE, reading).await.expect("it is answered").expect("the answer is text");
    let status = told.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status");
    let (_, body) = told.split_once("\r\n\r\n").expect("an answer has a head");
    (status, serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_puts_a_payload_into_logs_traces_or_figures() {
    let logged = Logged::default();
    tracing::subscriber::set_global_default(logged.clone()).expect("each test has a process of its own");
    let stack = Stack::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let api = listener.local_addr().expect("it has an address");
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, stack.engine.clone(), Access::OpenOnLoopback, stop.clone()));
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let figures = free.local_addr().expect("it has an address");
    drop(free);
    let builder = Worker::builder()
        .register(echo)
        .register(other)
        .register(fails)
        .register(failing)
        .register(panicking)
        .register(counting)
        .register(fickle);
    let worker = stack.work_with(builder, WorkerOptions { metrics_address: Some(figures), ..stack.options() }).await;
    let post = async |path: &str, body: Value| asked(api, "POST", path, &body.to_string()).await;

    // Inputs that do not fit, events that match and cannot start anything, filters that fail, deliveries of all kinds.
    // Until the worker has presented its definitions, anything is taken for an input.
    let refused = async || {
        let (status, _) = post("/v1/runs", json!({ "workflow": "counting", "input": MARK })).await;
        (status == 422).then_some(())
    };
    eventually("an input to be refused", refused).await;
    assert_eq!(asked(api, "POST", "/v1/runs", &format!("{{\"input\": \"{MARK}\"")).await.0, 400);
    assert_eq!(post("/v1/runs", json!({ "workflow": MARK, MARK: 1 })).await.0, 422);
    for filter in [json!("event.data.text > 5"), json!(null)] {
        let trigger = json!({ "workflow": "counting", "event": "seen", "filter": filter });
        let (status, made) = post("/v1/triggers", trigger).await;
        assert_eq!(status, 201, "{made:#}");
    }
    for data in [json!({ "text": MARK, "count": MARK }), json!({ "text": [MARK] }), json!(MARK)] {
        let (status, told) = post("/v1/events", json!({ "name": "seen", "data": data })).await;
        assert!(status < 300, "{told:#}");
    }
    let hook = json!({ "name": "h", "provider": "hmac", "hmac": { "signature_header": "x-signature" } });
    let (status, hook) = post("/v1/webhooks", hook).await;
    assert_eq!(status, 201, "{hook:#}");
    let path = hook["path"].as_str().expect("it has an address");
    assert_eq!(post(path, json!({ "text": MARK })).await.0, 401);

    // What functions and workflows come to.
    let failed = stack.ended(stack.begin("failing", &MARK).await).await;
    assert_eq!(failed.state, RunState::Failed);
    for workflow in ["panicking", "counting", "fickle"] {
        let run = stack.begin(workflow, &MARK).await;
        let parked = stack.reaches(run, RunState::Parked).await;
        assert!(parked.parked.is_some(), "{parked:?}");
    }
    let cancelled = stack.begin("fickle", &MARK).await;
    let reason = json!({ "reason": MARK });
    assert!(post(&format!("/v1/runs/{cancelled}/cancel"), reason).await.0 < 300);
    stack.ended(cancelled).await;

    let (_, text) = asked(figures, "GET", "/metrics", "").await;
    let figures = format!("{}{text}", stack.engine.metrics_text());
    assert!(figures.contains("piton_"), "{figures}");
    worker.stop().await;
    stop.cancel();
    serving.await.expect("it does not panic").expect("it serves");
    let lines = logged.lines.lock().clone();
    assert!(lines.contains("answered") && lines.contains("worker registered"), "it was logged: {lines}");
    let told: Vec<_> = lines.lines().chain(figures.lines()).filter(|line| line.contains(MARK)).collect();
    assert!(told.is_empty(), "payloads stand in:\n{}", told.join("\n"));
}
