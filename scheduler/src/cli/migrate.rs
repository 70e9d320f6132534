//! `piton migrate`

use serde_json::json;

use super::{CliError, Console, Exit, database::connect};

#[derive(Debug, clap::Args)]
pub(super) struct Migrate {
    /// The database. Safe to run beside schedulers and by several at once.
    #[arg(long, env = "PITON_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
}

impl Migrate {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let store = connect(&self.database_url).await?;
        let migrated = store.migrate().await;
        store.close().await;
        migrated.map_err(|error| {
            CliError::caused(Exit::Unavailable, &error)
                .advise("the user of the URL must own the database; a schema from a newer build needs that build")
        })?;
        console.screen.show(&json!({ "migrated": true }), |_, _| "the schema is up to date\n".into())?;
        Ok(Exit::Done)
    }
}
