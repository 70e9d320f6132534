//! `piton definition …`

mod show;

use clap::{Subcommand, ValueEnum};
use piton_shared::{limits::PAGE_DEFAULT, message::define::DefinitionKind, name::check_definition};
use serde_json::Value;

use super::{
    CliError, Console, Exit,
    client::Client,
    screen::{items, text},
};

#[derive(Debug, Subcommand)]
pub(super) enum Definition {
    /// List the workflows and functions that workers have presented.
    List {
        /// Only workflows, or only functions.
        #[arg(long)]
        kind: Option<Kind>,
        /// How many at most.
        #[arg(long, default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
    /// Show what one takes and gives, what starts it, and which builds have it.
    Show {
        /// The name of a workflow or a function.
        name: String,
        /// Which of the two, where both have the name.
        #[arg(long)]
        kind: Option<Kind>,
    },
}

/// A workflow or a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// A durable orchestrator.
    Workflow,
    /// A unit of side effects.
    Function,
}

impl Kind {
    fn of(self) -> DefinitionKind {
        match self {
            Self::Workflow => DefinitionKind::Workflow,
            Self::Function => DefinitionKind::Function,
        }
    }
}

impl Definition {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let client = console.client()?;
        match self {
            Self::List { kind, limit } => console.screen.show(&list(&client, kind, limit).await?, show::list)?,
            Self::Show { name, kind } => console.screen.show(&one(&client, &name, kind).await?, show::one)?,
        }
        Ok(Exit::Done)
    }
}

/// As many pages as hold so many; the answer is one page of all of them.
async fn list(client: &Client, kind: Option<Kind>, limit: u32) -> Result<Value, CliError> {
    let kind = kind.map(|kind| format!("&kind={}", kind.of().as_str())).unwrap_or_default();
    let mut path = format!("/v1/definitions?limit={}{kind}", limit.min(100));
    let mut found = Vec::new();
    loop {
        let mut page = client.get(&path).await?;
        found.extend(items(&page, "definitions").iter().cloned());
        text(&page, "next").clone_into(&mut path);
        if path.is_empty() || found.len() >= limit as usize {
            found.truncate(limit as usize);
            page["definitions"] = Value::Array(found);
            return Ok(page);
        }
    }
}

/// The workflow of a name, or the function if there is no such workflow.
async fn one(client: &Client, name: &str, kind: Option<Kind>) -> Result<Value, CliError> {
    check_definition(name).map_err(|error| CliError::new(Exit::Usage, error.to_string()))?;
    let path = |kind: Kind| format!("/v1/definitions/{}/{name}", kind.of().as_str());
    let found = client.get(&path(kind.unwrap_or(Kind::Workflow))).await;
    let missing = matches!(&found, Err(error) if error.exit() == Exit::NotFound);
    let found = if missing && kind.is_none() { client.get(&path(Kind::Function)).await } else { found };
    found.map_err(|error| {
        if error.exit() == Exit::NotFound && kind.is_none() {
            // The answer names what was looked for last.
            return CliError::new(Exit::NotFound, format!("no worker has presented a workflow or function `{name}`"))
                .advise("`piton definition list` lists those that workers have presented");
        }
        error
    })
}
