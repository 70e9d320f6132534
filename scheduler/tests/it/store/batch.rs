use std::time::Duration;

use piton_scheduler::{
    batch::{Plan, plan},
    store::{BatchId, BatchRow, Finish, Finishing, Offer, ReleasedItem, Slot, Turned},
};
use piton_shared::{
    failure::Failure,
    ids::{HoldId, WorkerId},
    journal::{Outcome, StepKey},
    limits::STRIKES,
    message::{
        append::{AppendAnswer, Next},
        batch::{BatchItem, BatchItems, BatchStatus, BatchSummary, BatchTerms, OnFailure},
        dispatch::{StepEnd, StepEnding},
        read::More,
    },
    replay::StepOptions,
    state::RunState,
    time::Timestamp,
};

use crate::{
    database::Database,
    making::{Hold, ORG, fresh, payload},
};

pub(crate) fn terms(max_concurrency: u32) -> BatchTerms {
    BatchTerms {
        function: "charge".into(),
        queue: None,
        item: StepOptions { timeout: Some(Duration::from_secs(9)), ..StepOptions::default() },
        max_concurrency,
        on_failure: OnFailure::Continue,
    }
}

pub(crate) fn chunk(terms: &BatchTerms, first: u32, items: u32, more: More) -> BatchItems {
    let item = |number: u32| BatchItem { id: Some(format!("id {number}")), input: payload(&format!("input {number}")) };
    BatchItems {
        key: StepKey::new("batch#1"),
        terms: terms.clone(),
        first,
        items: (first..first + items).map(item).collect(),
        more,
    }
}

pub(crate) fn slot(worker: WorkerId) -> Slot {
    Slot { worker, hold: HoldId::new(fresh()) }
}

/// The end of an item that a worker holds.
pub(crate) fn end(item: &ReleasedItem, outcome: Outcome) -> Finishing {
    let Slot { worker, hold } = item.slot.expect("somebody holds it");
    let ending = StepEnding::Done {
        outcome,
        try_number: 1,
        started_at: Timestamp::from_micros(1_000_000),
        finished_at: Timestamp::from_micros(1_250_000),
    };
    Finishing { worker, end: StepEnd { dispatch: item.id.clone(), hold, ending } }
}

fn done(item: &ReleasedItem) -> Finishing {
    end(item, Ok(payload(&format!("done {}", item.id.item))))
}

fn numbers(items: &[ReleasedItem]) -> Vec<u32> {
    items.iter().map(|item| item.id.item).collect()
}

impl Database {
    pub(crate) async fn brings(&self, hold: &Hold, number: u32, chunk: BatchItems) -> AppendAnswer {
        let mut append = hold.append(number, Next::GoOn);
        append.append.batches.push(chunk);
        self.append(append).await
    }

    pub(crate) async fn batch(&self, hold: &Hold) -> BatchRow {
        let row = self.store.batch(&batch(hold), &ORG).await;
        row.expect("batches are read").expect("it is there")
    }

    /// The batch's turn, with a slot for each item if there is a worker.
    async fn turns(&self, hold: &Hold, worker: Option<WorkerId>) -> Turned {
        let (turn, looks) = self.store.batch_turn(&[batch(hold)]).await.expect("it is locked");
        let Plan { wanted, .. } = plan(&looks, 100, |_| worker.map(slot));
        turn.write(&wanted, 1 << 20).await.expect("it is written")
    }

    async fn finishes(&self, ends: &[Finishing], worker: Option<WorkerId>) -> (Vec<Finish>, Turned) {
        let (pass, turn) = self.store.finish_and_look(ends).await.expect("it is finished");
        let Some((turn, looks)) = turn else { return (pass.wrote, Turned::default()) };
        let Plan { wanted, .. } = plan(&looks, 100, |_| worker.map(slot));
        (pass.wrote, turn.write(&wanted, 1 << 20).await.expect("it is written"))
    }

