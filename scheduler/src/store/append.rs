//! The hot append.

use piton_shared::{
    ids::{RunId, WorkerId},
    journal::{Place, StepKey},
    message::append::{Append, Next},
    name::Org,
    state::RunState,
};
use sqlx::{PgExecutor, Row};
use uuid::Uuid;

use super::{BatchId, Store, StoreError, value};

/// An append with what the request says about its author.
#[derive(Debug, Clone)]
pub struct Appending {
    /// The tenant of the worker.
    pub org: Org,
    /// Who writes.
    pub worker: WorkerId,
    /// What.
    pub append: Append,
}

/// What the first statement came to.
#[derive(Debug)]
pub struct FirstPass {
    /// For each append, in their order: whether its attempt holds its run.
    pub fenced: Vec<bool>,
    /// Whether every row of those went in, and with them everything else.
    pub whole: Whole,
    /// Runs that were changed and are still running: those that wanted to suspend were overtaken.
    pub running: Vec<RunId>,
    /// Runs that ended.
    pub ended: Vec<RunId>,
    /// Batches that were closed: what they have under way is to be dropped.
    pub closed: Vec<BatchId>,
    /// Microseconds until the first of the new timers is due.
    pub next_due: Option<i64>,
}

/// Whether every row went in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// All of them.
    All,
    /// Some stood there already: nothing but rows was written, look at each append.
    Some,
}

impl FirstPass {
    /// Whether all of them were written.
    pub fn fits_all(&self) -> bool {
        self.whole == Whole::All && self.fenced.iter().all(|fenced| *fenced)
    }
}

/// The second look at one append.
#[derive(Debug, Clone)]
pub struct Look {
    /// The run's state, or none when there is no such run.
    pub state: Option<RunState>,
    /// Whether the run's last attempt is the one that writes.
    pub mine: Mine,
    /// The last append of that attempt that changed more than rows.
    pub append_number: u32,
    /// Results from outside so far.
    pub outside: u32,
    /// Who wrote the rows that were wanted.
    pub rows: Rows,
}

/// Whether the run's last attempt is the one that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mine {
    /// It is.
    Mine,
    /// Another came after it.
    Others,
}

/// Who wrote the rows that an append wanted to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// All stand there and this attempt wrote them.
    Written,
    /// Some are missing, none is another's.
    Missing,
    /// Another wrote at least one of them.
    Lost,
}

#[derive(Default)]
struct Columns {
    run: Vec<Uuid>,
    attempt: Vec<Uuid>,
    worker: Vec<Uuid>,
    number: Vec<i32>,
    row_count: Vec<i32>,
    next: Vec<&'static str>,
    payload: Vec<Option<Vec<u8>>>,
    parked: Vec<Option<String>>,
    seen: Vec<i32>,
    row_place: Vec<i32>,
    row_key: Vec<String>,
    row_org: Vec<String>,
    row_kind: Vec<&'static str>,
    row_name: Vec<String>,
    row_input: Vec<Vec<u8>>,
    row_result: Vec<Option<Vec<u8>>>,
    row_failure: Vec<Option<Vec<u8>>>,
    row_own: Vec<i32>,
    row_after: Vec<i32>,
    row_try: Vec<i32>,
    row_started: Vec<jiff_sqlx::Timestamp>,
    row_finished: Vec<jiff_sqlx::Timestamp>,
    try_place: Vec<i32>,
    try_key: Vec<String>,
    try_org: Vec<String>,
    try_number: Vec<i32>,
    try_name: Vec<String>,
    try_failure: Vec<Vec<u8>>,
    try_started: Vec<jiff_sqlx::Timestamp>,
    try_finished: Vec<jiff_sqlx::Timestamp>,
    wait_place: Vec<i32>,
    wait_key: Vec<String>,
    wait_org: Vec<String>,
    wait_kind: Vec<&'static str>,
    wait_name: Vec<String>,
    wait_input: Vec<Vec<u8>>,
    wait_micros: Vec<i64>,
    gone_place: Vec<i32>,
    gone_key: Vec<String>,
}

fn columns<'a>(appends: impl IntoIterator<Item = &'a Appending>) -> Columns {
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
        for key in &append.withdrawn {
            c.gone_place.push(place);
            c.gone_key.push(key.as_str().to_owned());
        }
    }
    c
}

impl Store {
    /// Writes appends in one commit. They must be sorted by run, one a run, own rows only.
    pub async fn append(&self, appends: &[Appending]) -> Result<FirstPass, StoreError> {
        append_on(&self.hot, appends).await
    }

