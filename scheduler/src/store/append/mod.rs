//! The hot append.

mod columns;
mod plain;

use piton_shared::{
    ids::{RunId, WorkerId},
    message::append::Append,
    name::Org,
    state::RunState,
};
use sqlx::{PgExecutor, Row};
use uuid::Uuid;

use self::columns::columns;
pub use self::plain::{Burden, burden};
use super::{Executing, Offer, Store, StoreError, step, value};

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
#[derive(Debug, Default)]
pub struct FirstPass {
    /// What became of each append, in their order.
    pub wrote: Vec<Wrote>,
    /// Runs that were changed and are still running: those that wanted to suspend were overtaken.
    pub running: Vec<RunId>,
    /// Runs that ended.
    pub ended: Vec<RunId>,
    /// Microseconds until the first of the new timers is due.
    pub next_due: Option<i64>,
    /// Steps that wait to be given away.
    pub offers: Vec<Offer>,
    /// Dispatched work that is under way and that nobody waits for any more.
    pub dropped: Vec<Executing>,
}

/// What the statement did with an append: all of it, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrote {
    /// Everything that is in it.
    All,
    /// Nothing: its run was not found in its hands, or was locked this instant.
    Lost,
    /// Nothing: another wrote at least one of its rows.
    Taken,
    /// Nothing: it wants to suspend and leaves nothing that could wake the run.
    Sleepless,
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
}

/// Whether the run's last attempt is the one that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mine {
    /// It is.
    Mine,
    /// Another came after it.
    Others,
}

impl Store {
    /// Writes appends in one commit, each whole or not at all. They must be sorted by run, one a run, own rows only.
    pub async fn append(&self, appends: &[Appending]) -> Result<FirstPass, StoreError> {
        append_on(&self.hot, appends).await
    }

    /// Looks at appends that were not written, in their order.
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
    let statement = sqlx::query(include_str!("../sql/append.sql"))
        .bind(c.run)
        .bind(c.attempt)
        .bind(c.worker)
        .bind(c.number)
        .bind(c.row_count)
        .bind(c.next)
        .bind(c.payload)
        .bind(c.parked);
    let row = c
        .rows
        .bind_to(statement)
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
        .bind(c.step_place)
        .bind(c.step_key)
        .bind(c.step_org)
        .bind(c.step_function)
        .bind(c.step_queue)
        .bind(c.step_input)
        .bind(c.step_terms)
        .bind(c.brings)
        .bind(c.step_failed)
        .bind(c.step_try)
        .bind(c.step_started)
        .fetch_one(executor)
        .await
        .map_err(StoreError::new("append"))?;
    let read = || {
        let ids = |column: &str| {
            Ok::<_, sqlx::Error>(row.try_get::<Vec<Uuid>, _>(column)?.into_iter().map(RunId::new).collect())
        };
        Ok(FirstPass {
            wrote: row
                .try_get::<Vec<String>, _>("outcomes")?
                .iter()
                .map(|word| wrote(word))
                .collect::<Result<_, _>>()?,
            running: ids("running")?,
            ended: ids("ended")?,
            next_due: row.try_get("next_due")?,
            offers: step::offers(&row)?,
            dropped: step::gone(&row)?,
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
    let rows = sqlx::query(include_str!("../sql/append_look.sql"))
        .bind(runs)
        .bind(attempts)
        .bind(workers)
        .fetch_all(executor)
        .await
        .map_err(StoreError::new("append_look"))?;
    rows.iter().map(look).collect::<Result<_, _>>().map_err(StoreError::new("append_look"))
}

fn wrote(word: &str) -> Result<Wrote, sqlx::Error> {
    match word {
        "written" => Ok(Wrote::All),
        "lost" => Ok(Wrote::Lost),
        "taken" => Ok(Wrote::Taken),
        "sleepless" => Ok(Wrote::Sleepless),
        other => Err(value::unknown("outcome of an append", other)),
    }
}

fn look(row: &sqlx::postgres::PgRow) -> Result<Look, sqlx::Error> {
    let state = row.try_get::<Option<&str>, _>("state")?;
    Ok(Look {
        state: state.map(|word| word.parse().map_err(value::decode_error)).transpose()?,
        mine: if row.try_get("mine")? { Mine::Mine } else { Mine::Others },
        append_number: row.try_get::<Option<i32>, _>("append_number")?.unwrap_or(0).unsigned_abs(),
        outside: row.try_get::<Option<i32>, _>("outside")?.unwrap_or(0).unsigned_abs(),
    })
}
