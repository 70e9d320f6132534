//! Making, changing and removing triggers.

use piton_shared::{
    name::{Build, Org, Queue},
    time::Timestamp,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Listens, Source, TriggerRow, TriggerState,
    row::{Columns, source_word},
};
use crate::store::{Store, StoreError, value};

/// A trigger to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTrigger {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub org: Org,
    /// What it starts.
    pub workflow: String,
    /// Who made it.
    pub source: Source,
    /// What it listens to.
    pub listens: Listens,
    /// Where its runs go.
    pub queue: Queue,
    /// The build they are bound to.
    pub build: Option<Build>,
    /// Whether it counts.
    pub state: TriggerState,
    /// When it was made, if it was there before.
    pub created_at: Option<Timestamp>,
}

/// What making, changing or removing a trigger came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// It is done: the trigger as it stands now, or stood last.
    Done(Box<TriggerRow>),
    /// There is no such trigger in the org, or no such org.
    Unknown,
    /// It is declared beside its workflow, and can be paused only.
    Declared(Box<TriggerRow>),
    /// Another change came first, and nothing was done: the trigger now stands so.
    Overtaken(Box<TriggerRow>),
    /// The org has as many as it may have.
    TooMany,
}

/// What is changed of a trigger; what is none stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// What it listens to.
    pub listens: Option<Listens>,
    /// Where its runs go.
    pub queue: Option<Queue>,
    /// The build they are bound to; within, none for any.
    pub build: Option<Option<Build>>,
    /// Whether it counts.
    pub state: Option<TriggerState>,
    /// The version that this was computed from; none for any.
    pub seen: Option<i64>,
}

impl Change {
    /// Whether more than its state is changed.
    fn beyond_state(&self) -> bool {
        self.listens.is_some() || self.queue.is_some() || self.build.is_some()
    }
}

impl Store {
    /// Keeps a trigger that somebody made, unless the org has so many.
    pub async fn trigger_create(&self, new: &NewTrigger, most: i64) -> Result<Changed, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("trigger_insert"))?;
        if lock(&mut tx, &new.org).await? == Locked::NoOrg {
            return Ok(Changed::Unknown);
        }
        let there: i64 = sqlx::query_scalar(include_str!("../sql/trigger_count.sql"))
            .bind(new.org.as_str())
            .fetch_one(&mut *tx)
            .await
            .map_err(StoreError::new("trigger_count"))?;
        if there >= most {
            return Ok(Changed::TooMany);
        }
        let version = next_version(&mut tx, &new.org).await?;
        insert(&mut tx, &new.org, &new.workflow, version, std::slice::from_ref(new)).await?;
        let made = get(&mut tx, new.id, &new.org).await?;
        tx.commit().await.map_err(StoreError::new("trigger_insert"))?;
        Ok(made.map_or(Changed::Unknown, |row| Changed::Done(Box::new(row))))
    }

    /// Changes a trigger.
    pub async fn trigger_update(&self, trigger: Uuid, org: &Org, change: &Change) -> Result<Changed, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("trigger_update"))?;
        lock(&mut tx, org).await?;
        let Some(row) = get(&mut tx, trigger, org).await? else {
            return Ok(Changed::Unknown);
        };
        if matches!(row.source, Source::Declared { .. }) && change.beyond_state() {
            return Ok(Changed::Declared(Box::new(row)));
        }
        if change.seen.is_some_and(|seen| seen != row.version) {
            return Ok(Changed::Overtaken(Box::new(row)));
        }
        let Columns { kind, pattern, provider, endpoint, filter, input_rule, input_expression } =
            Columns::of(change.listens.as_ref().unwrap_or(&row.listens));
        let queue = change.queue.as_ref().unwrap_or(&row.queue);
        let build = change.build.as_ref().unwrap_or(&row.build);
        let version = next_version(&mut tx, org).await?;
        let changed = sqlx::query(include_str!("../sql/trigger_update.sql"))
            .bind(trigger)
            .bind(kind)
            .bind(pattern)
            .bind(provider)
            .bind(endpoint)
            .bind(filter)
            .bind(input_rule)
            .bind(input_expression)
            .bind(queue.as_str())
            .bind(build.as_ref().map(Build::as_str))
            .bind(change.state.unwrap_or(row.state).as_str())
            .bind(version)
            .fetch_one(&mut *tx)
            .await
            .map_err(StoreError::new("trigger_update"))?;
        let changed = TriggerRow::read(&changed).map_err(StoreError::new("trigger_update"))?;
        tx.commit().await.map_err(StoreError::new("trigger_update"))?;
        Ok(Changed::Done(Box::new(changed)))
    }

    /// Removes a trigger that somebody made.
    pub async fn trigger_delete(&self, trigger: Uuid, org: &Org) -> Result<Changed, StoreError> {
        self.delete(trigger, org, Which::Made).await
    }

    /// Removes a trigger, also one that is declared: a worker that declares it brings it back when it starts.
    pub async fn trigger_delete_any(&self, trigger: Uuid, org: &Org) -> Result<Changed, StoreError> {
        self.delete(trigger, org, Which::Any).await
    }

    async fn delete(&self, trigger: Uuid, org: &Org, which: Which) -> Result<Changed, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("trigger_delete"))?;
        lock(&mut tx, org).await?;
        let Some(row) = get(&mut tx, trigger, org).await? else {
            return Ok(Changed::Unknown);
        };
        match (which, row.source) {
            (Which::Made, Source::Declared { .. }) => return Ok(Changed::Declared(Box::new(row))),
            (Which::Any, Source::Declared { .. }) | (Which::Made | Which::Any, Source::Made) => {}
        }
        next_version(&mut tx, org).await?;
        sqlx::query(include_str!("../sql/trigger_delete.sql"))
            .bind(vec![trigger])
            .bind(org.as_str())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::new("trigger_delete"))?;
        tx.commit().await.map_err(StoreError::new("trigger_delete"))?;
        Ok(Changed::Done(Box::new(row)))
    }

    /// One trigger of an org.
    pub async fn trigger_get(&self, trigger: Uuid, org: &Org) -> Result<Option<TriggerRow>, StoreError> {
        let mut connection = self.calm.acquire().await.map_err(StoreError::new("trigger_get"))?;
        get(&mut connection, trigger, org).await
    }

    /// A page of an org's triggers, newest first.
    pub async fn trigger_list(
        &self,
        org: &Org,
        before: Option<Uuid>,
        workflow: Option<&str>,
        rows: u32,
    ) -> Result<Vec<TriggerRow>, StoreError> {
        let rows = sqlx::query(include_str!("../sql/trigger_list.sql"))
            .bind(org.as_str())
            .bind(before)
            .bind(workflow)
            .bind(i64::from(rows))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("trigger_list"))?;
        rows.iter().map(TriggerRow::read).collect::<Result<_, _>>().map_err(StoreError::new("trigger_list"))
    }
}