    /// Looks at appends that were not written whole, in their order.
    pub async fn append_look(&self, appends: &[&Appending]) -> Result<Vec<Look>, StoreError> {
        look_on(&self.hot, appends).await
    }
}

/// The hot append on a connection, in whatever transaction it stands.
pub(super) async fn append_on<'c>(
    executor: impl PgExecutor<'c>,
    appends: impl IntoIterator<Item = &Appending>,
) -> Result<FirstPass, StoreError> {
    let c = columns(appends);
    let row = sqlx::query(include_str!("sql/append.sql"))
        .bind(c.run)
        .bind(c.attempt)
        .bind(c.worker)
        .bind(c.number)
        .bind(c.row_count)
        .bind(c.next)
        .bind(c.payload)
        .bind(c.parked)
        .bind(c.row_place)
        .bind(c.row_key)
        .bind(c.row_org)
        .bind(c.row_kind)
        .bind(c.row_name)
        .bind(c.row_input)
        .bind(c.row_result)
        .bind(c.row_failure)
        .bind(c.row_own)
        .bind(c.row_after)
        .bind(c.row_try)
        .bind(c.row_started)
        .bind(c.row_finished)
        .bind(c.try_place)
        .bind(c.try_key)
        .bind(c.try_org)
        .bind(c.try_number)
        .bind(c.try_name)
        .bind(c.try_failure)
        .bind(c.try_started)
        .bind(c.try_finished)
        .bind(c.wait_place)
        .bind(c.wait_key)
        .bind(c.wait_org)
        .bind(c.wait_kind)
        .bind(c.wait_name)
        .bind(c.wait_input)
        .bind(c.wait_micros)
        .bind(c.gone_place)
        .bind(c.gone_key)
        .bind(c.seen)
        .fetch_one(executor)
        .await
        .map_err(StoreError::new("append"))?;
    let read = || {
        let ids = |column: &str| {
            Ok::<Vec<RunId>, sqlx::Error>(row.try_get::<Vec<Uuid>, _>(column)?.into_iter().map(RunId::new).collect())
        };
        Ok(FirstPass {
            fenced: row.try_get("fenced")?,
            whole: if row.try_get("whole")? { Whole::All } else { Whole::Some },
            running: ids("running")?,
            ended: ids("ended")?,
            closed: ids("closed_runs")?
                .into_iter()
                .zip(row.try_get::<Vec<String>, _>("closed_keys")?)
                .map(|(run, key)| BatchId { run, key: StepKey::new(key) })
                .collect(),
            next_due: row.try_get("next_due")?,
        })
    };
    read().map_err(StoreError::new("append"))
}

/// The second look on a connection, in whatever transaction it stands.
pub(super) async fn look_on<'c>(
    executor: impl PgExecutor<'c>,
    appends: &[&Appending],
) -> Result<Vec<Look>, StoreError> {
    let runs: Vec<_> = appends.iter().map(|one| one.append.run.uuid()).collect();
    let attempts: Vec<_> = appends.iter().map(|one| one.append.attempt.uuid()).collect();
    let workers: Vec<_> = appends.iter().map(|one| one.worker.uuid()).collect();
    let (key_runs, keys): (Vec<_>, Vec<_>) = appends
        .iter()
        .map(|one| &one.append)
        .flat_map(|append| append.rows.iter().map(|row| (append.run.uuid(), row.key.as_str().to_owned())))
        .unzip();
    let rows = sqlx::query(include_str!("sql/append_look.sql"))
        .bind(runs)
        .bind(attempts)
        .bind(key_runs)
        .bind(keys)
        .bind(workers)
        .fetch_all(executor)
        .await
        .map_err(StoreError::new("append_look"))?;
    rows.iter().map(look).collect::<Result<_, _>>().map_err(StoreError::new("append_look"))
}

fn look(row: &sqlx::postgres::PgRow) -> Result<Look, sqlx::Error> {
    let state = row.try_get::<Option<&str>, _>("state")?;
    Ok(Look {
        state: state.map(|word| word.parse().map_err(value::decode_error)).transpose()?,
        mine: if row.try_get("mine")? { Mine::Mine } else { Mine::Others },
        append_number: row.try_get::<Option<i32>, _>("append_number")?.unwrap_or(0).unsigned_abs(),
        outside: row.try_get::<Option<i32>, _>("outside")?.unwrap_or(0).unsigned_abs(),
        rows: match (row.try_get("no_other_winner")?, row.try_get("all_there")?) {
            (false, _) => Rows::Lost,
            (true, true) => Rows::Written,
            (true, false) => Rows::Missing,
        },
    })
}
