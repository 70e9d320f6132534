//! `GET /v1/runs/{id}/export`: a run and its journal as one document, to be replayed elsewhere.

use axum::{Extension, extract::State};
use piton_shared::{
    codec,
    history::{History, HistoryRun},
    ids::RunId,
    journal::{Entry, Kind, Outcome, Payload, StepKey},
    limits::BATCH_RESULTS_PAGE,
    message::{batch::ItemResult, read::More},
};
use serde_json::Value;

use super::{
    access::Caller,
    code::Code,
    document::{RunInPath, shapes},
    limits,
    problem::Problem,
    query::Parameters,
    request::PathId,
    routes::Door,
    runs::look,
};
use crate::store::{BatchId, RunRow, Store};

/// Bytes that a row or an item takes beside its payloads.
const ITEM_BYTES: usize = 128;

/// Export a run
///
/// The run and its journal as one document, to be replayed elsewhere: `piton run export`, and the test engine's replays.
#[utoipa::path(
    get, path = "/v1/runs/{id}/export", operation_id = "export_run", tag = "Runs", params(RunInPath),
    responses(
        (status = 200, description = "The history", body = shapes::History),
        (status = 404, description = "unknown_run"),
        (status = 422, description = "export_too_large"),
    ),
)]
pub(super) async fn get(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<axum::Json<History>, Problem> {
    parameters.finish()?;
    let run = RunId::new(id);
    // The run is read first: one that had ended then has told all that the journal has now.
    let row = look(&door, run, &org).await?;
    let list = door.list(&org).await?;
    let history = door.in_time(read(list.store(), row)).await?;
    Ok(axum::Json(history))
}

async fn read(store: &Store, row: RunRow) -> Result<History, Problem> {
    let seed = store.run_seed(row.run).await?.ok_or_else(|| Problem::unknown_run(row.run))?;
    let mut size = Size::default();
    let entries = journal(store, row.run, &mut size).await?;
    let mut batches = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Batch) {
        batches.push((entry.key.clone(), results(store, row.run, &entry.key, &mut size).await?));
    }
    let run = HistoryRun {
        id: row.run,
        workflow: row.workflow,
        state: row.state,
        seed,
        created_at: row.created_at,
        input: value(row.input.as_ref())?.unwrap_or_default(),
        result: value(row.result.as_ref())?,
        failure: row.failure,
    };
    let mut history = History::new(run, entries).map_err(|error| unreadable(&error))?;
    for (key, results) in batches {
        history = history.with_batch(key, &results).map_err(|error| unreadable(&error))?;
    }
    Ok(history)
}

async fn journal(store: &Store, run: RunId, size: &mut Size) -> Result<Vec<Entry>, Problem> {
    let (mut journal, mut after) = (Vec::new(), None);
    loop {
        let (entries, more) = store.journal_page(run, after.as_ref(), limits::JOURNAL_READ).await?;
        after = entries.last().map(|entry| entry.key.clone());
        size.add(run, entries.iter().map(weight).sum())?;
        journal.extend(entries);
        match more {
            More::Follows => {}
            More::End => return Ok(journal),
        }
    }
}

/// The results of a batch that has ended: no row of the journal holds them, and a replay may read them.
async fn results(store: &Store, run: RunId, key: &StepKey, size: &mut Size) -> Result<Vec<ItemResult>, Problem> {
    let batch = BatchId { run, key: key.clone() };
    let (mut all, mut after): (Vec<ItemResult>, u32) = (Vec::new(), 0);
    loop {
        let page = store.batch_results(&batch, after, BATCH_RESULTS_PAGE, limits::EXPORT_BYTES).await?;
        let (results, more) = page;
        after = results.last().map_or(after, |result| result.item);
        let weight = |result: &ItemResult| result.outcome.as_ref().map_or(ITEM_BYTES, outcome_weight);
        size.add(run, results.iter().map(weight).sum())?;
        all.extend(results);
        match more {
            More::Follows => {}
            More::End => return Ok(all),
        }
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Size(usize);

impl Size {
    fn add(&mut self, run: RunId, bytes: usize) -> Result<(), Problem> {
        self.0 += bytes;
        if self.0 <= limits::EXPORT_BYTES {
            return Ok(());
        }
        Err(Problem::new(
            Code::ExportTooLarge,
            format!(
                "run {run} has more than {} MiB; read its journal page by page at /v1/runs/{run}/journal",
                limits::EXPORT_BYTES / (1024 * 1024)
            ),
        ))
    }
}

fn weight(entry: &Entry) -> usize {
    entry.input.len() + outcome_weight(&entry.outcome)
}

fn outcome_weight(outcome: &Outcome) -> usize {
    ITEM_BYTES + outcome.as_ref().map_or(0, Vec::len)
}

fn value(payload: Option<&Payload>) -> Result<Option<Value>, Problem> {
    payload.map(|payload| codec::to_json(payload)).transpose().map_err(|error| unreadable(&error))
}

/// What is stored was a payload when it was stored.
fn unreadable(error: &codec::DecodeError) -> Problem {
    tracing::error!(%error, "a stored payload is none");
    Problem::internal()
}
