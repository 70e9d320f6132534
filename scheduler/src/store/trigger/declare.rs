//! Triggers that are declared beside a workflow.

use piton_shared::{ids::uuid_v7, time::Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Listens, NewTrigger, Source, TriggerRow, TriggerState,
    change::{insert, lock, next_version},
};
use crate::store::{Declaration, StoreError, value};

/// Replaces the event and webhook triggers that are declared of a workflow, in the transaction under way: unchanged ones
/// keep their id and stay paused if they are, those that are gone are removed. Nothing changes if a build that was
/// rolled out later, or a later process of this one, declared before.
pub async fn declare(connection: &mut PgConnection, declaration: &Declaration<'_>) -> Result<(), StoreError> {
    let Declaration { org, workflow, queue, since, build, rollout, triggers } = declaration;
    // The lock first: what is looked at from here on changes no more.
    lock(connection, org).await?;
    let declares: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar(include_str!("../sql/trigger_declare_since.sql"))
        .bind(org.as_str())
        .bind(workflow)
        .bind(value::at(*since))
        .bind(build)
        .bind(value::at(*rollout))
        .fetch_optional(&mut *connection)
        .await
        .map_err(StoreError::new("trigger_declare_since"))?;
    if declares.is_none() {
        return Ok(());
    }
    let before = declared(connection, org.as_str(), workflow).await?;
    let wanted: Vec<Listens> = triggers.iter().filter_map(Listens::of).collect();
    let same = |(row, listens): (&TriggerRow, &Listens)| row.listens == *listens && row.queue == **queue;
    if before.len() == wanted.len() && before.iter().zip(&wanted).all(same) {
        return Ok(());
    }
    let gone: Vec<_> = before.iter().map(|row| row.id).collect();
    sqlx::query(include_str!("../sql/trigger_delete.sql"))
        .bind(gone)
        .bind(org.as_str())
        .execute(&mut *connection)
        .await
        .map_err(StoreError::new("trigger_delete"))?;
    let version = next_version(connection, org).await?;
    let mut left = before;
    let mut rows = Vec::with_capacity(wanted.len());
    for (listens, place) in wanted.into_iter().zip(0..) {
        let kept = left.iter().position(|row| row.listens == listens).map(|at| left.swap_remove(at));
        rows.push(NewTrigger {
            id: kept.as_ref().map_or_else(|| fresh(*since), |row| row.id),
            org: (*org).clone(),
            workflow: (*workflow).to_owned(),
            source: Source::Declared { place },
            listens,
            queue: (*queue).clone(),
            build: None,
            state: kept.as_ref().map_or(TriggerState::Active, |row| row.state),
            created_at: kept.map(|row| row.created_at),
        });
    }
    insert(connection, org, workflow, version, &rows).await
}

fn fresh(since: Timestamp) -> Uuid {
    uuid_v7(u64::try_from(since.as_micros() / 1000).unwrap_or(0), rand::random())
}

async fn declared(connection: &mut PgConnection, org: &str, workflow: &str) -> Result<Vec<TriggerRow>, StoreError> {
    let rows = sqlx::query(include_str!("../sql/trigger_declared.sql"))
        .bind(org)
        .bind(workflow)
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("trigger_declared"))?;
    rows.iter().map(TriggerRow::read).collect::<Result<_, _>>().map_err(StoreError::new("trigger_declared"))
}
