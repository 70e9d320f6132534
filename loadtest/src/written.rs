//! What the engine has written down, as its API shows it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

use crate::api::Api;

/// A run, and the entries of its journal in order.
pub type Written = (Value, Vec<Value>);

/// Every run of the order pipeline, by its id.
pub async fn orders(api: &Api) -> anyhow::Result<BTreeMap<String, Written>> {
    let mut found = BTreeMap::new();
    let mut page = Some("/v1/runs?session_id=orders&limit=500".to_owned());
    while let Some(path) = page {
        let mut runs = api.get(&path).await?.json();
        for run in runs["runs"].as_array_mut().context("the list of runs cannot be read")?.iter_mut().map(Value::take) {
            let id = run["id"].as_str().unwrap_or_default().to_owned();
            let entries = journal(api, &id).await?;
            found.insert(id, (run, entries));
        }
        page = runs["next"].as_str().map(ToOwned::to_owned);
    }
    Ok(found)
}

/// The entries of a run's journal.
pub async fn journal(api: &Api, run: &str) -> anyhow::Result<Vec<Value>> {
    let mut found = Vec::new();
    let mut page = Some(format!("/v1/runs/{run}/journal?limit=100"));
    while let Some(path) = page {
        let mut journal = api.get(&path).await?.json();
        let entries = journal["entries"].as_array_mut().context("a journal cannot be read")?;
        found.append(entries);
        page = journal["next"].as_str().map(ToOwned::to_owned);
    }
    Ok(found)
}
