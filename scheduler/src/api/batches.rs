//! Batches: submitting, looking at, reading the results of and cancelling them.

use axum::{
    Extension,
    extract::{FromRequestParts, Path, State},
    http::{HeaderMap, header::LOCATION, request::Parts},
    response::{IntoResponse, Response},
};
use piton_shared::{
    ids::RunId,
    journal::StepKey,
    limits::{PAGE_MAX, STEP_KEY_BYTES},
    message::{
        batch::{BATCH_RUN_KEY, BatchStatus},
        define::DefinitionKind,
        read::More,
    },
    name::Org,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    access::Caller,
    batch_body::{self, SubmitBody},
    batch_view::{BatchResultsView, BatchView, BatchesView, ItemView, SubmittedView, batch_path, in_run},
    body::{Json, MaybeJson},
    code::Code,
    control::{self, CancelBody, OutcomeView},
    document::{BatchInPath, BatchOfRunInPath, IdempotencyKey, Page, RunInPath, Wait},
    input, limits, link,
    problem::Problem,
    query::{Parameters, check_cursor},
    request::{PathId, trace_of},
    routes::Door,
    runs::look,
    start::{idempotency_key, status},
};
use crate::store::{BatchId, BatchRow, Ends};

/// Submit a batch
///
/// Runs a function over many items, so many at a time. Answers once the batch is committed with all of them.
#[utoipa::path(
    post, path = "/v1/batches", operation_id = "submit_batch", tag = "Batches", params(IdempotencyKey),
    request_body = SubmitBody,
    responses(
        (status = 201, description = "It was accepted", body = SubmittedView,
            headers(("Location" = String, description = "The batch's address"))),
        (status = 200, description = "The key had made it before", body = SubmittedView,
            headers(("Location" = String, description = "The batch's address"))),
        (status = 409, description = "idempotency_conflict"),
        (status = 422, description = "invalid_input, unknown_org"),
    ),
)]
pub(super) async fn submit(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    headers: HeaderMap,
    parameters: Parameters,
    Json(body): Json,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let key = idempotency_key(&headers)?;
    let function = batch_body::function_of(&body);
    let known = match function {
        Some(function) => door.in_time(door.engine.definitions().function(&org, function)).await?,
        None => None,
    };
    let build = batch_body::build_of(&body);
    let check = |input: &Value| known.as_ref().map(|known| known.check(build.as_ref(), input)).unwrap_or_default();
    let (mut batch, faults) = batch_body::read(body, org, &check)?;
    batch.key = key;
    let function = (DefinitionKind::Function, &*batch.terms.function);
    input::admit(&door, &batch.org, batch.key.as_deref(), function, faults).await?;
    batch.trace = trace_of(&headers);
    let (function, items) = (batch.terms.function.clone(), batch.items.len());
    let started = door.in_time(door.engine.start_batch(batch)).await?;
    tracing::Span::current().record("run.id", started.run.to_string());
    let id = started.run.uuid();
    let view = axum::Json(SubmittedView::new(&started, function, items));
    Ok((status(&started), [(LOCATION, batch_path(id))], view).into_response())
}

/// Look at a batch
///
/// How it stands, and how many of its items stand where. With `wait` it is answered when the batch has ended, or as it
/// stands after that time.
#[utoipa::path(
    get, path = "/v1/batches/{id}", operation_id = "get_batch", tag = "Batches", params(BatchInPath, Wait),
    responses(
        (status = 200, description = "The batch as it stands", body = BatchView),
        (status = 404, description = "unknown_batch"),
    ),
)]
pub(super) async fn get(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    mut parameters: Parameters,
) -> Result<axum::Json<BatchView>, Problem> {
    let wait = parameters.wait()?;
    parameters.finish()?;
    if let Some(up_to) = wait {
        let run = RunId::new(id);
        tokio::select! {
            biased;
            waited = door.engine.wait(run, &org, up_to) => drop(waited?),
            () = door.closing.cancelled() => {}
        }
    }
    Ok(axum::Json(submitted(&door, id, &org).await?.into()))
}

