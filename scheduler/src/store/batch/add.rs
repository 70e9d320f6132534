//! Items of batches, with the appends that bring them.

use piton_shared::{
    codec,
    message::{
        batch::{BatchItems, BatchTerms},
        read::More,
    },
};
use sqlx::{PgConnection, Row};

use super::super::{Appending, StoreError, value};

/// Writes the items that appends bring; the locks of their runs are held. What stands there already, and what comes for
/// a batch that takes no more, changes nothing.
pub(in crate::store) async fn add(connection: &mut PgConnection, appends: &[&Appending]) -> Result<(), StoreError> {
    let chunks: Vec<_> =
        appends.iter().flat_map(|one| one.append.batches.iter().map(|chunk| (one.append.run.uuid(), chunk))).collect();
    if chunks.is_empty() {
        return Ok(());
    }
    let terms = |of: fn(&BatchTerms) -> String| chunks.iter().map(|(_, chunk)| of(&chunk.terms)).collect::<Vec<_>>();
    let items: Vec<_> = chunks
        .iter()
        .enumerate()
        .flat_map(|(place, (_, chunk))| {
            let place = i32::try_from(place + 1).unwrap_or(i32::MAX);
            chunk.items.iter().zip(chunk.first..).map(move |(item, number)| (place, value::int(number), item))
        })
        .collect();
    let found = sqlx::query(include_str!("../sql/batch_add.sql"))
        .bind(chunks.iter().map(|(run, _)| *run).collect::<Vec<_>>())
        .bind(chunks.iter().map(|(_, chunk)| chunk.key.as_str()).collect::<Vec<_>>())
        .bind(terms(|terms| terms.function.clone()))
        .bind(chunks.iter().map(|(_, chunk)| chunk.terms.queue.as_ref().map(ToString::to_string)).collect::<Vec<_>>())
        .bind(chunks.iter().map(|(_, chunk)| item_terms(&chunk.terms)).collect::<Vec<_>>())
        .bind(chunks.iter().map(|(_, chunk)| value::int(chunk.terms.max_concurrency)).collect::<Vec<_>>())
        .bind(terms(|terms| terms.on_failure.as_str().to_owned()))
        .bind(chunks.iter().map(|(_, chunk)| value::int(chunk.first)).collect::<Vec<_>>())
        .bind(chunks.iter().map(|(_, chunk)| value::int(last(chunk))).collect::<Vec<_>>())
        .bind(chunks.iter().map(|(_, chunk)| chunk.more == More::Follows).collect::<Vec<_>>())
        .bind(items.iter().map(|(place, ..)| *place).collect::<Vec<_>>())
        .bind(items.iter().map(|(_, number, _)| *number).collect::<Vec<_>>())
        .bind(items.iter().map(|(.., item)| item.id.as_deref()).collect::<Vec<_>>())
        .bind(items.iter().map(|(.., item)| item.input.as_slice()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("batch_add"))?;
    for ((_, chunk), row) in chunks.iter().zip(&found) {
        let before: Option<i32> = row.try_get("total").map_err(StoreError::new("batch_add"))?;
        let status: Option<&str> = row.try_get("status").map_err(StoreError::new("batch_add"))?;
        let takes = status.is_none_or(|status| status == "running");
        if takes && chunk.first > before.unwrap_or(0).unsigned_abs() + 1 {
            return Err(StoreError::gap(chunk.key.as_str(), chunk.first));
        }
    }
    Ok(())
}

/// The number of a chunk's last item.
fn last(chunk: &BatchItems) -> u32 {
    (chunk.first - 1).saturating_add(u32::try_from(chunk.items.len()).unwrap_or(u32::MAX))
}

/// How an item is executed, as it stands in the database.
pub(super) fn item_terms(terms: &BatchTerms) -> Vec<u8> {
    codec::wire::encode(&terms.item).expect("terms are numbers and words, bounded where they are made")
}
