//! `GET /v1/runs/{id}/journal`: what a run has been told, in that order, and what it waits for.

use axum::{Extension, extract::State, response::Response};
use piton_shared::{
    failure::Failure,
    ids::{RunId, WorkerId},
    journal::{Entry, Kind, Place},
    message::read::More,
    state::RunState,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    access::Caller,
    document::{Page, RunInPath, shapes},
    limits, link,
    problem::Problem,
    query::Parameters,
    request::PathId,
    routes::Door,
    runs::look,
    time::Rfc3339,
    view::{payload, run_path},
};
use crate::store::{Seen, TryRow, WaitRow};

/// A page of a journal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JournalView {
    run_id: Uuid,
    /// Where the run stood when the page was read. An ended run with no `next` has told everything.
    #[schema(value_type = shapes::RunState)]
    state: RunState,
    entries: Vec<EntryView>,
    /// Tries that failed and were followed by another, the oldest first.
    failed_tries: Vec<TryView>,
    /// What the run waits for.
    waits: Vec<WaitView>,
    /// Which of `failed_tries` and `waits` are longer than they are shown.
    truncated: Vec<&'static str>,
    /// Always there: asks for what comes after this page, now or later.
    cursor: String,
    /// The address of the next page; none when this page reaches the end as it stands now.
    next: Option<String>,
}

/// A row of a journal: a call, and what it came to.
#[derive(Debug, Serialize, ToSchema)]
struct EntryView {
    key: String,
    #[schema(value_type = shapes::Kind)]
    kind: Kind,
    name: String,
    #[schema(value_type = shapes::Place)]
    place: Place,
    input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shapes::Failure>)]
    failure: Option<Failure>,
    try_number: u32,
    worker_id: Option<Uuid>,
    started_at: Rfc3339,
    finished_at: Rfc3339,
}

/// A try that failed and was followed by another.
#[derive(Debug, Serialize, ToSchema)]
struct TryView {
    key: String,
    name: String,
    try_number: u32,
    #[schema(value_type = shapes::Failure)]
    failure: Failure,
    worker_id: Uuid,
    started_at: Rfc3339,
    finished_at: Rfc3339,
}

/// A timer that a run waits for.
#[derive(Debug, Serialize, ToSchema)]
struct WaitView {
    key: String,
    #[schema(value_type = shapes::Kind)]
    kind: Kind,
    name: String,
    since: Rfc3339,
    due_at: Rfc3339,
}

/// Read a journal
///
/// What the run has been told, in that order, and what it waits for. The cursor of the last page asks for what comes later.
#[utoipa::path(
    get, path = "/v1/runs/{id}/journal", operation_id = "get_run_journal", tag = "Runs",
    params(RunInPath, Page::<{ limits::JOURNAL_PAGE_MAX }>),
    responses(
        (status = 200, description = "A page of the journal", body = JournalView),
        (status = 404, description = "unknown_run"),
    ),
)]
pub(super) async fn get(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let seen = parameters.checked("cursor", |text| read(&text))?.unwrap_or_default();
    let limit = parameters.limit(limits::JOURNAL_PAGE_MAX)?;
    parameters.finish()?;
    let run = RunId::new(id);
    // The state is read first: a run that had ended then has told all that the journal has now.
    let state = look(&door, run, &org).await?.state;
    let list = door.list(&org).await?;
    let store = list.store();
    let (entries, more) = door.in_time(store.journal_told(run, seen, limit)).await?;
    let rows = i64::from(limits::JOURNAL_SIDE_ROWS);
    let tries = door.in_time(store.tries_of(run, rows + 1)).await?;
    let waits = door.in_time(store.waits_of(run, rows + 1)).await?;
    let most = limits::JOURNAL_SIDE_ROWS as usize;
    let truncated = [("failed_tries", tries.len()), ("waits", waits.len())]
        .into_iter()
        .filter_map(|(name, rows)| (rows > most).then_some(name))
        .collect();
    let cursor = write(entries.iter().fold(seen, Seen::and));
    let next = match more {
        More::Follows => Some(format!("{}/journal?limit={limit}&cursor={cursor}", run_path(id))),
        More::End => None,
    };
    let view = JournalView {
        run_id: id,
        state,
        entries: entries.into_iter().map(EntryView::from).collect(),
        failed_tries: tries.into_iter().take(most).map(TryView::from).collect(),
        waits: waits.into_iter().take(most).map(WaitView::from).collect(),
        truncated,
        cursor,
        next,
    };
    Ok(link::page(&view, view.next.as_deref()))
}

/// A cursor as callers keep it.
fn write(seen: Seen) -> String {
    format!("{}.{}", seen.own, seen.outside)
}

fn read(cursor: &str) -> Result<Seen, &'static str> {
    let parsed = cursor
        .split_once('.')
        .and_then(|(own, outside)| Some(Seen { own: own.parse().ok()?, outside: outside.parse().ok()? }));
    parsed.ok_or("is no cursor of a journal; take it from `cursor` unchanged")
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        let (result, failure) = match entry.outcome {
            Ok(result) => (Some(payload(&result)), None),
            Err(failure) => (None, Some(failure)),
        };
        Self {
            key: entry.key.to_string(),
            kind: entry.kind,
            name: entry.name,
            place: entry.place,
            input: payload(&entry.input),
            result,
            failure,
            try_number: entry.try_number,
            worker_id: entry.worker.map(WorkerId::uuid),
            started_at: entry.started_at.into(),
            finished_at: entry.finished_at.into(),
        }
    }
}

impl From<TryRow> for TryView {
    fn from(row: TryRow) -> Self {
        Self {
            key: row.key.to_string(),
            name: row.name,
            try_number: row.try_number,
            failure: row.failure,
            worker_id: row.worker.uuid(),
            started_at: row.started_at.into(),
            finished_at: row.finished_at.into(),
        }
    }
}

impl From<WaitRow> for WaitView {
    fn from(row: WaitRow) -> Self {
        Self {
            key: row.key.to_string(),
            kind: row.kind,
            name: row.name,
            since: row.set_at.into(),
            due_at: row.due_at.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use piton_shared::{codec, journal::StepKey, time::Timestamp};

    fn entry(key: &str, place: Place) -> Entry {
        let payload = codec::encode(&1).expect("a number encodes");
        Entry {
            key: StepKey::new(key),
            kind: Kind::Step,
            name: "f".into(),
            input: payload.clone(),
            outcome: Ok(payload),
            place,
            started_at: Timestamp::EPOCH,
            finished_at: Timestamp::EPOCH,
            worker: None,
            try_number: 1,
        }
    }

    fn own(number: u32, after: u32) -> Entry {
        entry(&format!("own{number}"), Place::Own { number, after })
    }

    #[test]
    fn cursors_read_back() {
        let seen = Seen { own: 12, outside: 3 };
        assert_eq!(read(&write(seen)), Ok(seen));
        for bad in ["", "1", "1.", "-1.2", "1.2.3", "x.y"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_entry_is_shown_with_its_values() {
        let mut failed = entry("charge#1", Place::Outside { number: 4 });
        failed.outcome = Err(Failure::new("declined").context("charging"));
        insta::assert_json_snapshot!([EntryView::from(own(1, 0)), EntryView::from(failed)]);
    }
}