/// Read a batch's results
///
/// What its items came to, in the order of their numbers, while it goes on too.
#[utoipa::path(
    get, path = "/v1/batches/{id}/results", operation_id = "get_batch_results", tag = "Batches",
    params(BatchInPath, Page::<PAGE_MAX>),
    responses(
        (status = 200, description = "A page of results", body = BatchResultsView),
        (status = 404, description = "unknown_batch"),
    ),
)]
pub(super) async fn results(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let asked = Asked::read(parameters)?;
    let batch = submitted(&door, id, &org).await?;
    page(&door, &org, &batch, &batch_path(id), asked).await
}

/// Cancel a batch
///
/// No further item is given away; what is under way is dropped.
#[utoipa::path(
    post, path = "/v1/batches/{id}/cancel", operation_id = "cancel_batch", tag = "Batches", params(BatchInPath),
    request_body = Option<CancelBody>,
    responses(
        (status = 200, description = "It is cancelled", body = OutcomeView),
        (status = 202, description = "It will be cancelled", body = OutcomeView),
        (status = 404, description = "unknown_batch"),
        (status = 409, description = "run_ended"),
    ),
)]
pub(super) async fn cancel(
    door: State<Door>,
    caller: Extension<Caller>,
    id: PathId,
    parameters: Parameters,
    body: MaybeJson,
) -> Result<Response, Problem> {
    submitted(&door, id.0, &caller.org).await?;
    control::cancel(door, caller, id, parameters, body).await
}

/// Cancel a batch by deleting it
///
/// As `POST /v1/batches/{id}/cancel`, for those who think of a batch as a thing. What it came to stays.
#[utoipa::path(
    delete, path = "/v1/batches/{id}", operation_id = "delete_batch", tag = "Batches", params(BatchInPath),
    responses(
        (status = 200, description = "It is cancelled", body = OutcomeView),
        (status = 202, description = "It will be cancelled", body = OutcomeView),
        (status = 404, description = "unknown_batch"),
        (status = 409, description = "run_ended"),
    ),
)]
pub(super) async fn delete(
    door: State<Door>,
    caller: Extension<Caller>,
    id: PathId,
    parameters: Parameters,
    body: MaybeJson,
) -> Result<Response, Problem> {
    cancel(door, caller, id, parameters, body).await
}

/// List a run's batches
///
/// Those that its workflow made, by key.
#[utoipa::path(
    get, path = "/v1/runs/{id}/batches", operation_id = "list_run_batches", tag = "Batches",
    params(RunInPath, Page::<PAGE_MAX>),
    responses(
        (status = 200, description = "A page of batches", body = BatchesView),
        (status = 404, description = "unknown_run"),
    ),
)]
pub(super) async fn of_run(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let after = parameters.checked("cursor", |key| check_cursor(key, STEP_KEY_BYTES))?;
    let limit = parameters.limit(PAGE_MAX)?;
    parameters.finish()?;
    let run = RunId::new(id);
    look(&door, run, &org).await?;
    let after = after.unwrap_or_default();
    let list = door.list(&org).await?;
    let mut rows = door.in_time(list.store().batches(run, &org, &after, limit + 1)).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let view = BatchesView::new(id, rows, limit, more);
    Ok(link::page(&view, view.next()))
}

/// Look at a batch of a run
///
/// How it stands, and how many of its items stand where.
#[utoipa::path(
    get, path = "/v1/runs/{id}/batches/{key}", operation_id = "get_run_batch", tag = "Batches", params(BatchOfRunInPath),
    responses(
        (status = 200, description = "The batch as it stands", body = BatchView),
        (status = 404, description = "unknown_batch"),
    ),
)]
pub(super) async fn one_of_run(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    InRun(batch): InRun,
    parameters: Parameters,
) -> Result<axum::Json<BatchView>, Problem> {
    parameters.finish()?;
    Ok(axum::Json(found(&door, batch, &org).await?.into()))
}

