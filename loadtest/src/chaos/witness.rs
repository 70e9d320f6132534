//! What the database holds, asked without Piton.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use piton_shared::codec;
use serde::Deserialize;

use super::story::{Witness, WitnessRun};
use crate::psql::Psql;

#[derive(Deserialize)]
struct Found {
    runs: Option<HashMap<String, WitnessRun>>,
    /// The counter of each session, in hexadecimal.
    sessions: Option<BTreeMap<String, String>>,
}

/// Reads the runs and the counters of sessions.
pub(super) async fn read(psql: &Psql) -> anyhow::Result<Witness> {
    let found: Found = psql.json(include_str!("sql/witness.sql")).await?;
    let mut sessions = BTreeMap::new();
    for (session, value) in found.sessions.unwrap_or_default() {
        let count = bytes(&value).and_then(|bytes| codec::decode(&bytes).ok());
        sessions.insert(session, count.with_context(|| format!("the counter {value} cannot be read"))?);
    }
    Ok(Witness { runs: found.runs.unwrap_or_default(), sessions })
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let pairs = hexadecimal.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
