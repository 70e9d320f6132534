//! A run taken out of its database: what is needed to replay it elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    codec::{self, DecodeError, EncodeError},
    failure::Failure,
    ids::RunId,
    journal::{Entry, Kind, Place, StepKey, in_order},
    message::{batch::ItemResult, read::More},
    replay::{Fetch, FetchedResults},
    state::RunState,
    time::Timestamp,
};

/// The form in which histories are written today. Readers refuse others by name.
pub const FORMAT: &str = "piton.history/1";

/// A run's history: one JSON document, with payloads as JSON so that people can read and diff it.
///
/// Fields may be added within a form; what is there keeps its meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// [`FORMAT`].
    pub format: String,
    /// The run.
    pub run: HistoryRun,
    /// Its journal, in the order in which it was told.
    pub journal: Vec<HistoryRow>,
    /// Results of the batches that have ended, which no row holds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub batches: BTreeMap<StepKey, Vec<HistoryItem>>,
}

/// How an item of a batch ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryItem {
    /// Its number, from 1.
    pub item: u32,
    /// The caller's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Which try was the last; zero for an item that was never executed.
    pub try_number: u32,
    /// What it came to, unless it failed.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub result: Value,
    /// How it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// The run of a history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryRun {
    /// Its id.
    pub id: RunId,
    /// The workflow's wire name.
    pub workflow: String,
    /// Where it stood when it was exported.
    pub state: RunState,
    /// What its randomness is derived from.
    pub seed: Uuid,
    /// When it was accepted, in microseconds: `now` before the first result.
    pub created_at: Timestamp,
    /// What it was started with.
    pub input: Value,
    /// What a completed run returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What a failed or cancelled one ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// A row of a history's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Which call it answers.
    pub key: StepKey,
    /// What kind of call that is.
    pub kind: Kind,
    /// The function, or the timer's name.
    pub name: String,
    /// Where it stands in the order.
    pub place: Place,
    /// What the call was made with.
    pub input: Value,
    /// What it came to, unless it failed.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub result: Value,
    /// How it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Which try this was, from 1.
    pub try_number: u32,
    /// When its last try began, in microseconds.
    pub started_at: Timestamp,
    /// When it ended, in microseconds: `now` after it.
    pub finished_at: Timestamp,
}

impl History {
    /// Puts one together; the entries come in any order.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for a payload that is none.
    pub fn new(run: HistoryRun, entries: Vec<Entry>) -> Result<Self, DecodeError> {
        let journal = in_order(entries).iter().map(HistoryRow::of).collect::<Result<_, _>>()?;
        Ok(Self { format: FORMAT.to_owned(), run, journal, batches: BTreeMap::new() })
    }

    /// The same with the results of a batch.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for a payload that is none.
    pub fn with_batch(mut self, key: StepKey, results: &[ItemResult]) -> Result<Self, DecodeError> {
        let items = results.iter().map(HistoryItem::of).collect::<Result<_, _>>()?;
        self.batches.insert(key, items);
        Ok(self)
    }

    /// What a machine reads of a batch: nothing where the history has none.
    pub fn results(&self, fetch: &Fetch) -> FetchedResults {
        let items = self.batches.get(&fetch.batch).map(Vec::as_slice).unwrap_or_default();
        let behind = items.iter().filter(|item| item.item > fetch.after);
        FetchedResults { results: behind.map(HistoryItem::result).collect(), more: More::End }
    }

    /// Its journal as a machine is told it.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] for a value that can stand in no journal.
    pub fn entries(&self) -> Result<Vec<Entry>, EncodeError> {
        let entries = self.journal.iter().map(HistoryRow::entry).collect::<Result<_, _>>()?;
        Ok(in_order(entries))
    }
}

impl HistoryItem {
    fn of(result: &ItemResult) -> Result<Self, DecodeError> {
        let (value, failure) = match &result.outcome {
            Some(Ok(value)) => (codec::to_json(value)?, None),
            Some(Err(failure)) => (Value::Null, Some(failure.clone())),
            None => (Value::Null, None),
        };
        Ok(Self { item: result.item, id: result.id.clone(), try_number: result.try_number, result: value, failure })
    }

    fn result(&self) -> ItemResult {
        let outcome = match &self.failure {
            Some(failure) => Some(Err(failure.clone())),
            None if self.try_number == 0 => None,
            None => Some(codec::from_json(&self.result).map_err(Failure::from)),
        };
        ItemResult {
            item: self.item,
            id: self.id.clone(),
            outcome,
            try_number: self.try_number,
            worker: None,
            started_at: None,
            finished_at: None,
        }
    }
}

impl HistoryRow {
    fn of(entry: &Entry) -> Result<Self, DecodeError> {
        let (result, failure) = match &entry.outcome {
            Ok(result) => (codec::to_json(result)?, None),
            Err(failure) => (Value::Null, Some(failure.clone())),
        };
        Ok(Self {
            key: entry.key.clone(),
            kind: entry.kind,
            name: entry.name.clone(),
            place: entry.place,
            input: codec::to_json(&entry.input)?,
            result,
            failure,
            try_number: entry.try_number,
            started_at: entry.started_at,
            finished_at: entry.finished_at,
        })
    }

    fn entry(&self) -> Result<Entry, EncodeError> {
        Ok(Entry {
            key: self.key.clone(),
            kind: self.kind,
            name: self.name.clone(),
            input: codec::from_json(&self.input)?,
            outcome: match &self.failure {
                Some(failure) => Err(failure.clone()),
                None => Ok(codec::from_json(&self.result)?),
            },
            place: self.place,
            started_at: self.started_at,
            finished_at: self.finished_at,
            worker: None,
            try_number: self.try_number,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(key: &str, place: Place, outcome: Result<Value, Failure>) -> Entry {
        Entry {
            key: StepKey::new(key),
            kind: Kind::Step,
            name: "f".into(),
            input: codec::from_json(&json!({"a": [1, 2.5, null, "ü"]})).expect("it is plain"),
            outcome: outcome.map(|value| codec::from_json(&value).expect("it is plain")),
            place,
            started_at: Timestamp::from_micros(1),
            finished_at: Timestamp::from_micros(2),
            worker: None,
            try_number: 3,
        }
    }

    #[test]
    fn a_history_reads_what_it_wrote() {
        let run = HistoryRun {
            id: RunId::new(Uuid::from_u128(7)),
            workflow: "order".into(),
            state: RunState::Completed,
            seed: Uuid::from_u128(8),
            created_at: Timestamp::from_micros(9),
            input: json!(null),
            result: Some(json!(true)),
            failure: None,
        };
        let rows = vec![
            entry("b#1", Place::Own { number: 2, after: 1 }, Err(Failure::permanent("no").context("asking"))),
            entry("s#1", Place::Outside { number: 1 }, Ok(json!(null))),
            entry("a#1", Place::Own { number: 1, after: 0 }, Ok(json!({"x": u64::MAX}))),
        ];
        let history = History::new(run, rows.clone()).expect("payloads are payloads");
        let text = serde_json::to_string(&history).expect("it is plain data");
        let read: History = serde_json::from_str(&text).expect("it was just written");
        assert_eq!(read, history);
        assert_eq!(read.entries().expect("values are values"), in_order(rows));
    }
}