/// Read the results of a run's batch
///
/// What its items came to, in the order of their numbers, while it goes on too.
#[utoipa::path(
    get, path = "/v1/runs/{id}/batches/{key}/results", operation_id = "get_run_batch_results", tag = "Batches",
    params(BatchOfRunInPath, Page::<PAGE_MAX>),
    responses(
        (status = 200, description = "A page of results", body = BatchResultsView),
        (status = 404, description = "unknown_batch"),
    ),
)]
pub(super) async fn results_in_run(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    InRun(batch): InRun,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let asked = Asked::read(parameters)?;
    let batch = found(&door, batch, &org).await?;
    let path = in_run(batch.id.run.uuid(), &batch.id.key);
    page(&door, &org, &batch, &path, asked).await
}

/// A batch that was submitted over the API.
async fn submitted(door: &Door, id: Uuid, org: &Org) -> Result<BatchRow, Problem> {
    let batch = BatchId { run: RunId::new(id), key: StepKey::new(BATCH_RUN_KEY) };
    let row = door.in_time(door.engine.store().batch(&batch, org)).await?;
    row.filter(|row| row.ends == Ends::Run).ok_or_else(|| {
        Problem::new(
            Code::UnknownBatch,
            format!("there is no batch {id} in your org; the batches of a workflow are at /v1/runs/{{run}}/batches"),
        )
    })
}

async fn found(door: &Door, batch: BatchId, org: &Org) -> Result<BatchRow, Problem> {
    door.in_time(door.engine.store().batch(&batch, org)).await?.ok_or_else(|| {
        Problem::new(
            Code::UnknownBatch,
            format!(
                "there is no batch {} in run {}; `GET /v1/runs/{}/batches` lists them",
                batch.key, batch.run, batch.run
            ),
        )
    })
}

/// Which results are asked for.
struct Asked {
    after: u32,
    limit: u32,
}

impl Asked {
    fn read(mut parameters: Parameters) -> Result<Self, Problem> {
        let after = parameters.checked("cursor", |text| {
            text.parse::<u32>().map_err(|_| "is no cursor of these results; take it from `cursor` unchanged")
        })?;
        let limit = parameters.limit(PAGE_MAX)?;
        parameters.finish()?;
        Ok(Self { after: after.unwrap_or(0), limit })
    }
}

async fn page(
    door: &Door,
    org: &Org,
    batch: &BatchRow,
    path: &str,
    Asked { after, limit }: Asked,
) -> Result<Response, Problem> {
    let list = door.list(org).await?;
    let (items, more) = door.in_time(list.store().batch_results(&batch.id, after, limit, limits::RESULT_BYTES)).await?;
    let cursor = items.last().map_or(after, |item| item.item);
    // A batch that goes on may have more items later, and other words for those that were shown.
    let next = match more {
        More::Follows => Some(format!("{path}/results?limit={limit}&cursor={cursor}")),
        More::End => None,
    };
    let view = BatchResultsView {
        status: batch.status,
        results: items.into_iter().map(|item| ItemView::new(item, batch.status, batch.released)).collect(),
        cursor: cursor.to_string(),
        next,
    };
    Ok(link::page(&view, view.next.as_deref()))
}

/// A batch of a run, in the path.
#[derive(Debug)]
pub(super) struct InRun(BatchId);

impl<S: Send + Sync> FromRequestParts<S> for InRun {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (run, key) = path.map(|Path(path)| path).unwrap_or_default();
        let run = run.parse::<Uuid>().map_err(|_| {
            Problem::new(Code::InvalidId, "the id in the address is no UUID; copy it from the answer that named it")
        })?;
        Ok(Self(BatchId { run: RunId::new(run), key: StepKey::new(key) }))
    }
}

/// How an item stands in a batch that stands so.
pub(super) fn standing(item: u32, status: BatchStatus, released: u32) -> &'static str {
    match status {
        BatchStatus::Running if item <= released => "running",
        BatchStatus::Running => "waiting",
        BatchStatus::Completed | BatchStatus::PartialFailure | BatchStatus::Failed | BatchStatus::Cancelled => {
            "cancelled"
        }
    }
}
