//! A durable stack of our own, on disk, with schedulers and workers, all gone at the end.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use piton_devstack::{Stack, StackOptions, Tcp};

use crate::{
    cluster::{Cluster, Servers},
    measure::{Accounting, Component},
};

/// What becomes of the data at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// It is deleted.
    Delete,
    /// It stays in its folder.
    Keep,
}

/// Postgres and NATS as a user would run them, with fsync and synchronous commit on, and the processes on them.
#[derive(Debug)]
pub struct PrivateStack {
    folder: PathBuf,
    stack: Stack,
    /// The schedulers and workers.
    pub cluster: Cluster,
}

impl PrivateStack {
    /// Starts the servers in a folder, and makes the schema; no scheduler runs yet.
    pub async fn start(folder: &Path, piton: PathBuf) -> anyhow::Result<Self> {
        let options = StackOptions { postgres: Tcp::Off, ..StackOptions::new(folder.join("stack")) };
        let stack = Stack::start(options).await.context("could not start Postgres and NATS")?;
        let servers = Servers {
            piton,
            own: std::env::current_exe().context("could not find the own executable")?,
            database_url: stack.postgres().url(),
            nats_url: stack.nats().url(),
            logs: folder.join("logs"),
            variables: Vec::new(),
        };
        let cluster = Cluster::new(servers).await?;
        Ok(Self { folder: folder.to_owned(), stack, cluster })
    }

    /// Where all of it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All of its processes, and this one.
    pub fn accounting(&self) -> Accounting {
        let mut accounting = Accounting::new();
        let servers = [(Component::Postgres, self.stack.postgres().pid()), (Component::Nats, self.stack.nats().pid())];
        let schedulers = self.cluster.schedulers().iter().filter_map(|scheduler| scheduler.process());
        let schedulers = schedulers.map(|process| (Component::Schedulers, Some(process.pid())));
        let workers = self.cluster.workers().iter().map(|process| (Component::Workers, Some(process.pid())));
        for (component, pid) in servers.into_iter().chain(schedulers).chain(workers) {
            pid.inspect(|pid| accounting.watch(component, *pid));
        }
        accounting
    }

    /// Stops everything in good order.
    pub async fn stop(self, afterwards: Afterwards) -> anyhow::Result<()> {
        let processes = self.cluster.stop().await;
        let servers = self.stack.stop().await.context("could not stop Postgres and NATS");
        match afterwards {
            Afterwards::Keep => {}
            Afterwards::Delete => {
                Stack::reset(self.folder.join("stack")).await.context("could not delete the stack's data")?;
                let removed = tokio::fs::remove_dir_all(&self.folder).await;
                removed.with_context(|| format!("could not delete {}", self.folder.display()))?;
            }
        }
        processes.and(servers)
    }
}

/// A folder for one use: on disk if the machine is set up as usual, for that is where `/var/tmp` is; and open to the
/// account that the servers run as, as the home of root is not.
pub fn fresh_folder(name: &str) -> PathBuf {
    let disk = Path::new("/var/tmp");
    let parent = if disk.is_dir() { disk.to_owned() } else { std::env::temp_dir() };
    parent.join(format!("piton-{name}-{}", std::process::id()))
}
