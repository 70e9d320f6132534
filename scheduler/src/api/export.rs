//! `GET /v1/runs/{id}/export`: a run and its journal as one document, to be replayed elsewhere.

use axum::{Extension, extract::State};
use piton_shared::{
    codec,
    history::{History, HistoryRun},
    ids::RunId,
    journal::{Entry, Payload},
    message::read::More,
};
use serde_json::Value;

use super::{
    access::Caller, code::Code, limits, problem::Problem, query::Parameters, request::PathId, routes::Door, runs::look,
};
use crate::store::{RunRow, Store};

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
    let history = door.in_time(read(door.engine.store(), row)).await?;
    Ok(axum::Json(history))
}

async fn read(store: &Store, row: RunRow) -> Result<History, Problem> {
    let seed = store.run_seed(row.run).await?.ok_or_else(|| Problem::unknown_run(row.run))?;
    let entries = journal(store, row.run).await?;
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
    History::new(run, entries).map_err(|error| unreadable(&error))
}

async fn journal(store: &Store, run: RunId) -> Result<Vec<Entry>, Problem> {
    let (mut journal, mut after, mut bytes) = (Vec::new(), None, 0);
    loop {
        let (entries, more) = store.journal_page(run, after.as_ref(), limits::JOURNAL_READ).await?;
        after = entries.last().map(|entry| entry.key.clone());
        bytes += entries.iter().map(weight).sum::<usize>();
        if bytes > limits::EXPORT_BYTES {
            return Err(Problem::new(
                Code::ExportTooLarge,
                format!(
                    "the journal of run {run} has more than {} MiB; read it page by page at /v1/runs/{run}/journal",
                    limits::EXPORT_BYTES / (1024 * 1024)
                ),
            ));
        }
        journal.extend(entries);
        match more {
            More::Follows => {}
            More::End => return Ok(journal),
        }
    }
}

fn weight(entry: &Entry) -> usize {
    entry.input.len() + entry.outcome.as_ref().map_or(0, Vec::len)
}

fn value(payload: Option<&Payload>) -> Result<Option<Value>, Problem> {
    payload.map(|payload| codec::to_json(payload)).transpose().map_err(|error| unreadable(&error))
}

/// What is stored was a payload when it was stored.
fn unreadable(error: &codec::DecodeError) -> Problem {
    tracing::error!(%error, "a stored payload is none");
    Problem::internal()
}
