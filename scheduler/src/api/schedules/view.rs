//! Schedules as the API shows them.

use piton_shared::{
    ids::RunId,
    trigger::{CatchUp, Overlap},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::schema::{ObjectBuilder, Type},
};
use uuid::Uuid;

use crate::{
    api::{
        document::shapes,
        gone::Gone,
        runs::escape,
        time::Rfc3339,
        view::{payload, run_path},
    },
    store::{ScheduleRow, schedule::FiringRow},
};

/// Firings to come that a schedule is shown with.
const SHOWN: usize = 5;

/// A schedule. Times are RFC 3339 in UTC, by the database's clock.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ScheduleView {
    name: String,
    id: Uuid,
    workflow: String,
    queue: String,
    build: Option<String>,
    /// When it fires, as a cron expression.
    expression: String,
    /// That in words.
    description: String,
    /// The IANA name of the time zone that it means.
    time_zone: String,
    /// What happens when it fires while its last run goes on.
    #[schema(schema_with = overlap)]
    overlap: &'static str,
    /// What happens to firings that were missed.
    #[schema(schema_with = catch_up)]
    catch_up: &'static str,
    /// The longest time by which a firing is put off, in seconds.
    jitter: f64,
    /// The input of its runs. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = shapes::any, required = false)]
    input: Option<Value>,
    tags: Vec<String>,
    /// `declared` beside its workflow, or made by the `api`.
    #[schema(schema_with = origin)]
    origin: &'static str,
    /// `active`, or `paused`: it fires nothing.
    #[schema(schema_with = state)]
    state: &'static str,
    paused_at: Option<Rfc3339>,
    /// Since when its workflow is gone from the code, as far as can be told: no worker has it, though newer ones of its program
    /// live, or nobody has had it for a week. What is started waits for a worker that has it.
    orphaned_since: Option<Rfc3339>,
    created_at: Rfc3339,
    changed_at: Rfc3339,
    /// Its firings to come; in lists only the first. None of one that is paused.
    next: Vec<ComingView>,
    /// The last of its times that was looked at.
    last_at: Option<Rfc3339>,
    /// The last run that its rhythm has started.
    last_run_id: Option<Uuid>,
    /// One of its times that waits for the end of that run.
    waiting_at: Option<Rfc3339>,
    links: ScheduleLinks,
}

/// A firing to come.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ComingView {
    /// The time that its expression names.
    occurrence: Rfc3339,
    /// That time with its jitter.
    fires_at: Rfc3339,
    /// That time as the clocks of its time zone show it.
    local: String,
}

/// Where to look next.
#[derive(Debug, Serialize, ToSchema)]
struct ScheduleLinks {
    #[serde(rename = "self")]
    itself: String,
    firings: String,
    next: String,
    /// The last run that its rhythm has started.
    last_run: Option<String>,
}

/// A page of schedules, by their names.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SchedulesView {
    pub(super) schedules: Vec<ScheduleView>,
    /// The cursor of the next page; none on the last.
    pub(super) next_cursor: Option<String>,
    /// The address of the next page; none on the last.
    pub(super) next: Option<String>,
}

/// Firings to come.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ComingsView {
    pub(super) next: Vec<ComingView>,
}

/// What became of one of a schedule's times.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct FiringView {
    /// Which; of several that were missed, the newest.
    occurrence: Rfc3339,
    /// `rhythm`, or `trigger`: somebody asked for it.
    #[schema(schema_with = cause)]
    cause: String,
    /// `started` a run; `skipped`, for the last run went on; `missed`, for no scheduler looked in time; `queued` behind the
    /// last run; `refused`.
    #[schema(schema_with = outcome)]
    outcome: String,
    /// The run that it started.
    run_id: Option<Uuid>,
    /// How many it stands for; of those missed, 1000 stands for as many or more.
    count: u32,
    /// Of several that were missed, the oldest.
    first_at: Option<Rfc3339>,
    /// Why it was refused.
    reason: Option<String>,
    /// When this was decided.
    at: Rfc3339,
}

