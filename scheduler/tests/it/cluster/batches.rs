//! Batches through two schedulers and workers that come and go.

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use piton_scheduler::engine::StartBatch;
use piton_shared::{
    codec,
    failure::Failure,
    ids::{HoldId, RunId, WorkerId},
    journal::StepKey,
    message::{
        Answer,
        batch::{BATCH_RUN_KEY, BatchItem, BatchStatus, BatchSummary},
        dispatch::{
            ClaimSteps, ClaimedSteps, DispatchId, Finish, Finished, StepAnswer, StepAsk, StepEnd, StepEnding, StepGrant,
        },
        wake::{Holding, Holds, ToWorker},
        worker::{Heartbeat, Intent, Registered, Standing},
    },
    name::Queue,
    state::RunState,
    subject::Method,
    time::Timestamp,
};
use piton_transport::{Bus, BusOptions, Inbox, Puller};
use tokio::{sync::mpsc, task::JoinSet};

use super::{Cluster, worker::insist};
use crate::{
    making::{ORG, fresh, payload, register},
    store::batch::terms,
};

const SLOTS: u32 = 6;

/// A worker that executes items: dropped, it falls silent at once.
struct Hands {
    _loops: JoinSet<()>,
    executed: Arc<Mutex<usize>>,
}

#[derive(Clone)]
struct Hand {
    bus: Bus,
    id: WorkerId,
    held: Arc<Mutex<HashSet<(DispatchId, HoldId)>>>,
    ends: mpsc::Sender<StepEnd>,
    executed: Arc<Mutex<usize>>,
    /// Items after which it takes what it is given and does nothing with it.
    until: usize,
}

impl Hands {
    async fn join(cluster: &Cluster, until: usize) -> Self {
        let bus = Bus::connect(BusOptions::new(cluster.nats.url(), "hands")).await.expect("NATS is there");
        let (send, ends) = mpsc::channel(1024);
        let executed = Arc::new(Mutex::new(0));
        let id = WorkerId::new(fresh());
        let hand = Hand { bus, id, held: Arc::default(), ends: send, executed: executed.clone(), until };
        let subjects = hand.bus.subjects().clone();
        let told = hand.bus.serve(&subjects.worker(&ORG, id), None).await.expect("it listens");
        let holding = hand.bus.serve(&subjects.holding(&ORG, id), None).await.expect("it listens");
        let register = piton_shared::message::worker::Register { step_slots: SLOTS, ..register(id) };
        let registered: Registered = insist(&hand.bus, Method::Register, &register).await;
        let consumer = registered.step_consumers[0].clone();
        let mut loops = JoinSet::new();
        loops.spawn(hand.clone().beats(registered));
        loops.spawn(hand.clone().pulls(consumer));
        loops.spawn(hand.clone().hears(told));
        loops.spawn(hand.clone().says_what_it_holds(holding));
        loops.spawn(hand.finishes(ends));
        Self { _loops: loops, executed }
    }
}

impl Hand {
    async fn beats(self, registered: Registered) {
        let mut often = tokio::time::interval(Duration::from_millis(100));
        loop {
            often.tick().await;
            let held = u32::try_from(self.held.lock().len()).unwrap_or(SLOTS);
            let beat = Heartbeat {
                worker: self.id,
                number: 1,
                intent: Intent::Working,
                free_runs: 0,
                free_steps: SLOTS.saturating_sub(held),
                control_applied: 0,
                under_way: Vec::new(),
            };
            let home = self.bus.subjects().ask_at(registered.scheduler, &ORG, Method::Heartbeat);
            let wait = Duration::from_secs(1);
            let answer: Result<Answer<Standing>, _> = self.bus.request(&home, &beat, wait, None).await;
            drop(answer);
        }
    }

    async fn pulls(self, consumer: String) {
        let mut puller = Puller::open_steps(&self.bus, consumer).await.expect("a puller");
        loop {
            let Ok(deliveries) = puller.pull(SLOTS as usize, Duration::from_secs(5), std::future::pending()).await
            else {
                continue;
            };
            let mut asks = Vec::new();
            for delivery in deliveries {
                let task = delivery.task.as_ref().expect("it reads");
                let hold = HoldId::new(fresh());
                asks.push(StepAsk { dispatch: task.dispatch.clone(), epoch: task.epoch, hold });
                drop(delivery.ack().await);
            }
            if asks.is_empty() {
                continue;
            }
            self.held.lock().extend(asks.iter().map(|ask| (ask.dispatch.clone(), ask.hold)));
            let claim = ClaimSteps { worker: self.id, asks };
            let claimed: ClaimedSteps = insist(&self.bus, Method::ClaimSteps, &claim).await;
            for (ask, answer) in claim.asks.into_iter().zip(claimed.answers) {
                match answer {
                    StepAnswer::Granted(grant) => self.executes(*grant).await,
                    StepAnswer::Stale => drop(self.held.lock().remove(&(ask.dispatch, ask.hold))),
                }
            }
        }
    }

