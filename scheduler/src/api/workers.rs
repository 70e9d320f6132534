//! `GET /v1/workers`.

use axum::{Extension, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{access::Caller, limits, problem::Problem, query::Parameters, routes::Door, view::WorkerView};

/// The live workers of an org, and those that ended in the last minutes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkersView {
    workers: Vec<WorkerView>,
}

/// List workers
///
/// The live workers of the org, and those that ended in the last minutes.
#[utoipa::path(
    get, path = "/v1/workers", operation_id = "list_workers", tag = "Workers",
    responses((status = 200, description = "The workers", body = WorkersView)),
)]
pub(super) async fn list(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    parameters: Parameters,
) -> Result<axum::Json<WorkersView>, Problem> {
    parameters.finish()?;
    let rows = i64::from(limits::WORKERS_LISTED);
    let list = door.list(&org).await?;
    let workers = door.in_time(list.store().workers_list(&org, rows)).await?;
    let workers = workers.into_iter().map(WorkerView::from).collect();
    Ok(axum::Json(WorkersView { workers }))
}
