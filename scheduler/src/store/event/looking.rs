//! The look: events are matched, and what comes of it is written, in one transaction.

use std::time::Duration;

use piton_shared::ids::RunId;
use sqlx::{PgConnection, Postgres, Row, Transaction};
use uuid::Uuid;

use super::EventRow;
use crate::store::{
    Accepted, NewRun, Store, StoreError,
    intake::intake,
    trigger::{OrgTriggers, active},
};

/// A transaction that has taken the debt of some events. Dropped, it has taken nothing.
#[derive(Debug)]
pub struct Looking {
    tx: Transaction<'static, Postgres>,
}

/// An event whose debt was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The event.
    pub event: EventRow,
    /// The version of its org's triggers as the transaction saw it.
    pub trigger_version: i64,
}

/// One thing that came of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameOf {
    /// The event.
    pub event: Uuid,
    /// The org.
    pub org: String,
    /// Which of the things that came of it, from 0.
    pub place: i32,
    /// The trigger.
    pub trigger: Uuid,
    /// Its workflow.
    pub workflow: String,
    /// What it came to.
    pub to: CameTo,
}

/// What a trigger that an event matched came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameTo {
    /// A run.
    Started(RunId),
    /// No run.
    Refused {
        /// In a word.
        reason: Refused,
        /// In a sentence that says what to do.
        detail: String,
    },
}

/// Why a match started nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The filter cannot be computed.
    FilterFailed,
    /// The expression of the input cannot.
    InputFailed,
    /// The event has nothing for some parameter.
    Unbound,
    /// The workflow's schema refuses the input.
    InvalidInput,
    /// The database refuses it.
    Unacceptable,
}

impl Refused {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::FilterFailed, Self::InputFailed, Self::Unbound, Self::InvalidInput, Self::Unacceptable];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FilterFailed => "filter_failed",
            Self::InputFailed => "input_failed",
            Self::Unbound => "unbound",
            Self::InvalidInput => "invalid_input",
            Self::Unacceptable => "unacceptable",
        }
    }
}

impl Store {
    /// Begins a look at events: takes the debt of those that nobody else is at.
    pub async fn look_at_events(&self, events: &[Uuid]) -> Result<(Looking, Vec<Taken>), StoreError> {
        let mut tx = self.hot.begin().await.map_err(StoreError::new("unmatched_take"))?;
        let taken = take(&mut tx, events).await.map_err(StoreError::new("unmatched_take"))?;
        Ok((Looking { tx }, taken))
    }

    /// Events whose matching is owed since that long.
    pub async fn unmatched_due(&self, age: Duration, rows: i64) -> Result<Vec<Uuid>, StoreError> {
        sqlx::query_scalar(include_str!("../sql/unmatched_due.sql"))
            .bind(crate::store::value::micros(age))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("unmatched_due"))
    }

    /// Gives up the matching of an event whose outcome can never be written, and writes down why. None when it is not owed, or
    /// somebody is at it.
    pub async fn unmatched_drop(&self, event: Uuid, detail: &str) -> Result<Option<Uuid>, StoreError> {
        sqlx::query_scalar(include_str!("../sql/unmatched_drop.sql"))
            .bind(event)
            .bind(detail.replace('\0', "\u{fffd}"))
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("unmatched_drop"))
    }
}

async fn take(connection: &mut PgConnection, events: &[Uuid]) -> Result<Vec<Taken>, sqlx::Error> {
    let rows = sqlx::query(include_str!("../sql/unmatched_take.sql")).bind(events).fetch_all(connection).await?;
    let taken = |row| Ok(Taken { event: EventRow::read(row)?, trigger_version: row.try_get("trigger_version")? });
    rows.iter().map(taken).collect()
}

impl Looking {
    /// The triggers of an org that count, as they stand now, with their version.
    pub async fn triggers(&mut self, orgs: &[String]) -> Result<Vec<OrgTriggers>, StoreError> {
        active(&mut self.tx, orgs).await
    }

    /// Inserts runs.
    pub async fn start(&mut self, runs: &[NewRun]) -> Result<Vec<Accepted>, StoreError> {
        // None has a key: what must not be doubled is the event, and its debt is taken once.
        intake(&mut self.tx, runs, Duration::ZERO).await
    }

    /// Writes down what came of the events.
    pub async fn note(&mut self, came: &[CameOf]) -> Result<(), StoreError> {
        let refused = |came: &CameOf| match &came.to {
            CameTo::Started(_) => None,
            CameTo::Refused { reason, detail } => Some((reason.as_str(), detail.replace('\0', "\u{fffd}"))),
        };
        let run = |came: &CameOf| match came.to {
            CameTo::Started(run) => Some(run.uuid()),
            CameTo::Refused { .. } => None,
        };
        let outcome = |came: &CameOf| match came.to {
            CameTo::Started(_) => "started",
            CameTo::Refused { .. } => "refused",
        };
        sqlx::query(include_str!("../sql/event_runs_insert.sql"))
            .bind(came.iter().map(|came| came.event).collect::<Vec<_>>())
            .bind(came.iter().map(|came| came.place).collect::<Vec<_>>())
            .bind(came.iter().map(|came| came.org.clone()).collect::<Vec<_>>())
            .bind(came.iter().map(|came| came.trigger).collect::<Vec<_>>())
            .bind(came.iter().map(|came| came.workflow.clone()).collect::<Vec<_>>())
            .bind(came.iter().map(outcome).collect::<Vec<_>>())
            .bind(came.iter().map(run).collect::<Vec<_>>())
            .bind(came.iter().map(|came| refused(came).map(|(reason, _)| reason)).collect::<Vec<_>>())
            .bind(came.iter().map(|came| refused(came).map(|(_, detail)| detail)).collect::<Vec<_>>())
            .execute(&mut *self.tx)
            .await
            .map_err(StoreError::new("event_runs_insert"))?;
        Ok(())
    }

    /// Says that it goes on: Postgres ends a transaction that nobody has spoken in for a while.
    pub async fn go_on(&mut self) -> Result<(), StoreError> {
        let said = sqlx::query(include_str!("../sql/look_goes_on.sql")).execute(&mut *self.tx).await;
        said.map(drop).map_err(StoreError::new("look_goes_on"))
    }

    /// Leaves all of it as it was, and returns when that is so: the debt is there again for whoever looks next.
    pub async fn give_back(self) {
        if let Err(error) = self.tx.rollback().await {
            // The connection is gone, and the transaction with it.
            tracing::debug!(%error, "failed to give back a look");
        }
    }

    /// Makes all of it so.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.tx.commit().await.map_err(StoreError::new("look_at_events"))
    }
}
