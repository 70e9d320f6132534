//! Everything at once, in no order: no deadlock, no error, and no rule broken after any of it.

mod steps;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use piton_scheduler::{
    journal::Committer,
    store::{Appending, Depth, Finishing, Placement, Store},
};
use piton_shared::{
    ids::{AttemptId, Epoch, RunId, WorkerId},
    journal::Place,
    limits::DEDUPE_WINDOW,
    message::append::{AppendAnswer, Next},
    name::Queue,
    parked::Parked,
};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use self::steps::Executed;
use crate::{
    database::Database,
    making::{Hold, LONG, ORG, With, fresh, new_run, payload, publish_next, register},
    store::lease::beat,
};

const TASKS: u64 = 8;
const DEEDS: usize = 220;

/// A hold as its worker knows it.
#[derive(Clone, Copy)]
struct Known {
    hold: Hold,
    number: u32,
    own: u32,
}

#[derive(Default)]
struct World {
    runs: Mutex<Vec<RunId>>,
    holds: Mutex<Vec<Known>>,
    workers: Mutex<Vec<WorkerId>>,
    executed: Mutex<Vec<Executed>>,
    /// What was said of it once and may be said again.
    sent: Mutex<Vec<Finishing>>,
}

struct Doer {
    random: StdRng,
    store: Store,
    committer: Committer,
    world: Arc<World>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_at_once() {
    let db = Database::new("storm").await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let world = Arc::new(World::default());
    for _ in 0..3 {
        let worker = db.worker().await;
        world.workers.lock().push(worker);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..TASKS {
        let store = if number % 2 == 0 { db.store.clone() } else { db.other_store().await };
        let mut doer = Doer {
            random: StdRng::seed_from_u64(seed ^ number),
            committer: Committer { store: store.clone(), ..db.committer() },
            store,
            world: world.clone(),
        };
        let pool = db.pool.clone();
        tasks.spawn(async move {
            for _ in 0..DEEDS {
                doer.does_something(&pool).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no deed failed");
        db.assert_rules().await;
    }
    let (items, steps): (Vec<_>, Vec<_>) =
        std::mem::take(&mut *world.sent.lock()).into_iter().partition(|one| one.end.dispatch.item > 0);
    assert!(!items.is_empty() && !steps.is_empty(), "it executed {} items and {} steps", items.len(), steps.len());
    db.finish().await;
}

fn lane() -> Depth {
    Depth { org: ORG, queue: Queue::DEFAULT, build: None, published: 0, backlog: 0 }
}

impl Doer {
    fn any<T: Clone>(&mut self, of: impl Fn(&World) -> &Mutex<Vec<T>>) -> Option<T> {
        of(&self.world).lock().choose(&mut self.random).cloned()
    }

    async fn does_something(&mut self, pool: &sqlx::PgPool) {
        match self.random.random_range(0..34) {
            0..3 => self.starts().await,
            3..7 => self.claims().await,
            7..12 => self.appends().await,
            12 => {
                let told = self.store.fire_due(20).await.expect("timers fire");
                drop(told);
            }
            13 => {
                let overdue = self.store.overdue_published(Duration::ZERO, 20).await.expect("found");
                self.store.still_waiting(&overdue[..overdue.len() / 2]).await.expect("noted");
                self.store.republish(&overdue).await.expect("published");
            }
            14 => {
                publish_next(&self.store, &lane(), 10).await;
            }
            15 => self.hands_back().await,
            16 => self.wishes().await,
            17 => self.beats().await,
            18 => self.ends_a_worker(pool).await,
            19..22 => self.claims_steps().await,
            22..28 => self.finishes().await,
            28..30 => self.gives_a_turn().await,
            30..32 => self.sweeps_steps().await,
            _ => {
                let Some(run) = self.any(|world| &world.runs) else { return };
                self.store.resume(run, &ORG).await.expect("answered");
            }
        }
    }

    async fn starts(&mut self) {
        let runs: Vec<_> = (0..self.random.random_range(1..5))
            .map(|_| {
                let held = self.any(|world| &world.workers);
                let mut run = new_run(match (self.random.random_range(0..3), held) {
                    (0, Some(worker)) => Placement::Held { worker, attempt: AttemptId::new(fresh()), heartbeat: 0 },
                    (1, _) => Placement::Backlog,
                    _ => Placement::Queued,
                });
                let key = self.random.random_range(0..20);
                run.key = (key > 9).then(|| (format!("k{key}"), vec![1]));
                run
            })
            .collect();
        let mut runs = runs;
        runs.sort_by(|one, two| one.key.cmp(&two.key));
        let accepted = self.store.intake(&runs, DEDUPE_WINDOW).await.expect("they are accepted");
        for told in accepted {
            self.world.runs.lock().push(told.run);
            let run = runs.iter().find(|run| run.id == told.run).expect("it was asked for");
            if let Placement::Held { worker, attempt, .. } = run.placement {
                let hold = Hold { run: run.id, epoch: Epoch(1), attempt, worker };
                self.world.holds.lock().push(Known { hold, number: 0, own: 0 });
            }
        }
    }

    async fn claims(&mut self) {
        let Some(worker) = self.any(|world| &world.workers) else { return };
        let mut holds = Vec::new();
        for _ in 0..self.random.random_range(1..6) {
            let Some(run) = self.any(|world| &world.runs) else { return };
            let row = self.store.run(run, &ORG).await.expect("read").expect("it is there");
            holds.push(Hold { run, epoch: Epoch(row.epoch), attempt: AttemptId::new(fresh()), worker });
        }
        holds.sort_by_key(|hold| hold.run);
        holds.dedup_by_key(|hold| hold.run);
        let asks: Vec<_> = holds.iter().map(Hold::ask).collect();
        for granted in self.store.claim(worker, &asks).await.expect("claims are answered") {
            let hold = *holds.iter().find(|hold| hold.run == granted.run).expect("it was asked for");
            assert_eq!(granted.attempt, hold.attempt);
            let (entries, _) = self.store.journal_page(hold.run, None, 1000).await.expect("read");
            let own = entries.iter().filter(|entry| matches!(entry.place, Place::Own { .. })).count();
            let own = u32::try_from(own).expect("a few");
            self.world.holds.lock().push(Known { hold, number: 0, own });
        }
    }

    /// Takes holds out of the world, so that nobody else speaks for them meanwhile.
    fn take_holds(&mut self) -> Vec<Known> {
        let mut holds = self.world.holds.lock();
        let mut taken: Vec<Known> = Vec::new();
        for _ in 0..self.random.random_range(1..6) {
            if holds.is_empty() {
                break;
            }
            let place = self.random.random_range(0..holds.len());
            let known = holds.swap_remove(place);
            if taken.iter().all(|other| other.hold.run != known.hold.run) {
                taken.push(known);
            }
        }
        taken.sort_by_key(|known| known.hold.run);
        taken
    }

    async fn appends(&mut self) {
        let taken = self.take_holds();
        let appends: Vec<_> = taken.iter().map(|known| self.says(known)).collect();
        let outcomes = self.committer.outcomes(&appends).await;
        // Now and then the answer is lost and the same is sent again.
        let again =
            if self.random.random_bool(0.3) { self.committer.outcomes(&appends).await } else { outcomes.clone() };
        for ((mut known, append), outcome) in taken.into_iter().zip(&appends).zip(again) {
            // Locked: not known, and nobody speaks for it any more.
            let Ok(answer) = outcome else { continue };
            match answer {
                AppendAnswer::Accepted | AppendAnswer::Overtaken { .. } => {
                    known.number = known.number.max(append.append.number);
                    known.own += u32::try_from(append.append.rows.len()).expect("a few");
                    if append.append.next == Next::GoOn || matches!(answer, AppendAnswer::Overtaken { .. }) {
                        self.world.holds.lock().push(known);
                    }
                }
                AppendAnswer::Fenced => {}
                AppendAnswer::Superseded | AppendAnswer::Conflict { .. } | AppendAnswer::Invalid { .. } => {
                    panic!("{answer:?} to {append:?}")
                }
            }
        }
    }

    fn says(&mut self, known: &Known) -> Appending {
        let Known { hold, number, own } = known;
        let key = format!("k{}#1", self.random.next_u32());
        let seen_outside = self.random.random_range(0..2);
        let next = number + 1;
        let append = match self.random.random_range(0..10) {
            0..3 => return hold.rows(own + 1, &[&key]).with_failed_try(&key, 1),
            3..5 => hold.append(next, Next::GoOn).with_sleep(&key, Duration::ZERO),
            5 => hold.append(next, Next::GoOn).with_sleep(&key, LONG).without("s#1"),
            6..8 => hold
                .append(next, Next::Suspend { seen_outside })
                .with_sleep(&format!("s{key}"), if seen_outside == 0 { Duration::ZERO } else { LONG }),
            8 => hold.append(next, Next::Complete(payload("x"))),
            _ => hold.append(next, Next::Park(Parked::Panic { message: "oh".into() })),
        };
        self.gives_away(append).with_rows(own + 1, &[&key, &format!("{key}~")])
    }

    async fn hands_back(&mut self) {
        let Some(worker) = self.any(|world| &world.workers) else { return };
        let back: Vec<_> = {
            let mut holds = self.world.holds.lock();
            let mine: Vec<_> = holds.iter().filter(|known| known.hold.worker == worker).take(3).copied().collect();
            holds.retain(|known| mine.iter().all(|one| one.hold != known.hold));
            mine.iter().map(|known| (known.hold.run, known.hold.attempt)).rev().collect()
        };
        let after = self.random.random_bool(0.5).then_some(Duration::ZERO);
        self.store.hand_back(worker, &back, after).await.expect("they come back");
    }

    async fn wishes(&mut self) {
        let Some(run) = self.any(|world| &world.runs) else { return };
        match self.random.random_range(0..3) {
            0 => drop(self.store.kill(run, &ORG).await.expect("answered")),
            1 => drop(self.store.cancel(run, &ORG, "stop").await.expect("answered")),
            _ => drop(self.store.pause(run, &ORG).await.expect("answered")),
        }
    }

    async fn beats(&mut self) {
        let mut workers = self.world.workers.lock().clone();
        workers.sort();
        let beats: Vec<_> = workers.into_iter().map(beat).collect();
        self.store.heartbeats(&beats, LONG).await.expect("they are renewed");
    }

    async fn ends_a_worker(&mut self, pool: &sqlx::PgPool) {
        let worker = WorkerId::new(fresh());
        self.store.register(&register(worker), LONG).await.expect("it registers");
        let old = {
            let mut workers = self.world.workers.lock();
            workers.push(worker);
            workers.swap_remove(0)
        };
        if self.random.random_bool(0.5) {
            self.store.leave(old).await.expect("it leaves");
            return;
        }
        let expired = sqlx::query(include_str!("../sql/expire_lease.sql")).bind(old.uuid()).execute(pool).await;
        expired.expect("it is ours");
        // Few strikes: some of what it executed is poison by then.
        self.store.end_lease(old, 2).await.expect("it ends");
    }
}
