//! `piton dev`: two side by side, and Ctrl-C leaves nothing behind but the data.

use std::{fs, net::TcpStream, path::Path};

use anyhow::Context as _;
use piton_loadtest::{Api, Process, Program, customers, until, worker};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::rig::{OWN, SOON, folder, piton};

/// A running `piton dev` with a worker.
pub(crate) struct Dev {
    process: Process,
    worker: Process,
    api: std::sync::Arc<Api>,
    /// What it says of itself.
    places: Value,
    folder: TempDir,
}

impl Dev {
    /// Where the API is.
    pub(crate) fn url(&self) -> anyhow::Result<String> {
        Ok(self.places["urls"][0].as_str().context("no address")?.to_owned())
    }

    /// A place in its folder.
    pub(crate) fn place(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Ends it and its worker.
    pub(crate) async fn stop(self, signal: Signal) -> anyhow::Result<()> {
        self.worker.stop(Signal::TERM, SOON).await?;
        self.process.stop(signal, SOON).await?;
        Ok(())
    }
}

fn program(name: &str, path: &Path, arguments: &[&str], environment: &[(&str, &str)], folder: &Path) -> Program {
    Program {
        name: name.to_owned(),
        path: path.to_owned(),
        arguments: arguments.iter().map(Into::into).collect(),
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        logs: folder.join("logs"),
        tie: OWN.into(),
    }
}

/// The name is the log's: what an earlier one said must not be read again.
pub(crate) async fn start(name: &str, data: TempDir) -> anyhow::Result<Dev> {
    let stack = data.path().join("stack").display().to_string();
    // What an earlier start said of its ports is over.
    if data.path().join("logs").exists() {
        fs::remove_dir_all(data.path().join("logs"))?;
    }
    let asked = ["dev", "--data", &stack, "--port", "0", "--json"];
    let mut process = Process::spawn(&program(name, &piton()?, &asked, &[], data.path()))?;
    let places: Value = until("the stack's word that it is ready", SOON, async || {
        process.check_runs()?;
        let text = fs::read_to_string(process.log())?;
        // What it logs may stand before and after it.
        let object = text.find("\n{").map(|at| at + 1).or_else(|| text.starts_with('{').then_some(0));
        Ok(object.and_then(|at| serde_json::Deserializer::from_str(&text[at..]).into_iter().next()?.ok()))
    })
    .await?;
    let url = places["urls"][0].as_str().context("no address")?;
    let api = Api::new(url.trim_start_matches("http://").parse()?).into();
    let (nats, books) = (places["nats_url"].as_str().context("no NATS")?, data.path().join("ledger"));
    let environment = [("PITON_NATS_URL", nats), (worker::LEDGER, books.to_str().context("a path")?)];
    let worker = Process::spawn(&program("worker", Path::new(OWN), &["worker"], &environment, data.path()))?;
    Ok(Dev { process, worker, api, places, folder: data })
}

/// Processes whose command line names something of the folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let name = folder.display().to_string();
    let command = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).ok();
    let commands = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(command);
    let commands = commands.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    commands.filter(|command| command.contains(&name)).collect()
}

fn sockets_in(folder: &Path) -> Vec<String> {
    use std::os::unix::fs::FileTypeExt as _;
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_socket() => found.push(entry.path().display().to_string()),
                Ok(_) | Err(_) => {}
            }
        }
    }
    found
}

/// The addresses in what it said, by which programs would come.
fn addresses(places: &Value) -> Vec<String> {
    let urls = places["urls"].as_array().into_iter().flatten().chain([&places["nats_url"], &places["database_url"]]);
    let urls = urls.filter_map(Value::as_str);
    let host = |url: &str| {
        let authority = url.split("://").nth(1)?.split('/').next()?;
        Some(authority.rsplit('@').next()?.to_owned())
    };
    urls.filter_map(host).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stacks_stand_side_by_side_and_ctrl_c_leaves_nothing_behind() -> anyhow::Result<()> {
    let (first, second) = tokio::try_join!(start("dev", folder()?), start("dev", folder()?))?;
    let mut runs = Vec::new();
    for dev in [&first, &second] {
        let placed = customers::place_one("order-1", std::slice::from_ref(&dev.api), 0).await?;
        runs.push(placed.runs[0].clone());
    }
    assert_eq!(first.api.get(&format!("/v1/runs/{}", runs[1])).await?.status, 404, "each has its own");
    assert_eq!(second.api.get(&format!("/v1/runs/{}", runs[0])).await?.status, 404, "each has its own");

    let mut folders = Vec::new();
    for dev in [first, second] {
        let Dev { process, worker, places, folder, .. } = dev;
        worker.stop(Signal::TERM, SOON).await?;
        process.stop(Signal::INT, SOON).await?;
        assert_eq!(processes_of(folder.path()), Vec::<String>::new());
        assert_eq!(sockets_in(folder.path()), Vec::<String>::new());
        for address in addresses(&places) {
            assert!(TcpStream::connect(&address).is_err(), "somebody still listens on {address}");
        }
        folders.push(folder);
    }

    // The data stays, and is there when it starts again.
    let dev = start("dev-again", folders.remove(0)).await?;
    let run = dev.api.get(&format!("/v1/runs/{}", runs[0])).await?;
    assert_eq!(run.text("state"), "completed");
    // Killed with -9 it leaves nothing either: its servers have a watchdog.
    dev.worker.kill9().await?;
    dev.process.kill9().await?;
    until("the end of the servers", SOON, async || Ok(processes_of(dev.folder.path()).is_empty().then_some(()))).await
}
