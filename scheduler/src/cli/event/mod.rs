//! `piton event …`

mod publish;
mod show;

use clap::Subcommand;

use super::{CliError, Console, Exit};

#[derive(Debug, Subcommand)]
pub(super) enum Event {
    /// Publish an event, and wait for the runs that it starts if asked to.
    Publish(publish::Publish),
    /// List events, newest first, with what they started.
    List(show::List),
    /// Show an event: its data, where it came from, what it started and why it did not.
    Show(show::Show),
    /// Publish an event again, with the triggers of now. Each time it starts new runs, unless it is asked with the same --key.
    Replay(publish::Replay),
}

impl Event {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::Publish(publish) => publish.run(console).await,
            Self::List(list) => list.run(console).await,
            Self::Show(show) => show.run(console).await,
            Self::Replay(replay) => replay.run(console).await,
        }
    }
}

/// What is no id becomes one that the server refuses, and nothing else.
fn path(id: &str) -> String {
    let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("/v1/events/{id}")
}
