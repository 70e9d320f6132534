//! `piton key …`

use std::time::Duration;

use clap::Subcommand;
use piton_shared::{ids::KeyId, name::Org};
use serde_json::{Value, json};

use super::{
    CliError, Console, Exit,
    database::{connect, directly},
    screen::{Screen, items, second, text, words},
};
use crate::{
    api::{
        Scope,
        keys::{self, KeyTerms},
        time,
    },
    store::Store,
};

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Create a key. It is shown once and never again.
    Create {
        /// What it is for.
        name: String,
        /// What it may do: `read`, `start` (runs, batches, events), `operate` (stop and resume runs, change schedules and
        /// triggers), `admin` (keys and webhooks; includes the others). Several with commas between them.
        #[arg(
            long = "scope",
            value_name = "SCOPE",
            value_delimiter = ',',
            default_values = ["read", "start", "operate"],
            hide_default_value = true
        )]
        scopes: Vec<Scope>,
        /// How long it is good, as `720h`; until it is revoked when unset.
        #[arg(long, value_parser = lifetime, value_name = "TIME")]
        expires_in: Option<Duration>,
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
    #[arg(long, env = "PITON_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// The org, at the database; the API knows it by the key.
    #[arg(long, value_name = "ORG", default_value = "default", requires = "database_url")]
    org: Org,
}

fn lifetime(text: &str) -> Result<Duration, String> {
    time::duration(text).map_err(|error| error.to_string()).and_then(keys::check_lifetime)
}

impl Database {
    async fn store(&self) -> Result<Option<Store>, CliError> {
        match &self.database_url {
            None => Ok(None),
            Some(url) => connect(url).await.map(Some),
        }
    }
}

impl Key {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::Create { name, scopes, expires_in, database } => {
                let key = if let Some(store) = database.store().await? {
                    let terms = KeyTerms { name, scopes: scopes.into_iter().collect(), lifetime: expires_in };
                    directly(&store, keys::mint(&store, &database.org, terms, None)).await?
                } else {
                    let scopes: Vec<_> = scopes.into_iter().map(Scope::as_str).collect();
                    let expires_in = expires_in.map(|lifetime| lifetime.as_secs_f64());
                    let body = json!({ "name": name, "scopes": scopes, "expires_in": expires_in });
                    console.client()?.post("/v1/keys", &body).await?
                };
                if key.is_null() {
                    return Err(CliError::new(Exit::NotFound, format!("the database has no org `{}`", database.org))
                        .advise("`piton org create ORG` creates it"));
                }
                console.screen.show(&key, created)?;
            }
            Self::List { database } => {
                let found = match database.store().await? {
                    Some(store) => directly(&store, keys::listed(&store, &database.org)).await?,
                    None => console.client()?.get("/v1/keys").await?,
                };
                console.screen.show(&found, listed)?;
            }
            Self::Revoke { id, database } => {
                match database.store().await? {
                    Some(store) => {
                        let revoked = directly(&store, store.key_revoke(KeyId::new(id), &database.org)).await?;
                        if revoked.is_null() {
                            return Err(CliError::new(
                                Exit::NotFound,
                                format!("there is no live key {id} in the org `{}`", database.org),
                            )
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

fn created(screen: Screen, key: &Value) -> String {
    format!("{}\n{}\n", text(key, "key"), screen.dim("this is the only time it is shown; use it as PITON_API_KEY"))
}

fn listed(screen: Screen, answer: &Value) -> String {
    let rows: Vec<_> = items(answer, "keys")
        .iter()
        .map(|key| {
            let at = |name| Some(text(key, name)).filter(|at| !at.is_empty()).map(second);
            let state = match (at("revoked_at"), at("expires_at")) {
                (Some(revoked), _) => format!("revoked {revoked}"),
                (None, Some(expires)) => format!("expires {expires}"),
                (None, None) => "live".to_owned(),
            };
            vec![
                text(key, "id").to_owned(),
                text(key, "prefix").to_owned(),
                words(key, "scopes"),
                second(text(key, "created_at")),
                at("last_used_at").unwrap_or_else(|| "never".to_owned()),
                state,
                text(key, "name").to_owned(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return "no keys\n".into();
    }
    screen.table(&["ID", "KEY", "SCOPES", "CREATED", "LAST USED", "STATE", "NAME"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn keys_are_shown_without_their_secrets() {
        let key = |revoked: Option<&str>, expires: Option<&str>, used: Option<&str>| {
            json!({
                "id": "0197a000-0000-7000-8000-000000000001", "name": "ci", "prefix": "pk_0123456789ab",
                "scopes": ["read", "start"], "expires_at": expires, "last_used_at": used, "created_by": null,
                "created_at": "2026-11-21T10:00:00.250000Z", "revoked_at": revoked,
            })
        };
        let answer = json!({"keys": [
            key(None, None, None),
            key(None, Some("2026-12-22T10:00:00.250000Z"), Some("2026-11-22T10:00:00.250000Z")),
            key(Some("2026-11-22T10:00:00.250000Z"), None, None),
        ]});
        insta::assert_snapshot!(listed(Screen { width: Some(180), ..PLAIN }, &answer));
        insta::assert_snapshot!(created(PLAIN, &json!({"key": "pk_x_y"})));
    }
}
