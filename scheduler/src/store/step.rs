//! Work that is given away: what waits to be given, and what is executed.

use piton_shared::{
    ids::{Epoch, HoldId, RunId, WorkerId},
    journal::StepKey,
    message::dispatch::DispatchId,
    name::{Build, Org, Queue},
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::value;

/// Work that waits for a worker, and what its task needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The work.
    pub dispatch: DispatchId,
    /// Its tenant.
    pub org: Org,
    /// The queue whose workers execute it.
    pub queue: Queue,
    /// The build it is bound to.
    pub build: Option<Build>,
    /// The function.
    pub function: String,
    /// The number of this offer.
    pub epoch: Epoch,
}

/// Dispatched work in a worker's hands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Executing {
    /// The work.
    pub dispatch: DispatchId,
    /// Who executes it.
    pub worker: WorkerId,
    /// Under which hold.
    pub hold: HoldId,
}

/// Names of work, one vector a column, in the order of the names.
pub(super) struct Names {
    pub(super) runs: Vec<Uuid>,
    pub(super) keys: Vec<String>,
    pub(super) items: Vec<i32>,
}

/// The names of work as columns.
pub(super) fn names<'a>(work: impl Iterator<Item = &'a DispatchId>) -> Names {
    let mut names = Names { runs: Vec::new(), keys: Vec::new(), items: Vec::new() };
    for dispatch in work {
        names.runs.push(dispatch.run.uuid());
        names.keys.push(dispatch.key.as_str().to_owned());
        names.items.push(value::int(dispatch.item));
    }
    names
}

/// The work that a row is about.
pub(super) fn dispatch(row: &PgRow) -> Result<DispatchId, sqlx::Error> {
    Ok(DispatchId {
        run: RunId::new(row.try_get("run_id")?),
        key: StepKey::new(row.try_get::<String, _>("step_key")?),
        item: row.try_get::<i32, _>("item")?.unsigned_abs(),
    })
}

/// An offer, one a row.
pub(super) fn offer(row: &PgRow) -> Result<Offer, sqlx::Error> {
    let (org, queue, build) = super::ready::queue_of(row)?;
    Ok(Offer {
        dispatch: dispatch(row)?,
        org,
        queue,
        build,
        function: row.try_get("function")?,
        epoch: Epoch(row.try_get::<i32, _>("epoch")?.unsigned_abs()),
    })
}

/// Offers, one a row.
pub(super) fn offer_rows(rows: &[PgRow]) -> Result<Vec<Offer>, sqlx::Error> {
    rows.iter().map(offer).collect()
}

/// Offers that stand as arrays in one row.
pub(super) fn offers(row: &PgRow) -> Result<Vec<Offer>, sqlx::Error> {
    let work = work(row, "offered_run", "offered_key", "offered_item")?;
    let orgs: Vec<String> = row.try_get("offered_org")?;
    let queues: Vec<String> = row.try_get("offered_queue")?;
    let builds: Vec<Option<String>> = row.try_get("offered_build")?;
    let functions: Vec<String> = row.try_get("offered_function")?;
    let epochs: Vec<i32> = row.try_get("offered_epoch")?;
    let rest = orgs.into_iter().zip(queues).zip(builds).zip(functions).zip(epochs);
    work.into_iter()
        .zip(rest)
        .map(|(dispatch, ((((org, queue), build), function), epoch))| {
            Ok(Offer {
                dispatch,
                org: Org::new(org).map_err(value::decode_error)?,
                queue: Queue::new(queue).map_err(value::decode_error)?,
                build: build.map(Build::new).transpose().map_err(value::decode_error)?,
                function,
                epoch: Epoch(epoch.unsigned_abs()),
            })
        })
        .collect()
}

/// Work whose result nobody waits for any more, as arrays in one row.
pub(super) fn gone(row: &PgRow) -> Result<Vec<Executing>, sqlx::Error> {
    let work = work(row, "gone_run", "gone_key", "gone_item")?;
    let workers: Vec<Uuid> = row.try_get("gone_worker")?;
    let holds: Vec<Uuid> = row.try_get("gone_hold")?;
    let of =
        |(dispatch, (worker, hold))| Executing { dispatch, worker: WorkerId::new(worker), hold: HoldId::new(hold) };
    Ok(work.into_iter().zip(workers.into_iter().zip(holds)).map(of).collect())
}

fn work(row: &PgRow, run: &str, key: &str, item: &str) -> Result<Vec<DispatchId>, sqlx::Error> {
    let runs: Vec<Uuid> = row.try_get(run)?;
    let keys: Vec<String> = row.try_get(key)?;
    let items: Vec<i32> = row.try_get(item)?;
    let of = |((run, key), item): ((Uuid, String), i32)| DispatchId {
        run: RunId::new(run),
        key: StepKey::new(key),
        item: item.unsigned_abs(),
    };
    Ok(runs.into_iter().zip(keys).zip(items).map(of).collect())
}
