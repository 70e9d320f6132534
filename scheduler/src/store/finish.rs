//! What dispatched work came to: journaled, tried again, or given to another.

use std::time::Duration;

use piton_shared::{
    ids::WorkerId,
    message::{
        claim::HandBackReason,
        dispatch::{DispatchId, StepEnd, StepEnding},
    },
};
use sqlx::{Postgres, Row, Transaction, postgres::PgRow};
use uuid::Uuid;

use super::{BatchId, BatchLook, Offer, Store, StoreError, Told, Turn, Wanted, batch, control, outside, step, value};

/// How long work that its worker lacks waits for another.
const LACKING_FOR: Duration = Duration::from_secs(1);

/// An end with who reports it.
#[derive(Debug, Clone)]
pub struct Finishing {
    /// Who executed it.
    pub worker: WorkerId,
    /// What became of it.
    pub end: StepEnd,
}

/// What a commit of ends came to.
#[derive(Debug, Default)]
pub struct FinishPass {
    /// What became of each end, in their order.
    pub wrote: Vec<Finish>,
    /// Runs that were told a result.
    pub told: Vec<Told>,
    /// Work that waits for another worker at once.
    pub offers: Vec<Offer>,
    /// Until the first of the next tries is due.
    pub next_due: Option<Duration>,
    /// Items that came to their end, by their batches and by who has room again.
    pub freed: Vec<(BatchId, WorkerId)>,
}

/// What became of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It is written, now or before.
    Written,
    /// Its hold does not count.
    Fenced,
}

impl Store {
    /// Writes what dispatched work came to, in one commit: the runs are locked in their order, then it is looked. What the
    /// batches do next whose items came to their end is left to their own turn.
    pub async fn finish(&self, ends: &[Finishing]) -> Result<FinishPass, StoreError> {
        let (pass, turn) = self.finish_and_look(ends).await?;
        if let Some((turn, _)) = turn {
            turn.write(&Wanted::default(), 0).await?;
        }
        Ok(pass)
    }

    /// As [`Store::finish`]; but where items of batches came to their end the commit is yet to come, with what their batches
    /// do next.
    pub async fn finish_and_look(
        &self,
        ends: &[Finishing],
    ) -> Result<(FinishPass, Option<(Turn, Vec<BatchLook>)>), StoreError> {
        let mut pass = FinishPass { wrote: vec![Finish::Fenced; ends.len()], ..FinishPass::default() };
        let mut runs: Vec<Uuid> = ends.iter().map(|one| one.end.dispatch.run.uuid()).collect();
        runs.sort_unstable();
        runs.dedup();
        let mut tx = self.hot.begin().await.map_err(StoreError::new("finish"))?;
        control::lock_runs(&mut tx, &runs).await?;
        done(&mut tx, ends, &mut pass).await?;
        back(&mut tx, ends, &mut pass).await?;
        look(&mut tx, ends, &mut pass).await?;
        items(&mut tx, ends, &mut pass).await?;
        let mut batches: Vec<_> = pass.freed.iter().map(|(batch, _)| batch.clone()).collect();
        batches.sort_unstable();
        batches.dedup();
        if batches.is_empty() {
            tx.commit().await.map_err(StoreError::new("finish"))?;
            return Ok((pass, None));
        }
        let turn = Turn::look(tx, &batches).await?;
        Ok((pass, Some(turn)))
    }
}

async fn done(tx: &mut Transaction<'_, Postgres>, ends: &[Finishing], pass: &mut FinishPass) -> Result<(), StoreError> {
    let mut places = Vec::new();
    let (mut holds, mut workers, mut results, mut failures) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut tries, mut started, mut finished) = (Vec::new(), Vec::new(), Vec::new());
    for (place, Finishing { worker, end }) in ends.iter().enumerate() {
        let StepEnding::Done { outcome, try_number, started_at, finished_at } = &end.ending else { continue };
        if end.dispatch.item > 0 {
            // An item's outcome is its batch's affair; see below.
            continue;
        }
        places.push(place);
        holds.push(end.hold.uuid());
        workers.push(worker.uuid());
        results.push(outcome.as_ref().ok().cloned());
        failures.push(outcome.as_ref().err().map(value::failure_bytes));
        tries.push(value::int(*try_number));
        started.push(value::at(*started_at));
        finished.push(value::at(*finished_at));
    }
    if places.is_empty() {
        return Ok(());
    }
    let names = step::names(places.iter().map(|place| &ends[*place].end.dispatch));
    let rows = sqlx::query(include_str!("sql/finish_done.sql"))
        .bind(names.runs)
        .bind(names.keys)
        .bind(holds)
        .bind(workers)
        .bind(results)
        .bind(failures)
        .bind(tries)
        .bind(started)
        .bind(finished)
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::new("finish_done"))?;
    let mut read = |row: &PgRow| {
        for place in row.try_get::<Vec<i64>, _>("places")? {
            mark(pass, &places, place);
        }
        // Its run has ended, or had this answer before.
        if row.try_get::<Option<Uuid>, _>("id")?.is_some() {
            pass.told.push(outside::told(row)?);
        }
        Ok(())
    };
    rows.iter().try_for_each(&mut read).map_err(StoreError::new("finish_done"))
}

