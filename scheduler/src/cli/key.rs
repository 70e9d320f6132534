//! `piton key …`

use clap::Subcommand;
use piton_shared::{ids::KeyId, name::Org};
use serde_json::{Value, json};

use super::{
    CliError, Console, Exit,
    screen::{Screen, items, second, text},
};
use crate::{
    api::keys,
    store::{Store, StoreOptions},
};

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a key. It is shown once and never again.
    Create {
        /// What it is for.
        name: String,
        #[command(flatten)]
        database: Database,
    },
    /// List keys; the secrets are not stored.
    List {
        #[command(flatten)]
        database: Database,
    },
    /// Revoke a key. Servers that used it in the last seconds refuse it after three.
    Revoke {
        /// The key's id, as listed.
        id: uuid::Uuid,
        #[command(flatten)]
        database: Database,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Database {
    /// Go to the database in place of the server: for the first key, when no other lets you in.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

impl Database {
    async fn store(self) -> Result<Option<Store>, CliError> {
        match self.database_url {
            None => Ok(None),
            Some(url) => connect(&url).await.map(Some),
        }
    }
}

/// Connects to a database that somebody named.
pub(super) async fn connect(url: &str) -> Result<Store, CliError> {
    Store::connect(&StoreOptions::new(url)).await.map_err(|error| {
        CliError::caused(Exit::Unavailable, &error)
            .advise("check the database's URL: postgres://USER:PASSWORD@HOST:PORT/DATABASE")
    })
}

impl Key {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::Create { name, database } => {
                let key = match database.store().await? {
                    Some(store) => directly(&store, keys::mint(&store, &Org::DEFAULT, &name)).await?,
                    None => console.client()?.post("/v1/keys", &json!({ "name": name })).await?,
                };
                if key.is_null() {
                    return Err(CliError::new(Exit::Unavailable, "the database has no org `default`")
                        .advise("`piton migrate` makes it"));
                }
                console.screen.show(&key, created)?;
            }
            Self::List { database } => {
                let found = match database.store().await? {
                    Some(store) => directly(&store, keys::listed(&store, &Org::DEFAULT)).await?,
                    None => console.client()?.get("/v1/keys").await?,
                };
                console.screen.show(&found, listed)?;
            }
            Self::Revoke { id, database } => {
                match database.store().await? {
                    Some(store) => {
                        let revoked = directly(&store, store.key_revoke(KeyId::new(id), &Org::DEFAULT)).await?;
                        if revoked.is_null() {
                            return Err(CliError::new(Exit::NotFound, format!("there is no live key {id}"))
                                .advise("`piton key list` shows the keys"));
                        }
                    }
                    None => drop(console.client()?.delete(&format!("/v1/keys/{id}")).await?),
                }
                console.screen.show(&json!({ "id": id, "revoked": true }), |_, _| format!("revoked {id}\n"))?;
            }
        }
        Ok(Exit::Done)
    }
}

/// Asks the database, closes it, and gives the answer as the API would.
async fn directly<T: serde::Serialize>(
    store: &Store,
    asked: impl Future<Output = Result<T, crate::store::StoreError>>,
) -> Result<Value, CliError> {
    let answer = asked.await;
    store.close().await;
    let answer = answer.map_err(|error| {
        CliError::caused(Exit::Unavailable, &error)
            .advise("was the schema made? `piton migrate --database-url URL` does it")
    })?;
    Ok(serde_json::to_value(answer).expect("ids, texts and times always encode as JSON"))
}

fn created(screen: Screen, key: &Value) -> String {
    format!("{}\n{}\n", text(key, "key"), screen.dim("this is the only time it is shown; use it as PITON_API_KEY"))
}

fn listed(screen: Screen, answer: &Value) -> String {
    let rows: Vec<_> = items(answer, "keys")
        .iter()
        .map(|key| {
            let revoked = text(key, "revoked_at");
            let state = if revoked.is_empty() { "live".to_owned() } else { format!("revoked {}", second(revoked)) };
            let created = second(text(key, "created_at"));
            vec![
                text(key, "id").to_owned(),
                text(key, "prefix").to_owned(),
                created,
                state,
                text(key, "name").to_owned(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return "no keys\n".into();
    }
    screen.table(&["ID", "KEY", "CREATED", "STATE", "NAME"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn keys_are_shown_without_their_secrets() {
        let key = |revoked: Option<&str>| {
            json!({
                "id": "0197a000-0000-7000-8000-000000000001", "name": "ci", "prefix": "pk_0123456789ab",
                "created_at": "2026-11-21T10:00:00.250000Z", "revoked_at": revoked,
            })
        };
        let answer = json!({"keys": [key(None), key(Some("2026-11-22T10:00:00.250000Z"))]});
        insta::assert_snapshot!(listed(Screen { width: Some(140), ..PLAIN }, &answer));
        insta::assert_snapshot!(created(PLAIN, &json!({"key": "pk_x_y"})));
    }
}
