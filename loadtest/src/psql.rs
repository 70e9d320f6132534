//! The database's own words, by its own client: nobody but the scheduler has a driver for it.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use piton_devstack::PostgresBinaries;
use serde::de::DeserializeOwned;
use tokio::process::Command;

/// The client `psql` on one database.
#[derive(Debug, Clone)]
pub struct Psql {
    program: PathBuf,
    url: String,
}

impl Psql {
    /// Beside the server's programs, or on PATH; `None` if this machine has none.
    pub async fn find(url: &str) -> Option<Self> {
        let binaries = PostgresBinaries::find().await.ok();
        let beside = binaries.and_then(|found| Some(found.postgres.parent()?.join("psql")));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).map(|folder| folder.join("psql"));
        let program = beside.into_iter().chain(on_path).find(|candidate| candidate.is_file())?;
        Some(Self { program, url: url.to_owned() })
    }

    /// Runs a statement that answers with one JSON value.
    pub async fn json<T: DeserializeOwned>(&self, sql: &str) -> anyhow::Result<T> {
        let mut command = Command::new(&self.program);
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url, "-c", sql]);
        let output = command.output().await.context("could not run psql")?;
        if !output.status.success() {
            bail!("psql ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout).context("psql did not answer with JSON")
    }
}
