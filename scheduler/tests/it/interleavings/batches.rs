//! What batches do next, beside everything else that happens to their runs.

use piton_scheduler::{
    batch::plan,
    store::{BatchLook, PauseOutcome, Turn},
};
use piton_shared::message::read::More;

use super::held_up;
use crate::{
    database::Database,
    making::ORG,
    store::batch::{batch, chunk, terms},
};

/// Writes what such a look comes to; says which items it gave away.
async fn writes(turn: Turn, looks: &[BatchLook]) -> Vec<u32> {
    let turned = turn.write(&plan(looks, 100, |_| None).wanted, 0).await.expect("it is written");
    turned.items.into_iter().map(|item| item.id.item).collect()
}

#[tokio::test]
async fn a_turn_beside_an_uncommitted_one_sees_what_it_gave_away() {
    let db = Database::new("turn_beside_turn").await;
    let hold = db.held(db.worker().await).await;
    db.brings(&hold, 1, chunk(&terms(2), 1, 5, More::End)).await;
    let (turn, looks) = db.store.batch_turn(&[batch(&hold)]).await.expect("it is locked");
    let store = db.other_store().await;
    let beside = held_up(&db, 1, async move { store.batch_turn(&[batch(&hold)]).await }).await;
    assert_eq!(writes(turn, &looks).await, [1, 2]);
    let (turn, looks) = beside.await.expect("it ran").expect("it is locked");
    assert!(writes(turn, &looks).await.is_empty(), "the bound holds");
    db.finish().await;
}

#[tokio::test]
async fn a_pause_beside_an_uncommitted_turn_stops_what_it_gave_away() {
    let db = Database::new("pause_beside_turn").await;
    let hold = db.held(db.worker().await).await;
    db.brings(&hold, 1, chunk(&terms(2), 1, 5, More::End)).await;
    let (turn, looks) = db.store.batch_turn(&[batch(&hold)]).await.expect("it is locked");
    let store = db.other_store().await;
    let pausing = held_up(&db, 1, async move { store.pause(hold.run, &ORG).await }).await;
    assert_eq!(writes(turn, &looks).await, [1, 2]);
    let paused = pausing.await.expect("it ran").expect("answered");
    assert!(matches!(paused, Some(PauseOutcome::Paused { .. })), "{paused:?}");
    db.assert_rules().await;
    let (turn, looks) = db.store.batch_turn(&[batch(&hold)]).await.expect("it is locked");
    assert!(writes(turn, &looks).await.is_empty());
    db.finish().await;
}
