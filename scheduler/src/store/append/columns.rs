//! Appends as arrays, one a column.

use piton_shared::{journal::Place, message::append::Next};
use uuid::Uuid;

use super::Appending;
use crate::store::value;

/// One vector a column, in the order in which `append.sql` names them.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) run: Vec<Uuid>,
    pub(super) attempt: Vec<Uuid>,
    pub(super) worker: Vec<Uuid>,
    pub(super) number: Vec<i32>,
    pub(super) row_count: Vec<i32>,
    pub(super) next: Vec<&'static str>,
    pub(super) payload: Vec<Option<Vec<u8>>>,
    pub(super) parked: Vec<Option<String>>,
    pub(super) seen: Vec<i32>,
    pub(super) row_place: Vec<i32>,
    pub(super) row_key: Vec<String>,
    pub(super) row_org: Vec<String>,
    pub(super) row_kind: Vec<&'static str>,
    pub(super) row_name: Vec<String>,
    pub(super) row_input: Vec<Vec<u8>>,
    pub(super) row_result: Vec<Option<Vec<u8>>>,
    pub(super) row_failure: Vec<Option<Vec<u8>>>,
    pub(super) row_own: Vec<i32>,
    pub(super) row_after: Vec<i32>,
    pub(super) row_try: Vec<i32>,
    pub(super) row_started: Vec<jiff_sqlx::Timestamp>,
    pub(super) row_finished: Vec<jiff_sqlx::Timestamp>,
    pub(super) try_place: Vec<i32>,
    pub(super) try_key: Vec<String>,
    pub(super) try_org: Vec<String>,
    pub(super) try_number: Vec<i32>,
    pub(super) try_name: Vec<String>,
    pub(super) try_failure: Vec<Vec<u8>>,
    pub(super) try_started: Vec<jiff_sqlx::Timestamp>,
    pub(super) try_finished: Vec<jiff_sqlx::Timestamp>,
    pub(super) wait_place: Vec<i32>,
    pub(super) wait_key: Vec<String>,
    pub(super) wait_org: Vec<String>,
    pub(super) wait_kind: Vec<&'static str>,
    pub(super) wait_name: Vec<String>,
    pub(super) wait_input: Vec<Vec<u8>>,
    pub(super) wait_micros: Vec<i64>,
    pub(super) gone_place: Vec<i32>,
    pub(super) gone_key: Vec<String>,
    pub(super) step_place: Vec<i32>,
    pub(super) step_key: Vec<String>,
    pub(super) step_org: Vec<String>,
    pub(super) step_function: Vec<String>,
    pub(super) step_queue: Vec<Option<String>>,
    pub(super) step_input: Vec<Vec<u8>>,
    pub(super) step_terms: Vec<Vec<u8>>,
    pub(super) brings: Vec<i32>,
}

/// The columns of appends, in their order.
pub(super) fn columns<'a>(appends: impl IntoIterator<Item = &'a Appending>) -> Columns {
    let mut c = Columns::default();
    for (index, Appending { org, worker, append }) in appends.into_iter().enumerate() {
        let place = i32::try_from(index + 1).unwrap_or(i32::MAX);
        c.run.push(append.run.uuid());
        c.attempt.push(append.attempt.uuid());
        c.worker.push(worker.uuid());
        c.number.push(value::int(append.number));
        c.row_count.push(i32::try_from(append.rows.len()).unwrap_or(i32::MAX));
        let (next, payload, parked, seen) = match &append.next {
            Next::GoOn => ("go_on", None, None, 0),
            Next::Suspend { seen_outside } => ("suspend", None, None, value::int(*seen_outside)),
            Next::Complete(result) => ("complete", Some(result.clone()), None, 0),
            Next::Fail(failure) => ("fail", Some(value::failure_bytes(failure)), None, 0),
            Next::Cancel(failure) => ("cancel", Some(value::failure_bytes(failure)), None, 0),
            Next::Park(parked) => ("park", None, value::json(parked).ok(), 0),
        };
        c.next.push(next);
        c.payload.push(payload);
        c.parked.push(parked);
        c.seen.push(seen);
        for row in &append.rows {
            let Place::Own { number, after } = row.place else {
                continue;
            };
            c.row_place.push(place);
            c.row_key.push(row.key.as_str().to_owned());
            c.row_org.push(org.as_str().to_owned());
            c.row_kind.push(row.kind.as_str());
            c.row_name.push(row.name.clone());
            c.row_input.push(row.input.clone());
            c.row_result.push(row.outcome.as_ref().ok().cloned());
            c.row_failure.push(row.outcome.as_ref().err().map(value::failure_bytes));
            c.row_own.push(value::int(number));
            c.row_after.push(value::int(after));
            c.row_try.push(value::int(row.try_number));
            c.row_started.push(value::at(row.started_at));
            c.row_finished.push(value::at(row.finished_at));
        }
        for failed in &append.failed_tries {
            c.try_place.push(place);
            c.try_key.push(failed.key.as_str().to_owned());
            c.try_org.push(org.as_str().to_owned());
            c.try_number.push(value::int(failed.try_number));
            c.try_name.push(failed.name.clone());
            c.try_failure.push(value::failure_bytes(&failed.failure));
            c.try_started.push(value::at(failed.started_at));
            c.try_finished.push(value::at(failed.finished_at));
        }
        for wait in &append.waits {
            c.wait_place.push(place);
            c.wait_key.push(wait.key.as_str().to_owned());
            c.wait_org.push(org.as_str().to_owned());
            c.wait_kind.push(wait.kind.as_str());
            c.wait_name.push(wait.name.clone());
            c.wait_input.push(wait.input.clone());
            c.wait_micros.push(value::micros(wait.after));
        }
        for step in &append.dispatches {
            c.step_place.push(place);
            c.step_key.push(step.key.as_str().to_owned());
            c.step_org.push(org.as_str().to_owned());
            c.step_function.push(step.function.clone());
            c.step_queue.push(step.queue.as_ref().map(ToString::to_string));
            c.step_input.push(step.input.clone());
            c.step_terms.push(value::terms_bytes(&step.terms));
        }
        let brings = append.waits.len() + append.dispatches.len() + append.batches.len();
        c.brings.push(i32::try_from(brings).unwrap_or(i32::MAX));
        for key in &append.withdrawn {
            c.gone_place.push(place);
            c.gone_key.push(key.as_str().to_owned());
        }
    }
    c
}
