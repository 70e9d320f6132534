//! Runs as callers see them.

use piton_shared::{
    failure::Failure,
    ids::{RunId, WorkerId, uuid_v7},
    journal::{Kind, Payload, StepKey},
    name::Org,
    parked::Parked,
    state::RunState,
    time::Timestamp,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{Served, Store, StoreError, value};

/// A run's row.
#[derive(Debug, Clone)]
pub struct RunRow {
    /// The run.
    pub run: RunId,
    /// Its tenant.
    pub org: String,
    /// Its workflow.
    pub workflow: String,
    /// Its queue.
    pub queue: String,
    /// The build it is bound to.
    pub build: Option<String>,
    /// Its session.
    pub session: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Where it stands.
    pub state: RunState,
    /// Publishes so far.
    pub epoch: u32,
    /// Claims so far.
    pub attempts: u32,
    /// Who holds it.
    pub worker: Option<WorkerId>,
    /// Deaths of its worker in a row.
    pub strikes: i16,
    /// When somebody asked that it be cancelled.
    pub cancel_asked_at: Option<Timestamp>,
    /// When it was paused, if it is.
    pub paused_at: Option<Timestamp>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it was first claimed.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Its input; none in lists.
    pub input: Option<Payload>,
    /// Its result; none in lists.
    pub result: Option<Payload>,
    /// Its failure.
    pub failure: Option<Failure>,
    /// Why it needs a person.
    pub parked: Option<Parked>,
    /// Trace context of its start.
    pub trace: Option<String>,
    /// Whether a live worker has its workflow; looked at only while it waits in the backlog.
    pub served: Served,
}

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only those that were accepted before this one.
    pub before: Option<RunId>,
    /// Only those that stand here.
    pub state: Option<RunState>,
    /// Only those of this workflow.
    pub workflow: Option<String>,
    /// Only those of this session.
    pub session: Option<String>,
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Only those that were accepted then or later.
    pub created_after: Option<Timestamp>,
    /// Only those that were accepted before.
    pub created_before: Option<Timestamp>,
}

/// How far the time in a run's id may lie from the time at which it was written: schedulers make ids by the database's
/// clock, and look at it from time to time.
const ID_DRIFT: i64 = 60_000_000;

/// The smallest id of a time.
fn first_id(at: Timestamp, drift: i64) -> Uuid {
    let millis = at.as_micros().saturating_add(drift).max(0) / 1000;
    uuid_v7(u64::try_from(millis).unwrap_or(0), [0; 10])
}

impl RunFilter {
    /// The ids between which the runs are: from the first on, before the second.
    fn ids(&self) -> (Uuid, Uuid) {
        let from = self.created_after.map_or(Uuid::nil(), |at| first_id(at, -ID_DRIFT));
        let behind = self.created_before.map_or(Uuid::max(), |at| first_id(at, ID_DRIFT));
        (from, self.before.map_or(behind, |run| behind.min(run.uuid())))
    }

    /// The index by which they are found (`run_list.sql`): the one that is expected to name the fewest.
    fn index(&self) -> &'static str {
        let RunFilter { session, tag, state, workflow, .. } = self;
        if session.is_some() {
            return "session";
        }
        if tag.is_some() {
            return "tag";
        }
        match state {
            Some(RunState::Parked | RunState::Failed | RunState::Cancelled | RunState::Killed) => "state",
            Some(RunState::Running) => "held",
            Some(RunState::Backlog | RunState::Queued) => "ready",
            Some(RunState::Suspended) => "suspended",
            Some(RunState::Completed) | None if workflow.is_some() => "workflow",
            Some(RunState::Completed) | None => "org",
        }
    }
}

