//! The HTTP door, as callers see it: a real scheduler behind a real socket.

mod batches;
mod contract;
mod events;
mod health;
mod keys;
mod looks;
mod orders;
mod orgs;
mod progress;
mod readers;
mod refusals;
mod schedules;
mod shares;
mod slow;
mod starts;
mod stops;
mod triggers;

use std::{collections::BTreeMap, time::Duration};

use piton_devstack::testing::TestNats;
use piton_scheduler::{
    api::{Access, Scopes, Secret, Times, serve_within},
    engine::Engine,
    server::{Scheduler, SchedulerOptions},
    store::NewKey,
};
use piton_shared::{
    ids::{KeyId, RunId},
    name::Org,
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{database::Database, making::fresh};

/// Long enough for whatever a test waits for; a test that is right never waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One scheduler and its door.
pub(crate) struct Door {
    scheduler: Scheduler,
    serving: JoinHandle<()>,
    shutdown: CancellationToken,
    pub(crate) address: std::net::SocketAddr,
    http: reqwest::Client,
}

/// An answer, with what tests look at.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn id(&self) -> RunId {
        self.text("id").parse().expect("the answer has a run's id")
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} is a text in {:#}", self.body))
    }

    /// The status and, of a problem, its code.
    pub(crate) fn brief(&self) -> String {
        match self.body.get("code").and_then(Value::as_str) {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }
}

impl Door {
    pub(crate) async fn open(database_url: &str, nats_url: &str, access: Access, times: Times) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut options = SchedulerOptions::new(database_url, nats_url);
        // What is published is matched when it is answered, on a busy machine as well.
        options.matching_awaited = PATIENCE;
        let scheduler = Scheduler::start(options).await.expect("the scheduler starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let shutdown = CancellationToken::new();
        let served = serve_within(times, listener, scheduler.engine(), access, shutdown.clone());
        let serving = tokio::spawn(async move { served.await.expect("it serves") });
        Self { scheduler, serving, shutdown, address, http: reqwest::Client::new() }
    }

    pub(crate) fn engine(&self) -> Engine {
        self.scheduler.engine()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address)).timeout(PATIENCE)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// Starts a run that must be new.
    pub(crate) async fn start(&self, body: &Value) -> Answer {
        let started = self.post("/v1/runs", body).await;
        assert_eq!(started.status, 201, "{:#}", started.body);
        started
    }

    /// Begins to close: those who wait are answered.
    pub(crate) fn begin_to_close(&self) {
        self.shutdown.cancel();
    }

    pub(crate) async fn close(self) {
        self.shutdown.cancel();
        self.serving.await.expect("the door's task ends");
        self.scheduler.shutdown().await;
    }
}

/// Sends a request; what comes back must be what the API's document says.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.expect("the request is one");
    let (method, path) = (request.method().to_string(), request.url().path().to_owned());
    let response = client.execute(request).await.expect("the door answers");
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned())).collect();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.expect("the answer arrives");
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    let answer = Answer { status, headers, body };
    contract::check(&method, &path, &answer);
    answer
}

/// A database, a NATS and a door of a test's own.
pub(crate) struct House {
    pub(crate) database: Database,
    pub(crate) nats: TestNats,
    pub(crate) door: Door,
}

impl House {
    pub(crate) async fn new(label: &str) -> Self {
        Self::with(label, Access::OpenOnLoopback).await
    }

    /// One whose door has little patience.
    pub(crate) async fn within(label: &str, times: Times) -> Self {
        Self::build(label, Access::OpenOnLoopback, times).await
    }

    pub(crate) async fn with(label: &str, access: Access) -> Self {
        Self::build(label, access, Times::default()).await
    }

    async fn build(label: &str, access: Access, times: Times) -> Self {
        let database = Database::new(label).await;
        let nats = TestNats::start().await.expect("NATS starts");
        let door = Door::open(&database.url, &nats.url(), access, times).await;
        Self { database, nats, door }
    }

    /// A key of an org, as its owner presents it.
    pub(crate) async fn key(&self, org: &Org, scopes: Scopes) -> String {
        let secret = Secret::fresh();
        let new = NewKey {
            key: KeyId::new(fresh()),
            org,
            name: "k",
            prefix: secret.prefix(),
            hash: secret.hash(),
            scopes,
            lifetime: None,
            created_by: None,
        };
        self.database.store.key_create(&new).await.expect("it is kept").expect("the org is there");
        format!("Bearer {}", secret.reveal())
    }

    /// A door of another scheduler on the same house.
    pub(crate) async fn another(&self) -> Door {
        Door::open(&self.database.url, &self.nats.url(), Access::OpenOnLoopback, Times::default()).await
    }

    pub(crate) async fn finish(self) {
        self.door.close().await;
        self.nats.stop().await.expect("NATS stops");
        self.database.finish().await;
    }
}

/// Asks again and again until the answer is as wanted.
pub(crate) async fn until(mut ask: impl AsyncFnMut() -> Answer, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let asking = async {
        loop {
            let answer = ask().await;
            if wanted(&answer) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("the answer becomes what is wanted")
}

/// JSON in which ids, times, cursors and keys are words, so that it is the same every time.
pub(crate) fn shape(value: &Value) -> String {
    fn mask(value: &mut Value) {
        match value {
            Value::String(text) => *text = words(text),
            Value::Array(items) => items.iter_mut().for_each(mask),
            Value::Object(members) => members.values_mut().for_each(mask),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut masked = value.clone();
    mask(&mut masked);
    format!("{masked:#}")
}

fn words(text: &str) -> String {
    if text.len() == 27 && text.parse::<jiff::Timestamp>().is_ok() {
        return "[time]".into();
    }
    if let Some(rest) = text.strip_prefix("pk_") {
        return format!("[key of {} characters]", rest.len());
    }
    let mut shown = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let id = [36, 32]
            .into_iter()
            .find(|length| rest.get(..*length).is_some_and(|part| part.parse::<uuid::Uuid>().is_ok()));
        if let Some(length) = id {
            shown.push_str(if length == 36 { "[id]" } else { "[cursor]" });
            rest = &rest[length..];
        } else {
            shown.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    shown
}

/// A snapshot of a [`shape`].
macro_rules! assert_shape {
    ($value:expr) => {
        let shape = crate::api::shape(&$value);
        insta::assert_snapshot!(shape);
    };
}
pub(crate) use assert_shape;
