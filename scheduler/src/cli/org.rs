//! `piton org …`

use clap::Subcommand;
use piton_shared::name::Org as Name;
use serde_json::{Value, json};

use super::{
    CliError, Console, Exit,
    database::{connect, directly},
    screen::{Screen, items, second, text},
};
use crate::{
    api::time::Rfc3339,
    store::{OrgRow, StoreError},
};

/// Orgs that are listed.
const LISTED: i64 = 10_000;

#[derive(Debug, Subcommand)]
pub(super) enum Org {
    /// Create an org.
    Create {
        #[command(flatten)]
        which: Which,
    },
    /// List orgs.
    List {
        #[command(flatten)]
        database: Database,
    },
    /// Disable an org: its requests are refused, nothing new starts and no worker joins.
    ///
    /// Servers apply it within three seconds. Runs that were accepted go on as long as the workers that are registered live;
    /// events and schedules wait until the org is enabled again.
    Disable {
        #[command(flatten)]
        which: Which,
    },
    /// Enable an org that was disabled.
    Enable {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The org's name.
    #[arg(value_name = "ORG")]
    name: Name,
    #[command(flatten)]
    database: Database,
}

#[derive(Debug, clap::Args)]
pub(super) struct Database {
    /// The database; orgs are made there and not over the API.
    #[arg(long, env = "PITON_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
}

impl Org {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::Create { which: Which { name, database } } => {
                let store = connect(&database.database_url).await?;
                let made = directly(&store, async { store.org_create(&name).await.map(view) }).await?;
                if made.is_null() {
                    return Err(CliError::new(Exit::Refused, format!("the org `{name}` exists already"))
                        .advise("`piton org list` shows the orgs"));
                }
                console.screen.show(&made, |_, org| format!("created {}\n", text(org, "org")))?;
            }
            Self::List { database } => {
                let store = connect(&database.database_url).await?;
                let all = async {
                    let orgs: Vec<_> =
                        store.org_list(LISTED).await?.into_iter().filter_map(|org| view(Some(org))).collect();
                    Ok::<_, StoreError>(json!({ "orgs": orgs }))
                };
                let found = directly(&store, all).await?;
                console.screen.show(&found, listed)?;
            }
            Self::Disable { which: Which { name, database } } => {
                let store = connect(&database.database_url).await?;
                let changed = directly(&store, async { store.org_disable(&name).await.map(view) }).await?;
                console.screen.show(&known(changed, &name)?, |_, org| format!("disabled {}\n", text(org, "org")))?;
            }
            Self::Enable { which: Which { name, database } } => {
                let store = connect(&database.database_url).await?;
                let changed = directly(&store, async { store.org_enable(&name).await.map(view) }).await?;
                console.screen.show(&known(changed, &name)?, |_, org| format!("enabled {}\n", text(org, "org")))?;
            }
        }
        Ok(Exit::Done)
    }
}

fn known(org: Value, name: &Name) -> Result<Value, CliError> {
    if org.is_null() {
        return Err(CliError::new(Exit::NotFound, format!("there is no org `{name}`"))
            .advise("`piton org list` shows the orgs; `piton org create ORG` creates one"));
    }
    Ok(org)
}

fn view(org: Option<OrgRow>) -> Option<Value> {
    let OrgRow { org, created_at, disabled_at } = org?;
    let (created_at, disabled_at) = (Rfc3339::from(created_at), disabled_at.map(Rfc3339::from));
    Some(json!({ "org": org, "created_at": created_at, "disabled_at": disabled_at }))
}

fn listed(screen: Screen, answer: &Value) -> String {
    let row = |org: &Value| {
        let disabled = text(org, "disabled_at");
        let state = if disabled.is_empty() { "enabled".to_owned() } else { format!("disabled {}", second(disabled)) };
        vec![text(org, "org").to_owned(), second(text(org, "created_at")), state]
    };
    screen.table(&["ORG", "CREATED", "STATE"], items(answer, "orgs").iter().map(row).collect())
}
