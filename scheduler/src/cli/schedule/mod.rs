//! `piton schedule …`

mod add;
mod change;
mod firings;
mod list;
mod next;
mod orders;
mod plan;
mod show;

use clap::Subcommand;

use super::{CliError, Console, Exit};

#[derive(Debug, Subcommand)]
pub(super) enum Schedule {
    /// Make a schedule: a workflow that starts by the clock.
    Add(Box<add::Add>),
    /// Change what a schedule does. What is not said stays.
    Change(Box<change::Change>),
    /// List schedules with their next firings.
    List(list::List),
    /// Show everything of a schedule.
    Show(show::Show),
    /// Say when an expression or a schedule fires next. Of an expression, no server is asked.
    Next(next::Upcoming),
    /// List what a schedule has fired, the newest first.
    Firings(firings::Firings),
    /// Stop a schedule from firing.
    Pause(orders::Pause),
    /// Let a schedule fire again. What it would have fired meanwhile is not made up for.
    Resume(orders::Resume),
    /// Start a run of a schedule now, besides its rhythm.
    Trigger(orders::Trigger),
    /// Delete a schedule. Its runs go on.
    Remove(orders::Remove),
}

impl Schedule {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::Add(add) => add.run(console).await,
            Self::Change(change) => change.run(console).await,
            Self::List(list) => list.run(console).await,
            Self::Show(show) => show.run(console).await,
            Self::Next(next) => next.run(console).await,
            Self::Firings(firings) => firings.run(console).await,
            Self::Pause(pause) => pause.run(console).await,
            Self::Resume(resume) => resume.run(console).await,
            Self::Trigger(trigger) => trigger.run(console).await,
            Self::Remove(remove) => remove.run(console).await,
        }
    }
}

fn path(name: &str) -> String {
    format!("/v1/schedules/{}", crate::api::escape(name))
}
