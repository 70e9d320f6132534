//! What a worker declares to start a workflow.

use piton_shared::{
    codec,
    name::{Org, Queue},
    time::Timestamp,
    trigger::Trigger,
};
use sqlx::{PgConnection, Row as _};

use super::{Store, StoreError, schedule, trigger, value};

/// All that starts one workflow, as a worker declares it beside it.
#[derive(Debug, Clone, Copy)]
pub struct Declaration<'a> {
    /// The tenant.
    pub org: &'a Org,
    /// The workflow's wire name.
    pub workflow: &'a str,
    /// Where its runs go.
    pub queue: &'a Queue,
    /// When the process started that declares it: what a later process of the build declared stays as it is.
    pub since: Timestamp,
    /// Its build; empty of one that names none.
    pub build: &'a str,
    /// When the rollout of its build began: what a build declared that was rolled out later stays as it is, while it lives.
    pub rollout: Timestamp,
    /// Each of them, checked.
    pub triggers: &'a [Trigger],
}

impl Declaration<'_> {
    /// Puts it in force in the caller's transaction, unless what another build or a later process declared stays.
    pub(super) async fn declare(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        trigger::declare(connection, self).await?;
        schedule::declare(connection, self).await
    }
}

impl Store {
    /// A page of workflows, each with its org, that are started as a build declared which no worker runs any more, while workers of
    /// another build have them. The page begins after the pair that is given.
    pub async fn declarations_left(
        &self,
        after: &(String, String),
        rows: i64,
    ) -> Result<Vec<(String, String)>, StoreError> {
        sqlx::query_as(include_str!("sql/declarations_left.sql"))
            .bind(&after.0)
            .bind(&after.1)
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("declarations_left"))
    }

    /// Declares once more what the live build that was rolled out last declared of a workflow, and returns that build; none when
    /// that is not known. What a live build declared stays as it is.
    pub async fn declare_again(&self, org: &Org, workflow: &str) -> Result<Option<String>, StoreError> {
        let failed = StoreError::new("declaration_live");
        // It may wait for the locks of schedules, as changes of schedules do.
        let _turn = self.schedule_turns.acquire().await.expect("it is never closed");
        let mut tx = self.calm.begin().await.map_err(StoreError::new("declare_again"))?;
        let row = sqlx::query(include_str!("sql/declaration_live.sql"))
            .bind(org.as_str())
            .bind(workflow)
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::new("declaration_live"))?;
        let Some(row) = row else { return Ok(None) };
        let read = || -> Result<_, sqlx::Error> {
            let queue: Option<String> = row.try_get("queue")?;
            let queue = queue.map(Queue::new).transpose().map_err(value::decode_error)?;
            let triggers: Vec<Trigger> = codec::wire::decode(row.try_get("triggers")?).map_err(value::decode_error)?;
            let build: String = row.try_get("build")?;
            Ok((queue, triggers, build, value::time(&row, "since")?, value::time(&row, "rollout")?))
        };
        let (queue, triggers, build, since, rollout) = read().map_err(failed)?;
        let Some(queue) = queue else { return Ok(None) };
        let declaration =
            Declaration { org, workflow, queue: &queue, since, build: &build, rollout, triggers: &triggers };
        declaration.declare(&mut tx).await?;
        tx.commit().await.map_err(StoreError::new("declare_again"))?;
        Ok(Some(build))
    }
}
