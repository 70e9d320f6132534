//! `piton trigger …`

mod add;
mod change;
mod rule;
mod show;

use clap::Subcommand;
use serde_json::json;

use super::{
    CliError, Console, Exit,
    screen::{Screen, text},
};

#[derive(Debug, Subcommand)]
pub(super) enum Trigger {
    /// List triggers: those declared beside workflows, and those made here.
    List(show::List),
    /// Make a trigger: from now on the events that it means start a workflow.
    Add(add::Add),
    /// Show a trigger.
    Show(Which),
    /// Change a trigger that was made here. What is not said stays.
    Change(Box<change::Change>),
    /// Let a trigger start nothing until it is resumed; also one that is declared.
    Pause(Which),
    /// Let a paused trigger start runs again.
    Resume(Which),
    /// Remove a trigger that was made here, or one whose workflow is gone from the code.
    Remove(Remove),
}

/// Which trigger is meant.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Which {
    /// The trigger's id.
    id: String,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Remove {
    /// The trigger's id.
    id: String,
    /// Also one that is declared beside a workflow. A worker that still declares it brings it back when it starts.
    #[arg(long)]
    force: bool,
}

/// What is no id becomes one that the server refuses, and nothing else.
fn path(id: &str) -> String {
    let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("/v1/triggers/{id}")
}

impl Trigger {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let client = console.client()?;
        match self {
            Self::List(list) => return list.run(console).await,
            Self::Add(add) => return add.run(console).await,
            Self::Change(change) => return change.run(console).await,
            Self::Show(which) => console.screen.show(&client.get(&path(&which.id)).await?, show::trigger)?,
            Self::Pause(which) => {
                let changed = client.patch(&path(&which.id), &json!({ "state": "paused" })).await?;
                console.screen.show(&changed, paused)?;
            }
            Self::Resume(which) => {
                let changed = client.patch(&path(&which.id), &json!({ "state": "active" })).await?;
                console.screen.show(&changed, resumed)?;
            }
            Self::Remove(which) => {
                let force = if which.force { "?force=true" } else { "" };
                client.delete(&format!("{}{force}", path(&which.id))).await?;
                console.screen.show(&json!({ "id": which.id, "outcome": "removed" }), removed)?;
            }
        }
        Ok(Exit::Done)
    }
}

fn paused(screen: Screen, trigger: &serde_json::Value) -> String {
    format!("{}: events start no {} by it until it is resumed\n", screen.bold("paused"), text(trigger, "workflow"))
}

fn resumed(screen: Screen, trigger: &serde_json::Value) -> String {
    format!("{}: events start {} by it from now on\n", screen.bold("active"), text(trigger, "workflow"))
}

fn removed(screen: Screen, _: &serde_json::Value) -> String {
    format!("{}: no event starts anything by it any more\n", screen.bold("removed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn orders_say_what_they_mean() {
        let trigger = json!({ "workflow": "order" });
        insta::assert_snapshot!([paused(PLAIN, &trigger), resumed(PLAIN, &trigger), removed(PLAIN, &trigger)].concat(), @r"
        paused: events start no order by it until it is resumed
        active: events start order by it from now on
        removed: no event starts anything by it any more
        ");
        assert_eq!(path("../x"), "/v1/triggers/___x");
    }
}
