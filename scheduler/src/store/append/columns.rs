//! Appends as arrays, one a column.

use piton_shared::{journal::Place, message::append::Next};
use sqlx::{Postgres, postgres::PgArguments, query::Query};
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
    pub(super) rows: Rows,
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
    pub(super) step_failed: Vec<i32>,
    pub(super) step_try: Vec<i32>,
    pub(super) step_started: Vec<Option<jiff_sqlx::Timestamp>>,
    pub(super) brings: Vec<i32>,
}

/// The rows of all appends, each with the place of its append.
#[derive(Default)]
pub(super) struct Rows {
    place: Vec<i32>,
    key: Vec<String>,
    org: Vec<String>,
    kind: Vec<&'static str>,
    name: Vec<String>,
    input: Vec<Vec<u8>>,
    result: Vec<Option<Vec<u8>>>,
    failure: Vec<Option<Vec<u8>>>,
    own: Vec<i32>,
    after: Vec<i32>,
    try_number: Vec<i32>,
    started: Vec<jiff_sqlx::Timestamp>,
    finished: Vec<jiff_sqlx::Timestamp>,
}

type Statement = Query<'static, Postgres, PgArguments>;

impl Rows {
    /// Binds them next, in the order that every statement has for them.
    pub(super) fn bind_to(self, statement: Statement) -> Statement {
        statement
            .bind(self.place)
            .bind(self.key)
            .bind(self.org)
            .bind(self.kind)
            .bind(self.name)
            .bind(self.input)
            .bind(self.result)
            .bind(self.failure)
            .bind(self.own)
            .bind(self.after)
            .bind(self.try_number)
            .bind(self.started)
            .bind(self.finished)
    }
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
            c.rows.place.push(place);
            c.rows.key.push(row.key.as_str().to_owned());
            c.rows.org.push(org.as_str().to_owned());
            c.rows.kind.push(row.kind.as_str());
            c.rows.name.push(row.name.clone());
            c.rows.input.push(row.input.clone());
            c.rows.result.push(row.outcome.as_ref().ok().cloned());
            c.rows.failure.push(row.outcome.as_ref().err().map(value::failure_bytes));
            c.rows.own.push(value::int(number));
            c.rows.after.push(value::int(after));
            c.rows.try_number.push(value::int(row.try_number));
            c.rows.started.push(value::at(row.started_at));
            c.rows.finished.push(value::at(row.finished_at));
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
            c.step_failed.push(value::int(step.failed_tries));
            c.step_try.push(value::int(step.next_try.max(step.failed_tries.saturating_add(1))));
            c.step_started.push(step.first_started_at.map(value::at));
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
