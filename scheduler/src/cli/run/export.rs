//! `piton run export`

use super::show::path;
use crate::cli::{CliError, Console, Exit};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Export {
    /// The run's id.
    id: String,
}

impl Export {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let history = console.client()?.get(&format!("{}/export", path(&self.id))).await?;
        console.screen.show(&history, |_, history| format!("{history:#}\n"))?;
        Ok(Exit::Done)
    }
}
