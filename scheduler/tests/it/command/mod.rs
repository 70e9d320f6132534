//! The binary, as people and scripts use it.

mod dev;
mod new;
mod serve;
mod webhooks;
mod words;

use std::{
    ffi::OsStr,
    path::Path,
    process::{Output, Stdio},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::api::PATIENCE;

/// The binary with nothing of the environment that could change what it does.
fn piton<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_piton"));
    for name in
        ["PITON_URL", "PITON_API_KEY", "PITON_DATABASE_URL", "PITON_NATS_URL", "PITON_LOG", "PITON_WEBHOOK_SECRET"]
    {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// What a command came to.
struct Done {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Done {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("JSON: {}\n{}", self.out, self.err))
    }
}

async fn done(mut command: Command) -> Done {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends");
    let Output { status, stdout, stderr } = output.expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    Done { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// A command that goes on, and has said JSON on its standard output.
struct Running {
    child: Child,
    said: Value,
    out: BufReader<tokio::process::ChildStdout>,
}

impl Running {
    async fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut text = String::new();
        let saying = async {
            loop {
                assert_ne!(out.read_line(&mut text).await.expect("its output reads"), 0, "it ended: {text}");
                if let Ok(said) = serde_json::from_str(&text) {
                    return said;
                }
            }
        };
        let said = tokio::time::timeout(PATIENCE, saying).await.expect("it is ready in time");
        Self { child, said, out }
    }

    fn url(&self) -> &str {
        let one = self.said["url"].as_str();
        one.or_else(|| self.said["urls"][0].as_str()).expect("it says its address")
    }

    fn piton<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = piton(arguments);
        command.env("PITON_URL", self.url());
        command
    }

    async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it was not waited for").to_string();
        let killed = Command::new("kill").args([name, &pid]).status().await;
        assert!(killed.expect("kill runs").success());
    }

    /// Sends a signal and gives the exit code.
    async fn stop(mut self, name: &str) -> Option<i32> {
        self.signal(name).await;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        drop(self.out);
        ended.expect("it ends in time").expect("it is waited for").code()
    }
}

/// Processes whose command line names the folder.
fn processes_on(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().expect("the tests' folders are UTF-8");
    let processes = std::fs::read_dir("/proc").expect("this is Linux");
    let lines = processes.filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(folder)).collect()
}

/// A connection whose request does not arrive whole: it keeps a server that drains from its end.
async fn half_a_request(url: &str, key: Option<&str>) -> TcpStream {
    let mut stream = TcpStream::connect(address(url)).await.expect("the server listens");
    let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    let head = "POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let head = format!("{head}{key}content-length: 100\r\n\r\n{{");
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // It holds the server up only once the server has begun to read it.
    let begun = async {
        loop {
            let figures = reqwest::get(format!("{url}/metrics")).await.expect("the server answers");
            if figures.text().await.expect("text").contains("piton_http_requests_under_way 2") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, begun).await.expect("the request is under way");
    stream
}

/// Waits until nobody listens there any more.
async fn until_deaf(url: &str) {
    let closing = async {
        while TcpStream::connect(address(url)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, closing).await.expect("it stops listening");
}

fn address(url: &str) -> &str {
    url.strip_prefix("http://").expect("a URL of ours")
}
