//! Commands that go to the database in place of the server.

use serde_json::Value;

use super::{CliError, Exit, error::chain};
use crate::store::{Store, StoreError, StoreOptions};

/// Connects to a database that somebody named.
pub(super) async fn connect(url: &str) -> Result<Store, CliError> {
    Store::connect(&StoreOptions::new(url)).await.map_err(|error| {
        CliError::caused(Exit::Unavailable, &error)
            .advise("check the database's URL: postgres://USER:PASSWORD@HOST:PORT/DATABASE")
    })
}

/// Asks the database, closes it, and gives the answer as the API would.
pub(super) async fn directly<T: serde::Serialize>(
    store: &Store,
    asked: impl Future<Output = Result<T, StoreError>>,
) -> Result<Value, CliError> {
    let answer = asked.await;
    store.close().await;
    let answer = answer.map_err(|error| {
        CliError::new(Exit::Unavailable, chain(&error))
            .advise("was the schema made? `piton migrate` with the same --database-url or PITON_DATABASE_URL does it")
    })?;
    Ok(serde_json::to_value(answer).expect("ids, texts and times always encode as JSON"))
}