    /// `item status` of each item.
    async fn results(&self, hold: &Hold) -> Vec<String> {
        let (results, _) = self.store.batch_results(&batch(hold), 0, 1000, 1 << 30).await.expect("they are read");
        let word = |outcome: &Option<Outcome>| match outcome {
            Some(Ok(_)) => "completed",
            Some(Err(_)) => "failed",
            None => "none",
        };
        results.iter().map(|result| format!("{} {}", result.item, word(&result.outcome))).collect()
    }
}

pub(crate) fn batch(hold: &Hold) -> BatchId {
    BatchId { run: hold.run, key: StepKey::new("batch#1") }
}

#[tokio::test]
async fn a_batch_goes_from_its_first_item_to_its_row_in_the_journal() {
    let db = Database::new("batch_road").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    assert_eq!(db.brings(&hold, 1, chunk(&terms(2), 1, 3, More::End)).await, AppendAnswer::Accepted);
    let suspend = hold.append(2, Next::Suspend { seen_outside: 0 });
    assert_eq!(db.append(suspend).await, AppendAnswer::Accepted);
    let first = db.turns(&hold, Some(worker)).await.items;
    assert_eq!(numbers(&first), [1, 2], "the bound holds");
    assert_eq!(first[0].input, Some(payload("input 1")));
    assert_eq!((&*first[0].function, &first[0].terms), ("charge", &terms(2).item));
    assert!(db.turns(&hold, Some(worker)).await.items.is_empty());
    let (counts, then) = db.finishes(&[done(&first[1])], Some(worker)).await;
    assert_eq!((counts, numbers(&then.items)), (vec![Finish::Written], vec![3]), "the next one goes with it");
    let failed = end(&first[0], Err(Failure::new("declined")));
    let (counts, last) = db.finishes(&[failed, done(&then.items[0])], Some(worker)).await;
    assert_eq!(counts, [Finish::Written, Finish::Written]);
    assert_eq!(last.told.len(), 1);
    assert!(last.told[0].publish.is_some(), "it was suspended and is queued");
    assert_eq!(db.journal(hold.run).await, ["batch#1 batch outside 1"]);
    let row = db.store.journal_outside(hold.run, 0, 1).await.expect("it is read").pop().expect("one");
    let summary: BatchSummary = piton_shared::codec::decode(&row.outcome.expect("a value")).expect("it reads");
    let expected = BatchSummary {
        status: BatchStatus::PartialFailure,
        total: 3,
        completed: 2,
        failed: 1,
        cancelled: 0,
        duration_ms: summary.duration_ms,
        item_ms: 750,
    };
    assert_eq!((summary, &*row.name), (expected, "charge"));
    assert_eq!(db.results(&hold).await, ["1 failed", "2 completed", "3 completed"]);
    assert!(db.turns(&hold, Some(worker)).await.items.is_empty(), "an ended batch does nothing");
    db.finish().await;
}

#[tokio::test]
async fn a_repeated_end_is_written_once_and_a_strangers_not_at_all() {
    let db = Database::new("batch_repeat").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    db.brings(&hold, 1, chunk(&terms(3), 1, 3, More::End)).await;
    let items = db.turns(&hold, Some(worker)).await.items;
    let one = done(&items[0]);
    let mut stranger = done(&items[1]);
    stranger.end.hold = HoldId::new(fresh());
    assert_eq!(db.finishes(&[one.clone(), stranger], None).await.0, [Finish::Written, Finish::Fenced]);
    assert_eq!(db.finishes(&[one, done(&items[2])], None).await.0, [Finish::Written, Finish::Written]);
    let row = db.batch(&hold).await;
    assert_eq!((row.completed, row.failed, row.item_millis), (2, 0, 500));
    db.finish().await;
}

