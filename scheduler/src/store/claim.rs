//! Granting runs to workers, and what a grant carries.

use piton_shared::{
    ids::{AttemptId, Epoch, RunId, WorkerId},
    journal::{Entry, Payload, StepKey},
    message::{
        claim::{Alone, ClaimAsk, Company, Moment, OpenCall, Solitude, Waiting},
        read::More,
    },
    time::Timestamp,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{Store, StoreError, value};

/// A run that was granted.
#[derive(Debug)]
pub struct Granted {
    /// The run.
    pub run: RunId,
    /// The publish it was claimed by.
    pub epoch: Epoch,
    /// The hold.
    pub attempt: AttemptId,
    /// Its workflow.
    pub workflow: String,
    /// What derived randomness is derived from.
    pub seed: Uuid,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Its input.
    pub input: Payload,
    /// Results from outside so far.
    pub outside: u32,
    /// Claims so far, this one included.
    pub attempts: u32,
    /// Beside whom it may be.
    pub company: Company,
    /// Trace context of its start.
    pub trace: Option<String>,
    /// The newest control that the statement saw.
    pub control_version: i64,
}

/// A call that an earlier attempt left open.
#[derive(Debug)]
pub struct OpenCallRow {
    /// The run it belongs to.
    pub run: RunId,
    /// The call.
    pub call: OpenCall,
}

impl Store {
    /// Grants what can be granted of `asks` (sorted by run) to a worker that lives.
    pub async fn claim(&self, worker: WorkerId, asks: &[ClaimAsk]) -> Result<Vec<Granted>, StoreError> {
        let runs: Vec<_> = asks.iter().map(|ask| ask.run.uuid()).collect();
        let epochs: Vec<_> = asks.iter().map(|ask| value::int(ask.epoch.0)).collect();
        let attempts: Vec<_> = asks.iter().map(|ask| ask.attempt.uuid()).collect();
        let rows = sqlx::query(include_str!("sql/claim.sql"))
            .bind(worker.uuid())
            .bind(runs)
            .bind(epochs)
            .bind(attempts)
            .fetch_all(&self.hot)
            .await
            .map_err(StoreError::new("claim"))?;
        rows.iter().map(granted).collect::<Result<_, _>>().map_err(StoreError::new("claim"))
    }

    /// Writes down that a run is alone at its worker and about to begin, or that it is alone no more.
    pub async fn note_solitude(&self, alone: &Alone) -> Result<Solitude, StoreError> {
        let noted: Option<Uuid> = sqlx::query_scalar(include_str!("sql/note_solitude.sql"))
            .bind(alone.run.uuid())
            .bind(alone.attempt.uuid())
            .bind(alone.worker.uuid())
            .bind(match alone.moment {
                Moment::Begins => true,
                Moment::Over => false,
            })
            .fetch_optional(&self.hot)
            .await
            .map_err(StoreError::new("note_solitude"))?;
        Ok(if noted.is_some() { Solitude::Noted } else { Solitude::Lost })
    }

    /// A page of what earlier attempts left open, of each of these runs, by key.
    pub async fn open_calls(
        &self,
        runs: &[RunId],
        after: Option<&StepKey>,
        rows: u32,
    ) -> Result<Vec<OpenCallRow>, StoreError> {
        let runs: Vec<_> = runs.iter().map(|run| run.uuid()).collect();
        let found = sqlx::query(include_str!("sql/open_calls.sql"))
            .bind(runs)
            .bind(after.map_or("", StepKey::as_str))
            .bind(i64::from(rows))
            .fetch_all(&self.hot)
            .await
            .map_err(StoreError::new("open_calls"))?;
        found.iter().map(open_call).collect::<Result<_, _>>().map_err(StoreError::new("open_calls"))
    }

    /// A page of a run's journal, by key.
    pub async fn journal_page(
        &self,
        run: RunId,
        after: Option<&StepKey>,
        rows: u32,
    ) -> Result<(Vec<Entry>, More), StoreError> {
        let found = sqlx::query(include_str!("sql/journal_page.sql"))
            .bind(run.uuid())
            .bind(after.map_or("", StepKey::as_str))
            .bind(i64::from(rows))
            .fetch_all(&self.hot)
            .await
            .map_err(StoreError::new("journal_page"))?;
        let more = if found.len() as u64 >= u64::from(rows) { More::Follows } else { More::End };
        let entries =
            found.iter().map(value::entry).collect::<Result<_, _>>().map_err(StoreError::new("journal_page"))?;
        Ok((entries, more))
    }

    /// Rows from outside after a number, in their order.
    pub async fn journal_outside(&self, run: RunId, after: u32, rows: u32) -> Result<Vec<Entry>, StoreError> {
        Ok(self.journals_outside(&[(run, after, rows)]).await?.pop().unwrap_or_default())
    }

    /// Rows from outside of several runs: for each, those after a number, in their order, and how many at most. The answers are in
    /// the order of the questions.
    pub async fn journals_outside(&self, asked: &[(RunId, u32, u32)]) -> Result<Vec<Vec<Entry>>, StoreError> {
        let found = sqlx::query(include_str!("sql/journal_outside.sql"))
            .bind(asked.iter().map(|(run, ..)| run.uuid()).collect::<Vec<_>>())
            .bind(asked.iter().map(|(_, after, _)| value::int(*after)).collect::<Vec<_>>())
            .bind(asked.iter().map(|(.., rows)| value::int(*rows)).collect::<Vec<_>>())
            .fetch_all(&self.hot)
            .await
            .map_err(StoreError::new("journal_outside"))?;
        let mut answers = vec![Vec::new(); asked.len()];
        let mut read = |row: &PgRow| {
            answers[value::place(row.try_get("place")?)].push(value::entry(row)?);
            Ok(())
        };
        found.iter().try_for_each(&mut read).map_err(StoreError::new("journal_outside"))?;
        Ok(answers)
    }

    /// The input of a run, if this attempt of this worker holds it.
    pub async fn held_input(
        &self,
        run: RunId,
        attempt: AttemptId,
        worker: WorkerId,
    ) -> Result<Option<Payload>, StoreError> {
        sqlx::query_scalar(include_str!("sql/held_input.sql"))
            .bind(run.uuid())
            .bind(attempt.uuid())
            .bind(worker.uuid())
            .fetch_optional(&self.hot)
            .await
            .map_err(StoreError::new("held_input"))
    }

    /// Whether this attempt of this worker holds the run.
    pub async fn holds(&self, run: RunId, attempt: AttemptId, worker: WorkerId) -> Result<bool, StoreError> {
        sqlx::query_scalar(include_str!("sql/holds.sql"))
            .bind(run.uuid())
            .bind(attempt.uuid())
            .bind(worker.uuid())
            .fetch_one(&self.hot)
            .await
            .map_err(StoreError::new("holds"))
    }
}

fn granted(row: &PgRow) -> Result<Granted, sqlx::Error> {
    Ok(Granted {
        run: RunId::new(row.try_get("id")?),
        epoch: Epoch(row.try_get::<i32, _>("epoch")?.unsigned_abs()),
        attempt: AttemptId::new(row.try_get("attempt")?),
        workflow: row.try_get("workflow")?,
        seed: row.try_get("seed")?,
        created_at: value::time(row, "created_at")?,
        input: row.try_get("input")?,
        outside: row.try_get::<i32, _>("outside")?.unsigned_abs(),
        attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
        company: super::ready::company(row.try_get("strikes")?, row.try_get("company")?),
        trace: row.try_get("trace")?,
        control_version: row.try_get("control_version")?,
    })
}

fn open_call(row: &PgRow) -> Result<OpenCallRow, sqlx::Error> {
    let waiting = row.try_get::<Option<&str>, _>("waiting")?;
    Ok(OpenCallRow {
        run: RunId::new(row.try_get("run_id")?),
        call: OpenCall {
            key: StepKey::new(row.try_get::<String, _>("step_key")?),
            failed_tries: row.try_get::<i32, _>("failed_tries")?.unsigned_abs(),
            last_try: row.try_get::<i32, _>("last_try")?.unsigned_abs(),
            first_started_at: value::maybe_time(row, "first_started_at")?,
            last_failed_at: value::maybe_time(row, "last_failed_at")?,
            waiting: waiting.map(|word| waiting_for(row, word)).transpose()?,
        },
    })
}

fn waiting_for(row: &PgRow, word: &str) -> Result<Waiting, sqlx::Error> {
    match word {
        "sleep" => Ok(Waiting::Sleep),
        "retry" => Ok(Waiting::Retry),
        "dispatched" => Ok(Waiting::Dispatched),
        "batch" => Ok(Waiting::Batch {
            items: row.try_get::<i32, _>("items")?.unsigned_abs(),
            more: match row.try_get::<Option<jiff_sqlx::Timestamp>, _>("sealed_at")? {
                None => More::Follows,
                Some(_) => More::End,
            },
        }),
        other => Err(value::unknown("kind of wait", other)),
    }
}