/// A page of what became of a schedule's times, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct FiringsView {
    pub(super) firings: Vec<FiringView>,
    /// The cursor of the next page; none on the last.
    pub(super) next_cursor: Option<String>,
    /// The address of the next page; none on the last.
    pub(super) next: Option<String>,
}

impl ScheduleView {
    /// Everything of it.
    pub(super) fn whole(row: ScheduleRow, gone: &Gone) -> Self {
        let input = payload(&row.plan.input);
        Self { input: Some(input), ..Self::of(row, SHOWN, gone) }
    }

    /// As it stands in a list.
    pub(super) fn listed(row: ScheduleRow, gone: &Gone) -> Self {
        Self::of(row, 1, gone)
    }

    fn of(row: ScheduleRow, shown: usize, gone: &Gone) -> Self {
        let path = schedule_path(&row.name);
        let description = row.plan.rhythm().map_or_else(|error| error.to_string(), |rhythm| rhythm.describe());
        Self {
            id: row.id,
            description,
            overlap: row.plan.overlap.as_str(),
            catch_up: row.plan.catch_up.as_str(),
            jitter: row.plan.jitter.as_secs_f64(),
            input: None,
            origin: row.origin.as_str(),
            state: row.state.as_str(),
            paused_at: row.paused_at.map(Rfc3339::from),
            orphaned_since: gone.since(&row.plan.workflow),
            created_at: row.created_at.into(),
            changed_at: row.changed_at.into(),
            next: comings(&row, shown),
            last_at: row.last_at.map(Rfc3339::from),
            last_run_id: row.last_run.map(RunId::uuid),
            waiting_at: row.waiting_at.map(Rfc3339::from),
            links: ScheduleLinks {
                firings: format!("{path}/firings"),
                next: format!("{path}/next"),
                last_run: row.last_run.map(|run| run_path(run.uuid())),
                itself: path,
            },
            name: row.name,
            workflow: row.plan.workflow,
            queue: row.plan.queue.to_string(),
            build: row.plan.build.map(|build| build.as_str().to_owned()),
            expression: row.plan.expression,
            time_zone: row.plan.time_zone,
            tags: row.plan.tags,
        }
    }
}

/// The firings to come of a schedule; none of one that is paused.
pub(super) fn comings(row: &ScheduleRow, count: usize) -> Vec<ComingView> {
    let (Ok(rhythm), Some(first)) = (row.plan.rhythm(), row.next) else {
        return Vec::new();
    };
    if row.paused_at.is_some() {
        return Vec::new();
    }
    let terms = row.plan.terms(row.id, &rhythm);
    std::iter::successors(Some(first), |last| terms.next_after(last.occurrence))
        .take(count)
        .map(|next| ComingView {
            occurrence: next.occurrence.into(),
            fires_at: next.fire_at.into(),
            local: rhythm.local(next.occurrence),
        })
        .collect()
}

impl From<FiringRow> for FiringView {
    fn from(row: FiringRow) -> Self {
        Self {
            occurrence: row.occurrence.into(),
            cause: row.cause,
            outcome: row.outcome,
            run_id: row.run.map(RunId::uuid),
            count: row.count,
            first_at: row.first_at.map(Rfc3339::from),
            reason: row.reason,
            at: row.at.into(),
        }
    }
}

pub(super) fn schedule_path(name: &str) -> String {
    format!("/v1/schedules/{}", escape(name))
}

fn words<const N: usize>(words: [&'static str; N]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

fn overlap() -> ObjectBuilder {
    words(Overlap::ALL.map(Overlap::as_str))
}

fn catch_up() -> ObjectBuilder {
    words(CatchUp::ALL.map(CatchUp::as_str))
}

fn origin() -> ObjectBuilder {
    words(["declared", "api"])
}

fn state() -> ObjectBuilder {
    words(["active", "paused"])
}

fn cause() -> ObjectBuilder {
    words(["rhythm", "trigger"])
}

fn outcome() -> ObjectBuilder {
    words(["started", "skipped", "missed", "queued", "refused"])
}