#[tokio::test]
async fn chunks_follow_each_other_and_repeats_change_nothing() {
    let db = Database::new("batch_chunks").await;
    let hold = db.held(db.worker().await).await;
    let terms = terms(1);
    assert_eq!(db.brings(&hold, 1, chunk(&terms, 1, 2, More::Follows)).await, AppendAnswer::Accepted);
    assert_eq!(db.brings(&hold, 1, chunk(&terms, 1, 2, More::Follows)).await, AppendAnswer::Accepted, "lost answer");
    assert_eq!(db.brings(&hold, 2, chunk(&terms, 1, 2, More::Follows)).await, AppendAnswer::Accepted, "said anew");
    let gap = db.brings(&hold, 3, chunk(&terms, 4, 1, More::Follows)).await;
    assert!(matches!(gap, AppendAnswer::Invalid { .. }), "{gap:?}");
    assert_eq!(db.brings(&hold, 3, chunk(&terms, 2, 3, More::Follows)).await, AppendAnswer::Accepted, "some are new");
    assert_eq!((db.batch(&hold).await.total, db.results(&hold).await.len()), (4, 4));
    assert_eq!(db.brings(&hold, 4, chunk(&terms, 5, 0, More::End)).await, AppendAnswer::Accepted);
    assert_eq!(db.brings(&hold, 5, chunk(&terms, 5, 3, More::End)).await, AppendAnswer::Accepted, "it takes no more");
    assert_eq!((db.batch(&hold).await.total, db.results(&hold).await.len()), (4, 4));
    db.finish().await;
}

#[tokio::test]
async fn a_batch_without_items_ends_at_once() {
    let db = Database::new("batch_empty").await;
    let hold = db.held(db.worker().await).await;
    db.brings(&hold, 1, chunk(&terms(1), 1, 0, More::End)).await;
    assert_eq!(db.turns(&hold, None).await.told.len(), 1);
    assert_eq!(db.batch(&hold).await.status, BatchStatus::Completed);
    db.finish().await;
}

#[tokio::test]
async fn a_batch_that_stops_lets_end_what_is_under_way() {
    let db = Database::new("batch_stop").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    let terms = BatchTerms { on_failure: OnFailure::Stop, ..terms(3) };
    db.brings(&hold, 1, chunk(&terms, 1, 9, More::Follows)).await;
    let items = db.turns(&hold, Some(worker)).await.items;
    let (_, after) = db.finishes(&[end(&items[0], Err(Failure::new("no")))], Some(worker)).await;
    assert!(after.items.is_empty() && after.told.is_empty());
    let (_, after) = db.finishes(&[done(&items[1]), done(&items[2])], Some(worker)).await;
    assert_eq!(after.told.len(), 1);
    let row = db.batch(&hold).await;
    assert_eq!((row.status, row.completed, row.failed, row.cancelled), (BatchStatus::Failed, 2, 1, 6));
    assert_eq!(db.brings(&hold, 2, chunk(&terms, 10, 5, More::End)).await, AppendAnswer::Accepted, "it has ended");
    assert_eq!(db.batch(&hold).await.total, 9);
    db.finish().await;
}

#[tokio::test]
async fn what_a_closed_batch_had_under_way_is_dropped() {
    let db = Database::new("batch_close").await;
    let worker = db.worker().await;
    let withdrawn = |hold: &Hold| {
        let mut append = hold.append(2, Next::GoOn);
        append.append.withdrawn.push(StepKey::new("batch#1"));
        append
    };
    let ended = |hold: &Hold| hold.append(2, Next::Complete(payload("done")));
    for close in [withdrawn, ended] {
        let hold = db.held(worker).await;
        db.brings(&hold, 1, chunk(&terms(3), 1, 5, More::End)).await;
        let items = db.turns(&hold, Some(worker)).await.items;
        db.finishes(&[done(&items[0])], None).await;
        assert_eq!(db.append(close(&hold)).await, AppendAnswer::Accepted);
        let row = db.batch(&hold).await;
        assert_eq!((row.status, row.completed, row.cancelled), (BatchStatus::Cancelled, 1, 4));
        assert_eq!(db.finishes(&[done(&items[1])], Some(worker)).await.0, [Finish::Fenced], "nobody waits for it");
        let after = db.turns(&hold, Some(worker)).await;
        assert!(after.items.is_empty() && after.told.is_empty());
        assert_eq!(db.results(&hold).await.iter().filter(|item| item.ends_with("none")).count(), 4);
    }
    db.finish().await;
}