    async fn hears(self, mut told: Inbox) {
        while let Some(received) = told.next().await {
            match received.open().expect("it reads") {
                ToWorker::GrantedSteps { grants, .. } => {
                    for grant in grants {
                        self.executes(grant).await;
                    }
                }
                ToWorker::Granted { .. }
                | ToWorker::Wake { .. }
                | ToWorker::DropSteps { .. }
                | ToWorker::DropRun { .. }
                | ToWorker::Control(_) => {}
            }
        }
    }

    async fn says_what_it_holds(self, mut holding: Inbox) {
        while let Some(asked) = holding.next().await {
            let asked_for: Holding = asked.open().expect("it reads");
            let unknown_steps: Vec<_> = {
                let held = self.held.lock();
                asked_for.steps.into_iter().filter(|step| !held.contains(step)).collect()
            };
            drop(asked.respond(&Holds { unknown: asked_for.runs, unknown_steps }).await);
        }
    }

    /// Every tenth item fails, and every seventh has a second try.
    async fn executes(&self, grant: StepGrant) {
        self.held.lock().insert((grant.dispatch.clone(), grant.hold));
        {
            let mut executed = self.executed.lock();
            *executed += 1;
            if *executed > self.until {
                return;
            }
        }
        let input = grant.input.expect("it is small");
        let number: u32 = codec::decode(&input).expect("a number");
        let (try_number, started_at, finished_at) = (grant.try_number, Timestamp::EPOCH, Timestamp::from_micros(1000));
        let ending = if number.is_multiple_of(7) && grant.failed_tries == 0 {
            let (failure, after) = (Failure::new("once more"), Duration::from_millis(5));
            StepEnding::Again { failure, try_number, started_at, finished_at, after }
        } else {
            let outcome = if number.is_multiple_of(10) { Err(Failure::new("no")) } else { Ok(payload("done")) };
            StepEnding::Done { outcome, try_number, started_at, finished_at }
        };
        let end = StepEnd { dispatch: grant.dispatch, hold: grant.hold, ending };
        self.ends.send(end).await.expect("somebody reports it");
    }

    async fn finishes(self, mut ends: mpsc::Receiver<StepEnd>) {
        let mut some = Vec::new();
        while ends.recv_many(&mut some, 100).await > 0 {
            let finish = Finish { worker: self.id, ends: std::mem::take(&mut some) };
            let _: Finished = insist(&self.bus, Method::Finish, &finish).await;
            let mut held = self.held.lock();
            for end in finish.ends {
                held.remove(&(end.dispatch, end.hold));
            }
        }
    }
}

fn start(items: u32, max_concurrency: u32) -> StartBatch {
    let input = |number: u32| codec::encode(&number).expect("a number encodes");
    StartBatch {
        org: ORG,
        queue: Queue::DEFAULT,
        build: None,
        session: None,
        tags: Vec::new(),
        terms: terms(max_concurrency),
        items: (1..=items).map(|number| BatchItem { id: None, input: input(number) }).collect(),
        key: None,
        trace: None,
    }
}

fn summary(result: Option<Vec<u8>>) -> BatchSummary {
    codec::decode(&result.expect("it has a result")).expect("it reads")
}

async fn ended(cluster: &Cluster, run: RunId) -> BatchSummary {
    let row = cluster.end(run).await;
    assert_eq!(row.state, RunState::Completed, "{row:#?}");
    let summary = summary(row.result);
    let batch = piton_scheduler::store::BatchId { run, key: StepKey::new(BATCH_RUN_KEY) };
    let (results, _) = cluster.db.store.batch_results(&batch, 0, 10_000, 1 << 30).await.expect("they are read");
    assert!(results.iter().all(|result| result.outcome.is_some()), "every item has its outcome");
    assert_eq!(results.len(), summary.total as usize);
    summary
}

#[tokio::test]
async fn a_batch_runs_within_its_bound_and_outlives_a_worker() {
    let cluster = Cluster::with("batches", |options| options.lease = Duration::from_secs(2)).await;
    let (steady, dying) = (Hands::join(&cluster, usize::MAX).await, Hands::join(&cluster, 20).await);
    let started = cluster.engine().start_batch(start(300, 8)).await.expect("it is accepted");
    let half_way = async {
        while *dying.executed.lock() <= 20 {
            // More than its bound is under way at no time.
            cluster.db.assert_rules().await;
        }
    };
    tokio::time::timeout(super::SOON, half_way).await.expect("the second worker gets something to do");
    drop(dying);
    let summary = ended(&cluster, started.run).await;
    assert_eq!(summary.status, BatchStatus::PartialFailure);
    assert_eq!((summary.total, summary.completed, summary.failed, summary.cancelled), (300, 270, 30, 0));
    drop(steady);
    cluster.finish().await;
}

#[tokio::test]
async fn items_travel_over_the_stream_as_well() {
    let cluster =
        Cluster::with("batches_stream", |options| options.direct_grants = piton_scheduler::server::DirectGrants::Off)
            .await;
    let hands = [Hands::join(&cluster, usize::MAX).await, Hands::join(&cluster, usize::MAX).await];
    let started = cluster.engine().start_batch(start(60, 5)).await.expect("it is accepted");
    let summary = ended(&cluster, started.run).await;
    assert_eq!((summary.total, summary.completed, summary.failed), (60, 54, 6));
    drop(hands);
    cluster.finish().await;
}