/// Which triggers may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Made,
    Any,
}

/// Whether an org is there to be locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locked {
    Held,
    NoOrg,
}

/// Locks what the triggers of an org are changed under: what is looked at from here on changes no more.
pub(super) async fn lock(connection: &mut PgConnection, org: &Org) -> Result<Locked, StoreError> {
    let locked = sqlx::query(include_str!("../sql/trigger_lock.sql")).bind(org.as_str()).execute(connection).await;
    let locked = locked.map_err(StoreError::new("trigger_lock"))?;
    Ok(if locked.rows_affected() == 0 { Locked::NoOrg } else { Locked::Held })
}

pub(in crate::store) async fn next_version(connection: &mut PgConnection, org: &Org) -> Result<i64, StoreError> {
    sqlx::query_scalar(include_str!("../sql/trigger_version.sql"))
        .bind(org.as_str())
        .fetch_one(connection)
        .await
        .map_err(StoreError::new("trigger_version"))
}

async fn get(connection: &mut PgConnection, trigger: Uuid, org: &Org) -> Result<Option<TriggerRow>, StoreError> {
    let row = sqlx::query(include_str!("../sql/trigger_get.sql"))
        .bind(trigger)
        .bind(org.as_str())
        .fetch_optional(connection)
        .await
        .map_err(StoreError::new("trigger_get"))?;
    row.as_ref().map(TriggerRow::read).transpose().map_err(StoreError::new("trigger_get"))
}

pub(super) async fn insert(
    connection: &mut PgConnection,
    org: &Org,
    workflow: &str,
    version: i64,
    rows: &[NewTrigger],
) -> Result<(), StoreError> {
    let columns: Vec<_> = rows.iter().map(|row| Columns::of(&row.listens)).collect();
    sqlx::query(include_str!("../sql/trigger_insert.sql"))
        .bind(rows.iter().map(|row| row.id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| source_word(row.source).0).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| source_word(row.source).1).collect::<Vec<_>>())
        .bind(columns.iter().map(|columns| columns.kind).collect::<Vec<_>>())
        .bind(columns.iter().map(|columns| columns.pattern.clone()).collect::<Vec<_>>())
        .bind(columns.iter().map(|columns| columns.provider).collect::<Vec<_>>())
        .bind(columns.iter().map(|columns| columns.endpoint.clone()).collect::<Vec<_>>())
        .bind(columns.iter().map(|columns| columns.filter.clone()).collect::<Vec<_>>())
        .bind(columns.iter().map(|columns| columns.input_rule).collect::<Vec<_>>())
        .bind(columns.iter().map(|columns| columns.input_expression.clone()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.queue.to_string()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.build.as_ref().map(|build| build.as_str().to_owned())).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.state.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.created_at.map(value::at)).collect::<Vec<_>>())
        .bind(org.as_str())
        .bind(workflow)
        .bind(version)
        .execute(connection)
        .await
        .map_err(StoreError::new("trigger_insert"))?;
    Ok(())
}