/// A failed try, for the timeline.
#[derive(Debug, Clone)]
pub struct TryRow {
    /// The step.
    pub key: StepKey,
    /// Which try.
    pub try_number: u32,
    /// The function.
    pub name: String,
    /// Why it failed.
    pub failure: Failure,
    /// Who executed it.
    pub worker: WorkerId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// A timer that a run waits for.
#[derive(Debug, Clone)]
pub struct WaitRow {
    /// The call that waits.
    pub key: StepKey,
    /// What kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Since when.
    pub set_at: Timestamp,
    /// When it fires.
    pub due_at: Timestamp,
}

/// Dispatched work of a run that is open.
#[derive(Debug, Clone)]
pub struct StepRow {
    /// The step, or the item.
    pub key: StepKey,
    /// The function.
    pub name: String,
    /// The queue whose workers execute it.
    pub queue: String,
    /// The build it is bound to.
    pub build: Option<String>,
    /// The try under way, or the next.
    pub try_number: u32,
    /// Since when somebody could execute it.
    pub offered_at: Timestamp,
    /// When its next try is due, if it waits for that.
    pub due_at: Option<Timestamp>,
    /// Who executes it.
    pub worker: Option<WorkerId>,
    /// Since when.
    pub held_at: Option<Timestamp>,
    /// Why it is given to nobody for now: `paused`, `poison` or `unserved`.
    pub stopped: Option<String>,
}

impl Store {
    /// Dispatched work of a run that is open, by key.
    pub async fn steps_of(&self, run: RunId, rows: i64) -> Result<Vec<StepRow>, StoreError> {
        let found = sqlx::query(include_str!("sql/steps_of.sql"))
            .bind(run.uuid())
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("steps_of"))?;
        let read = |row: &PgRow| {
            let key = StepKey::new(row.try_get::<String, _>("step_key")?);
            let item = row.try_get::<i32, _>("item")?.unsigned_abs();
            Ok(StepRow {
                key: if item == 0 { key } else { key.item(item) },
                name: row.try_get("function")?,
                queue: row.try_get("queue")?,
                build: row.try_get("build")?,
                try_number: row.try_get::<i32, _>("try_number")?.unsigned_abs(),
                offered_at: value::time(row, "offered_at")?,
                due_at: value::maybe_time(row, "due_at")?,
                worker: row.try_get::<Option<Uuid>, _>("worker")?.map(WorkerId::new),
                held_at: value::maybe_time(row, "held_at")?,
                stopped: row.try_get("stopped")?,
            })
        };
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("steps_of"))
    }

    /// Some runs, whoever they belong to; those that do not exist are missing.
    pub async fn runs_get(&self, runs: &[RunId]) -> Result<Vec<RunRow>, StoreError> {
        let found = sqlx::query(include_str!("sql/runs_get.sql"))
            .bind(runs.iter().map(|run| run.uuid()).collect::<Vec<_>>())
            .fetch_all(&self.hot)
            .await
            .map_err(StoreError::new("runs_get"))?;
        found.iter().map(run_row).collect::<Result<_, _>>().map_err(StoreError::new("runs_get"))
    }

    /// One run of an org.
    pub async fn run(&self, run: RunId, org: &Org) -> Result<Option<RunRow>, StoreError> {
        Ok(self.runs_get(&[run]).await?.into_iter().find(|row| row.org == org.as_str()))
    }

    /// What a run's randomness is derived from, whoever the run belongs to.
    pub async fn run_seed(&self, run: RunId) -> Result<Option<Uuid>, StoreError> {
        sqlx::query_scalar(include_str!("sql/run_seed.sql"))
            .bind(run.uuid())
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("run_seed"))
    }

    /// A page of runs, newest first.
    pub async fn runs(&self, org: &Org, filter: &RunFilter, rows: u32) -> Result<Vec<RunRow>, StoreError> {
        let (from, before) = filter.ids();
        let found = sqlx::query(include_str!("sql/run_list.sql"))
            .bind(org.as_str())
            .bind(before)
            .bind(filter.state.map(RunState::as_str))
            .bind(filter.workflow.as_deref())
            .bind(filter.session.as_deref())
            .bind(i64::from(rows))
            .bind(filter.tag.as_deref())
            .bind(from)
            .bind(filter.created_after.map(value::at))
            .bind(filter.created_before.map(value::at))
            .bind(filter.index())
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("run_list"))?;
        found.iter().map(run_row).collect::<Result<_, _>>().map_err(StoreError::new("run_list"))
    }

    /// Which of these runs have ended.
    pub async fn ended_of(&self, runs: &[RunId]) -> Result<Vec<RunId>, StoreError> {
        let ids: Vec<Uuid> = sqlx::query_scalar(include_str!("sql/run_ended.sql"))
            .bind(runs.iter().map(|run| run.uuid()).collect::<Vec<_>>())
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("run_ended"))?;
        Ok(ids.into_iter().map(RunId::new).collect())
    }

    /// The failed tries of a run.
    pub async fn tries_of(&self, run: RunId, rows: i64) -> Result<Vec<TryRow>, StoreError> {
        let found = sqlx::query(include_str!("sql/tries_of.sql"))
            .bind(run.uuid())
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("tries_of"))?;
        found.iter().map(try_row).collect::<Result<_, _>>().map_err(StoreError::new("tries_of"))
    }

    /// What a run waits for.
    pub async fn waits_of(&self, run: RunId, rows: i64) -> Result<Vec<WaitRow>, StoreError> {
        let found = sqlx::query(include_str!("sql/waits_of.sql"))
            .bind(run.uuid())
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("waits_of"))?;
        let read = |row: &PgRow| {
            let kind: &str = row.try_get("kind")?;
            Ok(WaitRow {
                key: StepKey::new(row.try_get::<String, _>("step_key")?),
                kind: Kind::parse(kind).ok_or_else(|| value::unknown("kind of wait", kind))?,
                name: row.try_get("name")?,
                set_at: value::time(row, "set_at")?,
                due_at: value::time(row, "due_at")?,
            })
        };
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("waits_of"))
    }
}

