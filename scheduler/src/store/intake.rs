//! Accepting runs.

use std::time::Duration;

use piton_shared::{
    ids::{AttemptId, RunId, WorkerId},
    journal::Payload,
    name::{Build, Org, Queue},
    state::RunState,
    time::Timestamp,
};
use sqlx::{PgConnection, Row};

use super::{Store, StoreError, value};
use crate::gather;

/// A run to accept.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Its tenant.
    pub org: Org,
    /// The workflow's wire name.
    pub workflow: String,
    /// The queue it is published to.
    pub queue: Queue,
    /// The build it is bound to.
    pub build: Option<Build>,
    /// The session it belongs to.
    pub session: Option<String>,
    /// Words to find it by; none holds a comma.
    pub tags: Vec<String>,
    /// Its input.
    pub input: Payload,
    /// Trace context of the start.
    pub trace: Option<String>,
    /// Where it goes first.
    pub placement: Placement,
    /// When it may begin.
    pub not_before: Option<Timestamp>,
    /// The caller's idempotency key, and the fingerprint of what was asked for.
    pub key: Option<(String, Vec<u8>)>,
}

impl NewRun {
    /// What inserting it weighs: see [`gather::weight`].
    pub fn weight(&self) -> usize {
        gather::weight(1, self.input.len())
    }
}

/// Where an accepted run goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// To a worker that has room: the claim is granted in the same row.
    Held {
        /// The worker.
        worker: WorkerId,
        /// The hold.
        attempt: AttemptId,
        /// The worker's last heartbeat that was seen before.
        heartbeat: u64,
    },
    /// Published after the commit.
    Queued,
    /// Waits in the database.
    Backlog,
    /// Waits in the database for a worker that has its workflow.
    Unserved,
}

/// A run that was inserted.
#[derive(Debug, Clone, Copy)]
pub struct Accepted {
    /// The run.
    pub run: RunId,
    /// Where it stands; `queued` in place of `running` when the worker it was meant for has died.
    pub state: RunState,
    /// When, by the database's clock.
    pub created_at: Timestamp,
    /// The newest control that the statement saw.
    pub control_version: i64,
}

/// The run behind an idempotency key.
#[derive(Debug, Clone)]
pub struct KeyHolder {
    /// Whose key.
    pub org: String,
    /// The key.
    pub key: String,
    /// The run.
    pub run: RunId,
    /// What was asked for when it was started.
    pub fingerprint: Vec<u8>,
    /// Where the run stands.
    pub state: RunState,
    /// When it was accepted.
    pub created_at: Timestamp,
}

impl Store {
    /// Inserts runs in one commit. Those whose key another run holds are missing in the answer.
    pub async fn intake(&self, runs: &[NewRun], window: Duration) -> Result<Vec<Accepted>, StoreError> {
        let mut connection = self.hot.acquire().await.map_err(StoreError::new("intake"))?;
        intake(&mut connection, runs, window).await
    }

    /// The runs behind idempotency keys, given as (org, key).
    pub async fn start_keys_look(&self, keys: &[(String, String)]) -> Result<Vec<KeyHolder>, StoreError> {
        let (orgs, keys): (Vec<_>, Vec<_>) = keys.iter().cloned().unzip();
        let rows = sqlx::query(include_str!("sql/start_keys_look.sql"))
            .bind(orgs)
            .bind(keys)
            .fetch_all(&self.hot)
            .await
            .map_err(StoreError::new("start_keys_look"))?;
        rows.iter().map(key_holder).collect::<Result<_, _>>().map_err(StoreError::new("start_keys_look"))
    }

    /// Forgets idempotency keys whose window is over; says how many.
    pub async fn forget_start_keys(&self, rows: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(include_str!("sql/forget_start_keys.sql"))
            .bind(rows)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("forget_start_keys"))?;
        Ok(done.rows_affected())
    }
}

/// Inserts runs where a transaction is under way, or alone: see [`Store::intake`].
pub(super) async fn intake(
    connection: &mut PgConnection,
    runs: &[NewRun],
    window: Duration,
) -> Result<Vec<Accepted>, StoreError> {
    let column = |of: fn(&NewRun) -> String| runs.iter().map(of).collect::<Vec<_>>();
    let maybe = |of: fn(&NewRun) -> Option<String>| runs.iter().map(of).collect::<Vec<_>>();
    let holder = |run: &NewRun| match run.placement {
        Placement::Held { worker, attempt, .. } => Some((worker.uuid(), attempt.uuid())),
        Placement::Queued | Placement::Backlog | Placement::Unserved => None,
    };
    let rows = sqlx::query(include_str!("sql/intake.sql"))
        .bind(runs.iter().map(|run| run.id.uuid()).collect::<Vec<_>>())
        .bind(column(|run| run.org.to_string()))
        .bind(column(|run| run.workflow.clone()))
        .bind(column(|run| run.queue.to_string()))
        .bind(maybe(|run| run.build.as_ref().map(|build| build.as_str().to_owned())))
        .bind(maybe(|run| run.session.clone()))
        .bind(column(|run| run.tags.join(",")))
        .bind(runs.iter().map(|run| run.input.clone()).collect::<Vec<_>>())
        .bind(maybe(|run| run.trace.clone()))
        .bind(column(|run| placement(run.placement).to_owned()))
        .bind(runs.iter().map(|run| holder(run).map(|(worker, _)| worker)).collect::<Vec<_>>())
        .bind(runs.iter().map(|run| holder(run).map(|(_, attempt)| attempt)).collect::<Vec<_>>())
        .bind(runs.iter().map(|run| run.not_before.map(value::at)).collect::<Vec<_>>())
        .bind(maybe(|run| run.key.as_ref().map(|(key, _)| key.clone())))
        .bind(runs.iter().map(|run| run.key.as_ref().map(|(_, print)| print.clone())).collect::<Vec<_>>())
        .bind(i64::try_from(window.as_secs()).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("intake"))?;
    rows.iter().map(accepted).collect::<Result<_, _>>().map_err(StoreError::new("intake"))
}

fn placement(placement: Placement) -> &'static str {
    match placement {
        Placement::Held { .. } => "held",
        Placement::Queued => "queued",
        Placement::Backlog => "backlog",
        Placement::Unserved => "unserved",
    }
}

fn accepted(row: &sqlx::postgres::PgRow) -> Result<Accepted, sqlx::Error> {
    Ok(Accepted {
        run: RunId::new(row.try_get("id")?),
        state: row.try_get::<&str, _>("state")?.parse().map_err(value::decode_error)?,
        created_at: value::time(row, "created_at")?,
        control_version: row.try_get::<Option<i64>, _>("control_version")?.unwrap_or(0),
    })
}

fn key_holder(row: &sqlx::postgres::PgRow) -> Result<KeyHolder, sqlx::Error> {
    Ok(KeyHolder {
        org: row.try_get("org")?,
        key: row.try_get("key")?,
        run: RunId::new(row.try_get("run_id")?),
        fingerprint: row.try_get("fingerprint")?,
        state: row.try_get::<&str, _>("state")?.parse().map_err(value::decode_error)?,
        created_at: value::time(row, "created_at")?,
    })
}
