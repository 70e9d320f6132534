//! The debt of matching events: read, claimed, and paid in the transaction that writes what came of them.

use std::{collections::HashMap, time::Duration};

use piton_shared::{ids::RunId, name::Org};
use sqlx::{PgConnection, Postgres, Row, Transaction, postgres::PgRow};
use uuid::Uuid;

use super::EventRow;
use crate::store::{
    Accepted, Needed, NewRun, Served, ServedReader, Store, StoreError,
    intake::intake,
    served::served,
    trigger::{OrgTriggers, active},
};

/// A transaction that has taken the debt of some events. Dropped, it has taken none.
#[derive(Debug)]
pub struct Looking {
    tx: Transaction<'static, Postgres>,
}

/// An event whose matching is owed.
#[derive(Debug, Clone)]
pub struct OwedEvent {
    /// The event.
    pub event: EventRow,
    /// The version of its org's triggers and definitions at the moment it was read.
    pub version: i64,
}

/// An event that is about to be written as matched, and under which version it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched {
    /// The event.
    pub event: Uuid,
    /// The version that its org must still have for this to be written; none for any.
    pub version: Option<i64>,
}

/// Whether the debt of an event was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// It was.
    Taken,
    /// Its org has another version now: it has to be matched anew.
    Changed,
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
    /// Reads those of the events whose matching is owed.
    pub async fn unmatched_read(&self, events: &[Uuid]) -> Result<Vec<OwedEvent>, StoreError> {
        let rows = sqlx::query(include_str!("../sql/unmatched_read.sql"))
            .bind(events)
            .fetch_all(&self.hot)
            .await
            .map_err(StoreError::new("unmatched_read"))?;
        let owed =
            |row: &PgRow| Ok(OwedEvent { event: EventRow::read(row)?, version: row.try_get("trigger_version")? });
        rows.iter().map(owed).collect::<Result<_, _>>().map_err(StoreError::new("unmatched_read"))
    }

    /// The triggers of orgs that count, as they stand now, with their version.
    pub async fn triggers_active(&self, orgs: &[String]) -> Result<Vec<OrgTriggers>, StoreError> {
        let mut connection = self.hot.acquire().await.map_err(StoreError::new("triggers_active"))?;
        active(&mut connection, orgs).await
    }

    /// Takes the debt of matched events, of those that nobody else is at; says of which, and begins the transaction that
    /// writes what came of them.
    pub async fn look_at_events(&self, events: &[Matched]) -> Result<(Looking, HashMap<Uuid, Taking>), StoreError> {
        let mut tx = self.hot.begin().await.map_err(StoreError::new("unmatched_take"))?;
        let taken = take(&mut tx, events).await.map_err(StoreError::new("unmatched_take"))?;
        Ok((Looking { tx }, taken))
    }

    /// Orgs that have events whose matching is owed, from the one after `after` on.
    pub async fn unmatched_orgs(&self, after: &str, rows: i32) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(include_str!("../sql/unmatched_orgs.sql"))
            .bind(after)
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("unmatched_orgs"))
    }

    /// Claims events of these orgs whose matching is due, as many of each: no other sweep takes them up meanwhile.
    pub async fn unmatched_claim(
        &self,
        orgs: &[String],
        of_each: i64,
        meanwhile: Duration,
    ) -> Result<Vec<(Uuid, Org)>, StoreError> {
        let rows = sqlx::query(include_str!("../sql/unmatched_claim.sql"))
            .bind(orgs)
            .bind(of_each)
            .bind(crate::store::value::micros(meanwhile))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("unmatched_claim"))?;
        let claimed = |row: &PgRow| {
            let org = Org::new(row.try_get::<String, _>("org")?).map_err(crate::store::value::decode_error)?;
            Ok((row.try_get("event_id")?, org))
        };
        rows.iter().map(claimed).collect::<Result<_, _>>().map_err(StoreError::new("unmatched_claim"))
    }

    /// Keeps sweeps away from events that are being matched.
    pub async fn unmatched_keep(&self, events: &[Uuid], meanwhile: Duration) -> Result<(), StoreError> {
        let kept = sqlx::query(include_str!("../sql/unmatched_keep.sql"))
            .bind(events)
            .bind(crate::store::value::micros(meanwhile))
            .execute(&self.calm)
            .await;
        kept.map(drop).map_err(StoreError::new("unmatched_keep"))
    }

    /// Puts off an event whose matching failed by a fault of ours, longer after each failure.
    pub async fn unmatched_put_off(&self, event: Uuid) -> Result<(), StoreError> {
        let put_off = sqlx::query(include_str!("../sql/unmatched_put_off.sql")).bind(event).execute(&self.calm).await;
        put_off.map(drop).map_err(StoreError::new("unmatched_put_off"))
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

async fn take(connection: &mut PgConnection, events: &[Matched]) -> Result<HashMap<Uuid, Taking>, sqlx::Error> {
    let rows = sqlx::query(include_str!("../sql/unmatched_take.sql"))
        .bind(events.iter().map(|matched| matched.event).collect::<Vec<_>>())
        .bind(events.iter().map(|matched| matched.version).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let taking = |row: &PgRow| {
        let taking = if row.try_get("taken")? { Taking::Taken } else { Taking::Changed };
        Ok((row.try_get("event_id")?, taking))
    };
    rows.iter().map(taking).collect()
}

impl ServedReader for Looking {
    async fn served(&mut self, needed: &[Needed]) -> Result<Vec<Served>, StoreError> {
        served(&mut self.tx, needed).await
    }
}

impl Looking {
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
