//! What items of batches came to.

use piton_shared::message::dispatch::StepEnding;
use sqlx::PgConnection;

use super::super::{Finish, Finishing, StoreError, step, value};

/// Writes what the last tries of items came to, at most one an item; the locks of their runs are held. Says what became of
/// each, in their order; those whose last try has not ended are none of this.
pub(in crate::store) async fn finish(
    connection: &mut PgConnection,
    ends: &[&Finishing],
) -> Result<Vec<Finish>, StoreError> {
    let names = step::names(ends.iter().map(|one| &one.end.dispatch));
    let workers: Vec<_> = ends.iter().map(|one| one.worker.uuid()).collect();
    let (mut results, mut failures, mut tries) = (Vec::new(), Vec::new(), Vec::new());
    let (mut started, mut finished) = (Vec::new(), Vec::new());
    for Finishing { end, .. } in ends {
        let StepEnding::Done { outcome, try_number, started_at, finished_at } = &end.ending else { continue };
        results.push(outcome.as_deref().ok());
        failures.push(outcome.as_ref().err().map(value::failure_bytes));
        tries.push(value::int(*try_number));
        started.push(value::at(*started_at));
        finished.push(value::at(*finished_at));
    }
    let fresh: Vec<i64> = sqlx::query_scalar(include_str!("../sql/batch_finish.sql"))
        .bind(names.runs)
        .bind(names.keys)
        .bind(names.items)
        .bind(ends.iter().map(|one| one.end.hold.uuid()).collect::<Vec<_>>())
        .bind(&workers)
        .bind(results)
        .bind(failures)
        .bind(&tries)
        .bind(started)
        .bind(finished)
        .fetch_all(&mut *connection)
        .await
        .map_err(StoreError::new("batch_finish"))?;
    let mut wrote = vec![Finish::Fenced; ends.len()];
    for place in fresh {
        if let Some(wrote) = wrote.get_mut(value::place(place)) {
            *wrote = Finish::Written;
        }
    }
    let open: Vec<_> = (0..ends.len()).filter(|place| wrote[*place] == Finish::Fenced).collect();
    if open.is_empty() {
        return Ok(wrote);
    }
    let names = step::names(open.iter().map(|place| &ends[*place].end.dispatch));
    let before: Vec<i64> = sqlx::query_scalar(include_str!("../sql/batch_finish_look.sql"))
        .bind(names.runs)
        .bind(names.keys)
        .bind(names.items)
        .bind(open.iter().map(|place| workers[*place]).collect::<Vec<_>>())
        .bind(open.iter().map(|place| tries[*place]).collect::<Vec<_>>())
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("batch_finish_look"))?;
    for place in before {
        if let Some(place) = open.get(value::place(place)) {
            wrote[*place] = Finish::Written;
        }
    }
    Ok(wrote)
}