pub(super) fn try_row(row: &PgRow) -> Result<TryRow, sqlx::Error> {
    Ok(TryRow {
        key: StepKey::new(row.try_get::<String, _>("step_key")?),
        try_number: row.try_get::<i32, _>("try_number")?.unsigned_abs(),
        name: row.try_get("name")?,
        failure: value::failure(row.try_get("failure")?)?,
        worker: WorkerId::new(row.try_get("worker")?),
        started_at: value::time(row, "started_at")?,
        finished_at: value::time(row, "finished_at")?,
    })
}

fn run_row(row: &PgRow) -> Result<RunRow, sqlx::Error> {
    let parked: Option<serde_json::Value> = row.try_get("parked")?;
    let failure: Option<Vec<u8>> = row.try_get("failure")?;
    Ok(RunRow {
        run: RunId::new(row.try_get("id")?),
        org: row.try_get("org")?,
        workflow: row.try_get("workflow")?,
        queue: row.try_get("queue")?,
        build: row.try_get("build")?,
        session: row.try_get("session")?,
        tags: row.try_get("tags")?,
        state: row.try_get::<&str, _>("state")?.parse().map_err(value::decode_error)?,
        epoch: row.try_get::<i32, _>("epoch")?.unsigned_abs(),
        attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
        worker: row.try_get::<Option<Uuid>, _>("worker")?.map(WorkerId::new),
        strikes: row.try_get("strikes")?,
        cancel_asked_at: value::maybe_time(row, "cancel_asked_at")?,
        paused_at: value::maybe_time(row, "paused_at")?,
        created_at: value::time(row, "created_at")?,
        started_at: value::maybe_time(row, "started_at")?,
        finished_at: value::maybe_time(row, "finished_at")?,
        input: row.try_get("input")?,
        result: row.try_get("result")?,
        failure: failure.as_deref().map(value::failure).transpose()?,
        parked: parked.map(serde_json::from_value).transpose().map_err(value::decode_error)?,
        trace: row.try_get("trace")?,
        served: if row.try_get::<Option<&str>, _>("unserved")?.is_some() { Served::No } else { Served::Yes },
    })
}
