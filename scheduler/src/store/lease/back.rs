//! A process whose registration is over says that it lives: it did not die of what it held.

use piton_shared::{ids::WorkerId, name::Org};
use sqlx::Row;
use uuid::Uuid;

use super::Ended;
use crate::store::{Offer, Published, ResumeOutcome, Store, StoreError, control};

/// What it means that a process came back.
#[derive(Debug)]
pub enum Back {
    /// Its registration had not ended. It ends now, and nothing that it held is struck.
    Left(Ended),
    /// Its lease had ended. What that left on runs and dispatched work is taken back, and runs that were parked because of it
    /// go on.
    TakenBack {
        /// The runs that were parked.
        runs: Vec<Published>,
        /// Dispatched work that was stopped with them.
        offers: Vec<Offer>,
    },
    /// There is nothing to take back: it is not known, or was taken back before.
    Nothing,
}

impl Store {
    /// A process that registers anew says that it was `previous`. Repeated, it changes nothing.
    pub async fn came_back(&self, previous: WorkerId, org: &Org) -> Result<Back, StoreError> {
        match self.look_back(previous, org).await? {
            Some(back) => Ok(back),
            // A sweep ended the lease meanwhile, for good: what that left is seen now.
            None => Ok(self.look_back(previous, org).await?.unwrap_or(Back::Nothing)),
        }
    }

    /// None when the registration had not ended at the look and has at the end.
    async fn look_back(&self, previous: WorkerId, org: &Org) -> Result<Option<Back>, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("back_lock"))?;
        let found = sqlx::query(include_str!("../sql/back_lock.sql"))
            .bind(previous.uuid())
            .bind(org.as_str())
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::new("back_lock"))?;
        let Some(found) = found else { return Ok(Some(Back::Nothing)) };
        if !found.try_get("ended").map_err(StoreError::new("back_lock"))? {
            drop(tx);
            return Ok(self.leave(previous).await?.map(Back::Left));
        }
        let struck: Option<Vec<Uuid>> = found.try_get("struck").map_err(StoreError::new("back_lock"))?;
        let Some(struck) = struck.filter(|struck| !struck.is_empty()) else { return Ok(Some(Back::Nothing)) };
        control::lock_runs(&mut tx, &struck).await?;
        let stopped: Vec<Uuid> = sqlx::query_scalar(include_str!("../sql/back_steps.sql"))
            .bind(&struck)
            .bind(previous.uuid())
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("back_steps"))?;
        let parked: Vec<Uuid> = sqlx::query_scalar(include_str!("../sql/back_runs.sql"))
            .bind(&struck)
            .bind(previous.uuid())
            .bind(stopped)
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("back_runs"))?;
        let (mut runs, mut offers) = (Vec::new(), Vec::new());
        for run in parked {
            match control::resume_locked(&mut tx, run, org, None).await? {
                ResumeOutcome::Resumed { run, offers: of_run, .. } => {
                    runs.push(run);
                    offers.extend(of_run);
                }
                ResumeOutcome::Unstopped(_) => {}
            }
        }
        sqlx::query(include_str!("../sql/back_settled.sql"))
            .bind(previous.uuid())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::new("back_settled"))?;
        tx.commit().await.map_err(StoreError::new("back_settled"))?;
        Ok(Some(Back::TakenBack { runs, offers }))
    }
}
