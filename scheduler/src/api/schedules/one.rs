//! Requests about one schedule, which the path names.

use axum::{
    Extension,
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use piton_shared::{
    limits::NAME_BYTES,
    name::{Org, check_definition},
};

use super::view::ScheduleView;
use crate::{
    api::{access::Caller, code::Code, gone::Gone, problem::Problem, routes::Door},
    store::{ScheduleRow, Store},
};

/// The schedule that a request is about, which may not be there.
pub(in crate::api) struct One {
    pub(super) door: Door,
    pub(super) org: Org,
    pub(super) name: String,
}

impl FromRequestParts<Door> for One {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let caller = Extension::<Caller>::from_request_parts(parts, door).await;
        // Who asks is known before a route is: without that word nobody is let in.
        let Extension(Caller { org }) = caller.map_err(|_| Problem::internal())?;
        let named = Path::<String>::from_request_parts(parts, door).await.map(|Path(name)| name);
        let named = named.ok().filter(|name| check_definition(name).is_ok());
        let name = named.ok_or_else(|| Problem::new(Code::InvalidId, format!("no schedule can have this name: it has letters, digits, `_`, `-` and `.`, at most {NAME_BYTES} of them")))?;
        Ok(Self { door: door.clone(), org, name })
    }
}

impl One {
    pub(super) fn store(&self) -> &Store {
        self.door.engine.store()
    }

    /// As it stands.
    pub(super) async fn look(&self) -> Result<ScheduleRow, Problem> {
        let row = self.door.in_time(self.store().schedule_get(&self.org, &self.name)).await?;
        self.there(row)
    }

    /// What was found, or that there is no such schedule.
    pub(super) fn there<T>(&self, found: Option<T>) -> Result<T, Problem> {
        found.ok_or_else(|| {
            let name = &self.name;
            Problem::new(
                Code::UnknownSchedule,
                format!("there is no schedule `{name}` in your org; `GET /v1/schedules` lists those that are there"),
            )
        })
    }
}

/// Everything of a schedule.
pub(super) async fn shown(door: &Door, row: ScheduleRow) -> Result<ScheduleView, Problem> {
    let gone = Gone::of(door, &row.org, [&*row.plan.workflow]).await?;
    Ok(ScheduleView::whole(row, &gone))
}
