//! Schedulers and workers as real processes, on a database and a broker that are there.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Command;

use crate::{
    api::Api,
    process::{Process, Program},
    wait::until,
};

/// Until a scheduler takes requests, or a worker has registered.
const START: Duration = Duration::from_mins(1);
/// Until a process that was asked to stop has stopped.
const STOP: Duration = Duration::from_secs(45);

/// What the processes are told.
#[derive(Debug, Clone)]
pub struct Servers {
    /// The binary `piton`.
    pub piton: PathBuf,
    /// The binary whose hidden subcommands are `worker` and `tied`.
    pub own: PathBuf,
    /// Where Postgres is.
    pub database_url: String,
    /// Where NATS is.
    pub nats_url: String,
    /// Where the logs go.
    pub logs: PathBuf,
    /// Variables of every process.
    pub variables: Vec<(String, String)>,
}

/// A running set of processes.
#[derive(Debug)]
pub struct Cluster {
    servers: Servers,
    key: String,
    schedulers: Vec<Scheduler>,
    workers: Vec<Process>,
    started: usize,
}

/// A scheduler, and the way to ask it.
#[derive(Debug)]
pub struct Scheduler {
    /// The process; `None` after its end.
    process: Option<Process>,
    /// Its API.
    pub api: Arc<Api>,
    address: SocketAddr,
    name: String,
}

impl Cluster {
    /// Nothing runs yet; the schema is made, and an API key.
    pub async fn new(servers: Servers) -> anyhow::Result<Self> {
        let _done = ask(&servers, &["migrate"]).await?;
        let made =
            ask(&servers, &["key", "create", "load", "--scope", "admin", "--database-url", &servers.database_url])
                .await?;
        let key = made["key"].as_str().context("`piton key create` named no key")?.to_owned();
        Ok(Self { servers, key, schedulers: Vec::new(), workers: Vec::new(), started: 0 })
    }

    fn program(&self, name: &str, arguments: &[&str], environment: Vec<(String, String)>) -> Program {
        let Servers { piton, own, database_url, nats_url, logs, variables } = &self.servers;
        let address = [("PITON_DATABASE_URL", database_url), ("PITON_NATS_URL", nats_url)];
        let address = address.map(|(name, value)| (name.to_owned(), value.clone()));
        Program {
            name: name.to_owned(),
            path: if name.starts_with("worker") { own.clone() } else { piton.clone() },
            arguments: arguments.iter().map(Into::into).collect(),
            environment: address.into_iter().chain(variables.iter().cloned()).chain(environment).collect(),
            logs: logs.clone(),
            tie: own.clone(),
        }
    }

    /// Starts one more scheduler and waits until it takes requests.
    pub async fn start_scheduler(&mut self) -> anyhow::Result<&Scheduler> {
        let at = self.schedulers.len();
        let address = free_address().context("no free port")?;
        let scheduler = Scheduler {
            process: None,
            api: Arc::new(Api::new(address).with_key(&self.key)),
            address,
            name: format!("scheduler-{}", at + 1),
        };
        self.schedulers.push(scheduler);
        self.restart_scheduler(at).await?;
        Ok(&self.schedulers[at])
    }

    /// Starts a scheduler again at its old address, and waits until it takes requests.
    pub async fn restart_scheduler(&mut self, at: usize) -> anyhow::Result<()> {
        let Scheduler { name, address, .. } = &self.schedulers[at];
        let listen = address.to_string();
        let program = self.program(name, &["serve", "--listen", &listen, "--health-listen", "127.0.0.1:0"], Vec::new());
        let mut process = Process::spawn(&program)?;
        let scheduler = &mut self.schedulers[at];
        until("a scheduler that is ready", START, async || {
            process.check_runs()?;
            let answer = scheduler.api.get("/health/ready").await;
            Ok(answer.is_ok_and(|answer| answer.status == 200).then_some(()))
        })
        .await?;
        scheduler.process = Some(process);
        Ok(())
    }

    /// Starts one more worker, with these variables, and waits until it has registered.
    pub async fn start_worker(&mut self, environment: &[(&str, String)]) -> anyhow::Result<usize> {
        self.started += 1;
        let name = format!("worker-{}", self.started);
        let own = [("PITON_WORKER_NAME", name.clone())];
        let environment = own.iter().chain(environment).map(|(name, value)| ((*name).to_owned(), value.clone()));
        let mut process = Process::spawn(&self.program(&name, &["worker"], environment.collect()))?;
        let api = self.any_api()?;
        until("a worker's registration", START, async || {
            process.check_runs()?;
            let Ok(answer) = api.get("/v1/workers").await else { return Ok(None) };
            let workers = answer.json();
            let mut workers = workers["workers"].as_array().into_iter().flatten();
            Ok(workers.any(|worker| worker["name"] == *name && worker["ended_at"].is_null()).then_some(()))
        })
        .await?;
        self.workers.push(process);
        Ok(self.workers.len() - 1)
    }

    /// The schedulers, those that do not run included.
    pub fn schedulers(&self) -> &[Scheduler] {
        &self.schedulers
    }

    /// The worker processes that were not taken away.
    pub fn workers(&self) -> &[Process] {
        &self.workers
    }

    /// The worker processes that were not taken away, to wait for.
    pub fn workers_mut(&mut self) -> &mut [Process] {
        &mut self.workers
    }

    /// Takes a worker out, to end it.
    pub fn take_worker(&mut self, at: usize) -> Process {
        self.workers.remove(at)
    }

    /// Takes a scheduler's process out, to end it; its address stays for [`restart_scheduler`](Self::restart_scheduler).
    pub fn take_scheduler(&mut self, at: usize) -> Option<Process> {
        self.schedulers[at].process.take()
    }

    /// The API of the first scheduler that runs.
    pub fn any_api(&self) -> anyhow::Result<Arc<Api>> {
        let running = self.schedulers.iter().find(|scheduler| scheduler.process.is_some());
        Ok(Arc::clone(&running.context("no scheduler runs")?.api))
    }

    /// The API key of every scheduler.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where everything is.
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// Stops everything in good order: workers hand back first, so that the schedulers can write it down.
    pub async fn stop(self) -> anyhow::Result<()> {
        let workers = self.workers.into_iter().map(|process| process.stop(Signal::TERM, STOP));
        let workers = futures::future::join_all(workers).await;
        let schedulers = self.schedulers.into_iter().filter_map(|scheduler| scheduler.process);
        let schedulers = schedulers.map(|process| process.stop(Signal::TERM, STOP));
        let schedulers = futures::future::join_all(schedulers).await;
        workers.into_iter().chain(schedulers).collect()
    }
}

impl Scheduler {
    /// The process, while it runs.
    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }
}

/// Free at this moment.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Has a command of `piton` answer with its JSON.
async fn ask(servers: &Servers, arguments: &[&str]) -> anyhow::Result<Value> {
    let Servers { piton, database_url, .. } = servers;
    let mut command = Command::new(piton);
    command.args(arguments).arg("--json").env("PITON_DATABASE_URL", database_url).kill_on_drop(true);
    let output = command.output().await.with_context(|| format!("could not run {}", piton.display()))?;
    let what = arguments.first().copied().unwrap_or_default();
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`piton {what}` ended with {}: {complaint}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("`piton {what}` did not answer with JSON"))
}