async fn back(tx: &mut Transaction<'_, Postgres>, ends: &[Finishing], pass: &mut FinishPass) -> Result<(), StoreError> {
    let mut places = Vec::new();
    let (mut holds, mut workers, mut endings, mut failures) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut tries, mut started, mut finished, mut micros) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, Finishing { worker, end }) in ends.iter().enumerate() {
        let wait = match &end.ending {
            StepEnding::Done { .. } => continue,
            StepEnding::Again { failure, try_number, started_at, finished_at, after } => {
                endings.push("again");
                failures.push(Some(value::failure_bytes(failure)));
                tries.push(Some(value::int(*try_number)));
                started.push(Some(value::at(*started_at)));
                finished.push(Some(value::at(*finished_at)));
                Some(*after)
            }
            StepEnding::Returned { reason } => {
                endings.push("returned");
                failures.push(None);
                tries.push(None);
                started.push(None);
                finished.push(None);
                match reason {
                    HandBackReason::Released => None,
                    HandBackReason::Lacking | HandBackReason::Crowded => Some(LACKING_FOR),
                }
            }
        };
        places.push(place);
        holds.push(end.hold.uuid());
        workers.push(worker.uuid());
        micros.push(wait.map(value::micros));
    }
    if places.is_empty() {
        return Ok(());
    }
    let names = step::names(places.iter().map(|place| &ends[*place].end.dispatch));
    let rows = sqlx::query(include_str!("sql/finish_back.sql"))
        .bind(names.runs)
        .bind(names.keys)
        .bind(names.items)
        .bind(holds)
        .bind(workers)
        .bind(endings)
        .bind(failures)
        .bind(tries)
        .bind(started)
        .bind(finished)
        .bind(micros)
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::new("finish_back"))?;
    let mut read = |row: &PgRow| {
        mark(pass, &places, row.try_get("place")?);
        let stopped = row.try_get::<Option<&str>, _>("stopped")?.is_some();
        match row.try_get::<Option<i64>, _>("due_micros")? {
            Some(micros) if !stopped => {
                let due = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
                pass.next_due = Some(pass.next_due.map_or(due, |known| known.min(due)));
            }
            None if !stopped => pass.offers.push(step::offer(row)?),
            Some(_) | None => {}
        }
        Ok(())
    };
    rows.iter().try_for_each(&mut read).map_err(StoreError::new("finish_back"))
}

/// Ends that were written before: only the answer was lost.
async fn look(tx: &mut Transaction<'_, Postgres>, ends: &[Finishing], pass: &mut FinishPass) -> Result<(), StoreError> {
    let (mut places, mut workers, mut tries) = (Vec::new(), Vec::new(), Vec::new());
    for (place, Finishing { worker, end }) in ends.iter().enumerate() {
        if end.dispatch.item > 0 {
            continue;
        }
        if let (Finish::Fenced, StepEnding::Done { try_number, .. }) = (pass.wrote[place], &end.ending) {
            places.push(place);
            workers.push(worker.uuid());
            tries.push(value::int(*try_number));
        }
    }
    if places.is_empty() {
        return Ok(());
    }
    let names = step::names(places.iter().map(|place| &ends[*place].end.dispatch));
    let found: Vec<i64> = sqlx::query_scalar(include_str!("sql/finish_look.sql"))
        .bind(names.runs)
        .bind(names.keys)
        .bind(workers)
        .bind(tries)
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::new("finish_look"))?;
    for place in found {
        mark(pass, &places, place);
    }
    Ok(())
}

/// Items of batches whose last try has ended.
async fn items(
    tx: &mut Transaction<'_, Postgres>,
    ends: &[Finishing],
    pass: &mut FinishPass,
) -> Result<(), StoreError> {
    let is_item = |one: &Finishing| one.end.dispatch.item > 0 && matches!(one.end.ending, StepEnding::Done { .. });
    let (places, items): (Vec<_>, Vec<_>) = ends.iter().enumerate().filter(|(_, one)| is_item(one)).unzip();
    if items.is_empty() {
        return Ok(());
    }
    let wrote = batch::finish(tx, &items).await?;
    for ((place, one), wrote) in places.into_iter().zip(items).zip(wrote) {
        pass.wrote[place] = wrote;
        if wrote == Finish::Written {
            let DispatchId { run, key, .. } = &one.end.dispatch;
            pass.freed.push((BatchId { run: *run, key: key.clone() }, one.worker));
        }
    }
    Ok(())
}

/// Places in a statement count from 1.
fn mark(pass: &mut FinishPass, places: &[usize], place: i64) {
    let place = usize::try_from(place - 1).ok().and_then(|place| places.get(place));
    if let Some(wrote) = place.and_then(|place| pass.wrote.get_mut(*place)) {
        *wrote = Finish::Written;
    }
}