#[tokio::test]
async fn an_item_that_workers_die_with_fails_and_the_batch_goes_on() {
    let db = Database::new("batch_poison").await;
    let home = db.worker().await;
    for on_failure in OnFailure::ALL {
        let hold = db.held(home).await;
        let terms = BatchTerms { on_failure, ..terms(2) };
        db.brings(&hold, 1, chunk(&terms, 1, 4, More::End)).await;
        let dying = db.worker().await;
        let items = db.turns(&hold, Some(dying)).await.items;
        db.expire(dying).await;
        let mut left = db.store.end_lease(dying, STRIKES).await.expect("answered").expect("it ended");
        let poison = |offers: &[Offer]| offers.iter().find(|offer| offer.dispatch == items[0].id).cloned();
        assert_eq!(left.offers.len(), 2, "a strike each");
        let beside = left.offers.iter().find(|offer| offer.dispatch != items[0].id).expect("it is offered").clone();
        for _ in 1..STRIKES {
            assert!(left.batches.is_empty());
            let dying = db.worker().await;
            db.take_step(dying, &poison(&left.offers).expect("it is offered")).await;
            db.expire(dying).await;
            left = db.store.end_lease(dying, STRIKES).await.expect("answered").expect("it ended");
        }
        assert!(left.offers.is_empty() && left.poisoned.is_empty());
        assert_eq!(left.batches, [batch(&hold)]);
        assert_eq!(db.row(hold.run).await.state, RunState::Running, "only the item stops");
        let (results, _) = db.store.batch_results(&batch(&hold), 0, 1, 1 << 20).await.expect("they are read");
        assert_eq!((results[0].item, results[0].try_number), (1, STRIKES));
        let failure = Failure::permanent("a worker's lease ended 3 times while it executed this");
        assert_eq!(results[0].outcome, Some(Err(failure)));
        let step = db.take_step(home, &beside).await;
        let mut released = numbers(&db.turns(&hold, Some(home)).await.items);
        db.finish_step(home, &step, crate::store::steps::done(&step)).await;
        released.extend(numbers(&db.turns(&hold, Some(home)).await.items));
        let row = db.batch(&hold).await;
        match on_failure {
            OnFailure::Continue => assert_eq!((row.status, released), (BatchStatus::Running, vec![3, 4])),
            OnFailure::Stop => assert_eq!((row.status, released), (BatchStatus::Failed, vec![])),
        }
    }
    db.finish().await;
}

#[tokio::test]
async fn pages_of_results_end_at_their_rows_and_at_their_bytes() {
    let db = Database::new("batch_pages").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    db.brings(&hold, 1, chunk(&terms(5), 1, 5, More::End)).await;
    let items = db.turns(&hold, Some(worker)).await.items;
    let large = payload(&"x".repeat(10_000));
    let ends: Vec<_> = items[..4].iter().map(|item| end(item, Ok(large.clone()))).collect();
    db.finishes(&ends, None).await;
    let page = async |after: u32, rows: u32, bytes: usize| {
        let (results, more) = db.store.batch_results(&batch(&hold), after, rows, bytes).await.expect("they are read");
        (results.iter().map(|result| result.item).collect::<Vec<_>>(), more)
    };
    assert_eq!(page(0, 10, 1 << 20).await, (vec![1, 2, 3, 4, 5], More::End));
    assert_eq!(page(0, 2, 1 << 20).await, (vec![1, 2], More::Follows));
    assert_eq!(page(0, 10, 15_000).await, (vec![1, 2], More::Follows), "the second passes the bound");
    assert_eq!(page(2, 10, 1).await, (vec![3], More::Follows), "one at least");
    assert_eq!(page(5, 10, 1 << 20).await, (vec![], More::End));
    db.finish().await;
}
