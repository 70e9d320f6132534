//! A nats-server of the test's own: random port, own directory, killed with it.

use std::{env, process::Stdio, time::Duration};

use piton_shared::subject::Subjects;
use piton_transport::{Bus, BusOptions};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct NatsServer {
    child: Child,
    port: u16,
    store: TempDir,
    extra: Vec<String>,
}

impl NatsServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(extra: &[&str]) -> Self {
        let store = TempDir::new().expect("a directory for the stream");
        let extra: Vec<String> = extra.iter().map(|&argument| argument.to_owned()).collect();
        let (child, port) = launch(&store, None, &extra).await;
        Self { child, port, store, extra }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn options(&self) -> BusOptions {
        BusOptions::new(self.url(), "test")
    }

    pub(crate) async fn bus(&self) -> Bus {
        Bus::connect(self.options()).await.expect("the server runs")
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("it runs");
    }

    /// Starts it again on the same port, with what it had stored.
    pub(crate) async fn restart(&mut self) {
        (self.child, self.port) = launch(&self.store, Some(self.port), &self.extra).await;
    }

    /// Forgets what it had stored; only while it does not run.
    pub(crate) fn wipe(&mut self) {
        self.store = TempDir::new().expect("a directory for the stream");
    }
}

async fn launch(store: &TempDir, port: Option<u16>, extra: &[String]) -> (Child, u16) {
    let binary = env::var("PITON_NATS_BIN").unwrap_or_else(|_| "nats-server".to_owned());
    let mut child = Command::new(binary)
        .args(["-a", "127.0.0.1", "-js", "-p"])
        .arg(port.map_or("-1".to_owned(), |port| port.to_string()))
        .arg("-sd")
        .arg(store.path())
        .args(extra)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("nats-server is installed: `apt-get install nats-server`");
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let reading = async {
        let mut port = None;
        let mut said = Vec::new();
        while let Some(line) = lines.next_line().await.expect("its log is text") {
            if let Some((_, address)) = line.split_once("Listening for client connections on ") {
                port = address.rsplit_once(':').and_then(|(_, port)| port.trim().parse().ok());
            }
            if line.contains("Server is ready") {
                return port;
            }
            said.push(line);
        }
        panic!("nats-server ended: {said:#?}")
    };
    let port = tokio::time::timeout(PATIENCE, reading).await.expect("it starts in time");
    // Its log has to be read on, or it would block on a full pipe; the task ends with the process.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, port.expect("it says its port"))
}

/// Waits for the connection to be in a state.
pub(crate) async fn until(bus: &Bus, state: piton_transport::BusState) {
    let mut watch = bus.state();
    let reached = watch.wait_for(|now| *now == state);
    let reached = tokio::time::timeout(PATIENCE, reached).await;
    reached.expect("in time").expect("the connection lives");
}

pub(crate) fn subjects(prefix: &str) -> Subjects {
    Subjects::new(prefix).expect("a plain word")
}
