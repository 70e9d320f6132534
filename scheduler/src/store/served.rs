//! Which workflows and functions live workers have, and the work that waits for a worker that has its own.

use std::time::Duration;

use piton_shared::{
    ids::RunId,
    message::define::DefinitionKind,
    name::{Build, Org, Queue},
};

use sqlx::PgConnection;

use super::{Offer, Store, StoreError, value};

/// A workflow or function that workers of a queue, and of a build if one is named, have to have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Needed {
    /// The tenant.
    pub org: Org,
    /// The queue.
    pub queue: Queue,
    /// The build that the work is bound to.
    pub build: Option<Build>,
    /// Workflow or function.
    pub kind: DefinitionKind,
    /// Its wire name.
    pub name: String,
}

/// Whether a live worker has what some work needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// At least one has.
    Yes,
    /// None has: the work waits until one registers.
    No,
}

/// Reads which workflows and functions live workers have, over a connection of its own.
pub trait ServedReader: Send {
    /// For each, whether a live worker has it; in the order of the questions.
    fn served(&mut self, needed: &[Needed]) -> impl Future<Output = Result<Vec<Served>, StoreError>> + Send;
}

impl ServedReader for &Store {
    async fn served(&mut self, needed: &[Needed]) -> Result<Vec<Served>, StoreError> {
        let mut connection = self.calm.acquire().await.map_err(StoreError::new("served"))?;
        served(&mut connection, needed).await
    }
}

pub(super) async fn served(connection: &mut PgConnection, needed: &[Needed]) -> Result<Vec<Served>, StoreError> {
    let column = |of: fn(&Needed) -> &str| needed.iter().map(|one| of(one).to_owned()).collect::<Vec<_>>();
    let places: Vec<i64> = sqlx::query_scalar(include_str!("sql/served.sql"))
        .bind(column(|one| one.org.as_str()))
        .bind(column(|one| one.queue.as_str()))
        .bind(column(|one| one.build.as_ref().map_or("", Build::as_str)))
        .bind(column(|one| one.kind.as_str()))
        .bind(column(|one| &one.name))
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("served"))?;
    let mut served = vec![Served::No; needed.len()];
    for place in places {
        let at = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
        if let Some(found) = at.and_then(|at| served.get_mut(at)) {
            *found = Served::Yes;
        }
    }
    Ok(served)
}

impl Store {
    /// Takes runs out of the backlog whose workflow, given beside them, no live worker has. Returns how many it took.
    pub async fn ready_unserved(&self, runs: &[(RunId, String)]) -> Result<u64, StoreError> {
        sqlx::query(include_str!("sql/ready_unserved.sql"))
            .bind(runs.iter().map(|(run, _)| run.uuid()).collect::<Vec<_>>())
            .bind(runs.iter().map(|(_, workflow)| workflow.clone()).collect::<Vec<_>>())
            .execute(&self.calm)
            .await
            .map(|done| done.rows_affected())
            .map_err(StoreError::new("ready_unserved"))
    }

    /// Stops waiting work whose function no live worker has.
    pub async fn steps_unserved(&self, offers: &[Offer]) -> Result<Vec<Offer>, StoreError> {
        self.offers(include_str!("sql/steps_unserved.sql"), "steps_unserved", offers).await
    }

    /// Puts up to `rows` runs into the backlog again whose workflow a live worker has by now; with `recent` only by workers that
    /// registered within that time. Returns how many.
    pub async fn ready_served(&self, rows: i64, recent: Option<Duration>) -> Result<u64, StoreError> {
        self.again(include_str!("sql/ready_served.sql"), "ready_served", rows, recent).await
    }

    /// Likewise dispatched work.
    pub async fn steps_served(&self, rows: i64, recent: Option<Duration>) -> Result<u64, StoreError> {
        self.again(include_str!("sql/steps_served.sql"), "steps_served", rows, recent).await
    }

    async fn again(
        &self,
        sql: &'static str,
        name: &'static str,
        rows: i64,
        recent: Option<Duration>,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(sql)
            .bind(rows)
            .bind(recent.map(value::micros))
            .execute(&self.calm)
            .await
            .map_err(StoreError::new(name))?;
        Ok(done.rows_affected())
    }
}
