//! Batches under everything at once, by several schedulers: never more than the bound under way, and every item has
//! exactly one outcome in the end.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use piton_scheduler::{
    batch::plan,
    store::{BatchId, Depth, Finishing, NewBatch, Slot, Store},
};
use piton_shared::{
    failure::Failure,
    ids::{HoldId, RunId, WorkerId},
    journal::StepKey,
    limits::DEDUPE_WINDOW,
    message::{
        batch::{BATCH_RUN_KEY, BatchItem, BatchStatus, BatchTerms, OnFailure},
        claim::HandBackReason,
        dispatch::{DispatchId, StepAsk, StepEnd, StepEnding},
    },
    name::Queue,
    time::Timestamp,
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::{
    database::Database,
    making::{LONG, ORG, fresh, payload, register},
    store::batch::terms,
};

const TASKS: u64 = 4;
const DEEDS: usize = 60;
const BATCHES: usize = 5;

/// An item in a worker's hands.
#[derive(Debug, Clone)]
struct Held {
    worker: WorkerId,
    item: DispatchId,
    hold: HoldId,
    try_number: u32,
}

#[derive(Default)]
struct World {
    batches: Mutex<Vec<RunId>>,
    held: Mutex<Vec<Held>>,
    workers: Mutex<Vec<WorkerId>>,
    /// What was sent once and may be sent again.
    sent: Mutex<Vec<Finishing>>,
}

struct Doer {
    random: StdRng,
    store: Store,
    world: Arc<World>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_under_everything_at_once() {
    let db = Arc::new(Database::new("batch_storm").await);
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let world = Arc::new(World::default());
    for _ in 0..3 {
        let worker = db.worker().await;
        world.workers.lock().push(worker);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..TASKS {
        let store = db.other_store().await;
        let mut doer = Doer { random: StdRng::seed_from_u64(seed ^ number), store, world: world.clone() };
        let db = db.clone();
        tasks.spawn(async move {
            for _ in 0..DEEDS {
                doer.does_something(&db).await;
                // The bound is one of the rules: it is looked at in every step.
                db.assert_rules().await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no deed failed");
    }
    let mut doer = Doer { random: StdRng::seed_from_u64(seed), store: db.store.clone(), world: world.clone() };
    let batches = world.batches.lock().clone();
    for batch in batches {
        doer.carries_to_its_end(batch).await;
        let row = db.store.batch(&id(batch), &ORG).await.expect("it is read").expect("it is there");
        assert_ne!(row.status, BatchStatus::Running);
        assert_eq!(row.completed + row.failed + row.cancelled, row.total, "{row:?}");
        if row.status == BatchStatus::Completed {
            assert_eq!(row.completed, row.total);
        }
    }
    db.assert_rules().await;
    let db = Arc::into_inner(db).expect("every task is gone");
    db.finish().await;
}

fn id(run: RunId) -> BatchId {
    BatchId { run, key: StepKey::new(BATCH_RUN_KEY) }
}

impl Doer {
    fn any<T: Clone>(&mut self, of: impl Fn(&World) -> &Mutex<Vec<T>>) -> Option<T> {
        of(&self.world).lock().choose(&mut self.random).cloned()
    }

    async fn does_something(&mut self, db: &Database) {
        match self.random.random_range(0..24) {
            0..3 => self.submits().await,
            3..7 => self.gives_a_turn().await,
            7..15 => self.finishes().await,
            15..18 => self.claims().await,
            18 => {
                let Some(run) = self.any(|world| &world.batches) else { return };
                self.store.pause(run, &ORG).await.expect("answered");
            }
            19..21 => {
                let Some(run) = self.any(|world| &world.batches) else { return };
                self.store.resume(run, &ORG).await.expect("answered");
            }
            21 => {
                let Some(run) = self.any(|world| &world.batches).filter(|_| self.random.random_bool(0.2)) else {
                    return;
                };
                if self.random.random_bool(0.5) {
                    self.store.kill(run, &ORG).await.expect("answered");
                } else {
                    self.store.cancel(run, &ORG, "stop").await.expect("answered");
                }
            }
            22 => drop(self.store.steps_due(100).await.expect("answered")),
            _ => self.ends_a_worker(db).await,
        }
    }

    async fn submits(&mut self) {
        if self.world.batches.lock().len() >= BATCHES {
            return;
        }
        let items = self.random.random_range(0..40);
        let on_failure = if self.random.random_bool(0.3) { OnFailure::Stop } else { OnFailure::Continue };
        let batch = NewBatch {
            id: RunId::new(fresh()),
            org: ORG,
            queue: Queue::DEFAULT,
            build: None,
            session: None,
            tags: Vec::new(),
            input: payload("batch"),
            trace: None,
            key: None,
            terms: BatchTerms { on_failure, ..terms(self.random.random_range(1..6)) },
            items: (0..items).map(|item| BatchItem { id: None, input: payload(&item.to_string()) }).collect(),
        };
        self.store.batch_start(&batch, DEDUPE_WINDOW).await.expect("it is accepted");
        self.world.batches.lock().push(batch.id);
    }

    async fn gives_a_turn(&mut self) {
        let mut batches: Vec<_> = (0..2).filter_map(|_| self.any(|world| &world.batches)).map(id).collect();
        batches.sort();
        batches.dedup();
        if !batches.is_empty() {
            let (turn, looks) = self.store.batch_turn(&batches).await.expect("it is locked");
            self.takes(turn, &looks).await;
        }
    }

    /// Some items find a slot, the others wait for room.
    async fn takes(&mut self, turn: piton_scheduler::store::Turn, looks: &[piton_scheduler::store::BatchLook]) {
        let most = self.random.random_range(1..8);
        let wanted = plan(looks, most, |_| {
            let worker = self.any(|world| &world.workers).filter(|_| self.random.random_bool(0.7))?;
            Some(Slot { worker, hold: HoldId::new(fresh()) })
        })
        .wanted;
        let turned = turn.write(&wanted, 1 << 16).await.expect("it is written");
        let held = |item: piton_scheduler::store::ReleasedItem| {
            let Slot { worker, hold } = item.slot?;
            Some(Held { worker, item: item.id, hold, try_number: 1 })
        };
        self.world.held.lock().extend(turned.items.into_iter().filter_map(held));
    }

    async fn claims(&mut self) {
        let Some(worker) = self.any(|world| &world.workers) else { return };
        let lane = Depth { org: ORG, queue: Queue::DEFAULT, build: None, published: 0, backlog: 0 };
        let mut asks: Vec<_> = self
            .store
            .step_backlog(&lane, 6)
            .await
            .expect("it is read")
            .into_iter()
            .map(|offer| StepAsk { dispatch: offer.dispatch, epoch: offer.epoch, hold: HoldId::new(fresh()) })
            .collect();
        asks.sort_by(|one, two| one.dispatch.cmp(&two.dispatch));
        let granted = self.store.claim_steps(worker, &asks).await.expect("claims are answered");
        let held = granted.into_iter().map(|step| Held {
            worker,
            item: step.dispatch,
            hold: step.hold,
            try_number: step.try_number,
        });
        self.world.held.lock().extend(held);
    }

    async fn finishes(&mut self) {
        let mut ends = Vec::new();
        for _ in 0..self.random.random_range(1..6) {
            let held = {
                let mut held = self.world.held.lock();
                if held.is_empty() {
                    break;
                }
                let place = self.random.random_range(0..held.len());
                held.swap_remove(place)
            };
            ends.push(self.end(held));
        }
        // Now and then an answer was lost, and the same is said again, by whichever scheduler.
        if self.random.random_bool(0.4) {
            ends.extend(self.any(|world| &world.sent));
        }
        ends.sort_by(|one, two| one.end.dispatch.cmp(&two.end.dispatch));
        ends.dedup_by(|one, two| one.end.dispatch == two.end.dispatch);
        if ends.is_empty() {
            return;
        }
        let (_, turn) = self.store.finish_and_look(&ends).await.expect("it is finished");
        match turn {
            Some((turn, looks)) if self.random.random_bool(0.9) => self.takes(turn, &looks).await,
            // The scheduler died before its commit.
            Some(turn) => drop(turn),
            None => {}
        }
        self.world.sent.lock().extend(ends);
    }

    fn end(&mut self, held: Held) -> Finishing {
        let Held { worker, item, hold, try_number } = held;
        let (started_at, finished_at) = (Timestamp::from_micros(1_000_000), Timestamp::from_micros(2_000_000));
        let ending = match self.random.random_range(0..10) {
            0 => StepEnding::Again {
                failure: Failure::new("no"),
                try_number,
                started_at,
                finished_at,
                after: Duration::ZERO,
            },
            1 => StepEnding::Returned { reason: HandBackReason::Released },
            2 => StepEnding::Done { outcome: Err(Failure::new("no")), try_number, started_at, finished_at },
            _ => StepEnding::Done { outcome: Ok(payload("done")), try_number, started_at, finished_at },
        };
        Finishing { worker, end: StepEnd { dispatch: item, hold, ending } }
    }

    async fn ends_a_worker(&mut self, db: &Database) {
        let worker = WorkerId::new(fresh());
        self.store.register(&register(worker), LONG).await.expect("it registers");
        let old = {
            let mut workers = self.world.workers.lock();
            workers.push(worker);
            workers.swap_remove(0)
        };
        let expired = sqlx::query(include_str!("../sql/expire_lease.sql")).bind(old.uuid()).execute(&db.pool).await;
        expired.expect("it is ours");
        // Some items are poison by then.
        self.store.end_lease(old, 2).await.expect("it ends");
    }

    /// Whatever was lost on the way, what is owed is done by turns, claims and ends.
    async fn carries_to_its_end(&mut self, run: RunId) {
        for _ in 0..2000 {
            let row = self.store.batch(&id(run), &ORG).await.expect("it is read").expect("it is there");
            if row.status != BatchStatus::Running {
                // What it had under way is dropped.
                let (turn, looks) = self.store.batch_turn(&[id(run)]).await.expect("it is locked");
                return self.takes(turn, &looks).await;
            }
            self.store.resume(run, &ORG).await.expect("answered");
            drop(self.store.steps_due(100).await.expect("answered"));
            let (turn, looks) = self.store.batch_turn(&[id(run)]).await.expect("it is locked");
            self.takes(turn, &looks).await;
            self.claims().await;
            self.finishes().await;
            if self.world.held.lock().is_empty() {
                // Some holds are known to the database alone: their workers end.
                let workers = self.world.workers.lock().clone();
                for worker in workers {
                    self.store.leave(worker).await.expect("it leaves");
                }
                let worker = WorkerId::new(fresh());
                self.store.register(&register(worker), LONG).await.expect("it registers");
                *self.world.workers.lock() = vec![worker];
            }
        }
        panic!("batch {run} does not come to its end");
    }
}
