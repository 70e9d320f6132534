//! Giving items of batches away.

use piton_shared::{
    codec,
    ids::{HoldId, RunId, WorkerId},
    journal::{Payload, StepKey},
    message::dispatch::DispatchId,
    name::Queue,
    replay::StepOptions,
};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    super::{StoreError, value},
    look::{BatchId, count},
};

/// Items of a batch to give away.
#[derive(Debug, Clone)]
pub struct Release {
    /// The batch.
    pub batch: BatchId,
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
    /// Slots for the first of them; the rest waits for room.
    pub slots: Vec<Slot>,
}

/// Room for one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Who has it.
    pub worker: WorkerId,
    /// The hold it is given under.
    pub hold: HoldId,
}

/// An item that was given away.
#[derive(Debug, Clone)]
pub struct ReleasedItem {
    /// The item.
    pub id: DispatchId,
    /// Who holds it; none if it waits for room.
    pub slot: Option<Slot>,
    /// Which workers execute it.
    pub queue: Queue,
    /// The function's wire name.
    pub function: String,
    /// How it is executed.
    pub terms: StepOptions,
    /// Its input, if there was room for it.
    pub input: Option<Payload>,
    /// The newest control that the statement saw.
    pub control_version: i64,
}

/// Gives items away; the locks of their runs are held, and the batches stand as they were looked at.
pub(in crate::store) async fn release(
    connection: &mut PgConnection,
    releases: &[Release],
    input_bytes: usize,
) -> Result<Vec<ReleasedItem>, StoreError> {
    let slots: Vec<_> = releases
        .iter()
        .enumerate()
        .flat_map(|(place, release)| {
            let place = i32::try_from(place + 1).unwrap_or(i32::MAX);
            release.slots.iter().zip(release.first..=release.last).map(move |(slot, item)| (place, item, slot))
        })
        .collect();
    let found = sqlx::query(include_str!("../sql/batch_release.sql"))
        .bind(releases.iter().map(|release| release.batch.run.uuid()).collect::<Vec<_>>())
        .bind(releases.iter().map(|release| release.batch.key.as_str()).collect::<Vec<_>>())
        .bind(releases.iter().map(|release| value::int(release.first)).collect::<Vec<_>>())
        .bind(releases.iter().map(|release| value::int(release.last)).collect::<Vec<_>>())
        .bind(slots.iter().map(|(place, ..)| *place).collect::<Vec<_>>())
        .bind(slots.iter().map(|(_, item, _)| value::int(*item)).collect::<Vec<_>>())
        .bind(slots.iter().map(|(.., slot)| slot.worker.uuid()).collect::<Vec<_>>())
        .bind(slots.iter().map(|(.., slot)| slot.hold.uuid()).collect::<Vec<_>>())
        .bind(i64::try_from(input_bytes).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("batch_release"))?;
    found.iter().map(item).collect::<Result<_, _>>().map_err(StoreError::new("batch_release"))
}

fn item(row: &PgRow) -> Result<ReleasedItem, sqlx::Error> {
    let slot = match row.try_get::<Option<Uuid>, _>("worker")? {
        Some(worker) => {
            Some(Slot { worker: WorkerId::new(worker), hold: HoldId::new(row.try_get::<Uuid, _>("hold")?) })
        }
        None => None,
    };
    Ok(ReleasedItem {
        id: DispatchId {
            run: RunId::new(row.try_get("run_id")?),
            key: StepKey::new(row.try_get::<String, _>("step_key")?),
            item: count(row, "item")?,
        },
        slot,
        queue: Queue::new(row.try_get::<String, _>("queue")?).map_err(value::decode_error)?,
        function: row.try_get("function")?,
        terms: codec::wire::decode(row.try_get("terms")?).map_err(value::decode_error)?,
        input: row.try_get("input")?,
        control_version: row.try_get::<Option<i64>, _>("control_version")?.unwrap_or(0),
    })
}
