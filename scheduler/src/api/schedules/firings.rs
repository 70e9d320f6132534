//! What became of a schedule's times.

use piton_shared::limits::PAGE_MAX;

use super::{
    one::One,
    view::{FiringView, FiringsView, schedule_path},
};
use crate::api::{
    document::{Page, ScheduleInPath},
    problem::Problem,
    query::Parameters,
};

/// List what a schedule fired
///
/// What became of each of its times, newest first: runs that started, times that were skipped or missed. It is kept for 30
/// days.
#[utoipa::path(
    get, path = "/v1/schedules/{name}/firings", operation_id = "list_firings", tag = "Schedules",
    params(ScheduleInPath, Page<PAGE_MAX>),
    responses(
        (status = 200, description = "A page of firings", body = FiringsView),
        (status = 404, description = "unknown_schedule"),
    ),
)]
pub(in crate::api) async fn firings(one: One, mut parameters: Parameters) -> Result<axum::Json<FiringsView>, Problem> {
    let before = parameters.checked("cursor", |text| {
        text.parse::<i64>().map_err(|_| "is no cursor of this list; take it from `next_cursor` unchanged")
    })?;
    let limit = parameters.limit(PAGE_MAX)?;
    parameters.finish()?;
    let schedule = one.look().await?;
    let list = one.door.list(&one.org).await?;
    let rows = list.store().firings_page(schedule.id, &one.org, before, limit + 1);
    let mut rows = one.door.in_time(rows).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let path = schedule_path(&one.name);
    let next = next_cursor.as_deref().map(|cursor| format!("{path}/firings?limit={limit}&cursor={cursor}"));
    Ok(axum::Json(FiringsView { firings: rows.into_iter().map(FiringView::from).collect(), next_cursor, next }))
}
