//! A worker that works by itself: it beats, pulls, claims, appends, and does what a run's input says.
//!
//! `nap` sleeps for a moment outside memory and then completes; anything else completes after one step. The result is
//! the input.

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use piton_shared::{
    ids::{AttemptId, RunId, WorkerId},
    journal::{Kind, Payload, Place},
    message::{
        append::{AppendAnswer, Next},
        claim::{Claim, ClaimAnswer, ClaimAsk, Claimed, Grant},
        wake::{Holding, Holds, ToWorker},
        worker::{Heartbeat, Intent, Registered},
    },
    name::{Org, Queue},
    subject::{Method, Subjects},
};
use piton_transport::{Bus, BusOptions, Puller};
use tokio::task::JoinSet;

use super::{
    Cluster,
    worker::{append_as, ask, insist},
};
use crate::making::{Hold, ORG, With, fresh, payload, register};

const NAP: Duration = Duration::from_millis(60);

/// Dropped, it falls silent at once.
pub(crate) struct Crew {
    _loops: JoinSet<()>,
}

#[derive(Clone)]
struct Hand {
    bus: Bus,
    id: WorkerId,
    held: Arc<Mutex<HashSet<(RunId, AttemptId)>>>,
}

impl Crew {
    pub(crate) async fn join(cluster: &Cluster) -> Self {
        let bus = Bus::connect(BusOptions::new(cluster.nats.url(), "crew")).await.expect("NATS is there");
        let hand = Hand { bus, id: WorkerId::new(fresh()), held: Arc::default() };
        let subjects = hand.bus.subjects().clone();
        let told = hand.bus.serve(&subjects.worker(&ORG, hand.id), None).await.expect("it listens");
        let holding = hand.bus.serve(&subjects.holding(&ORG, hand.id), None).await.expect("it listens");
        hand.registers().await;
        let mut loops = JoinSet::new();
        loops.spawn(hand.clone().beats());
        loops.spawn(hand.clone().pulls());
        loops.spawn(hand.clone().hears(told));
        loops.spawn(hand.clone().says_what_it_holds(holding));
        Self { _loops: loops }
    }
}

impl Hand {
    async fn registers(&self) {
        let _: Registered = insist(&self.bus, Method::Register, &register(self.id)).await;
    }

    async fn beats(self) {
        let mut often = tokio::time::interval(Duration::from_millis(100));
        loop {
            often.tick().await;
            let beat = Heartbeat {
                worker: self.id,
                number: 1,
                intent: Intent::Working,
                free_runs: 5,
                free_steps: 5,
                control_applied: 0,
                under_way: Vec::new(),
            };
            // Whatever comes of it: the next one follows soon.
            drop(ask::<_, piton_shared::message::worker::Standing>(&self.bus, Method::Heartbeat, &beat).await);
        }
    }

    async fn pulls(self) {
        let consumer = Subjects::run_consumer(&Org::DEFAULT, &Queue::DEFAULT, None);
        let mut puller = Puller::open(&self.bus, consumer).await.expect("a puller");
        loop {
            match puller.pull(10, Duration::from_secs(5), std::future::pending()).await {
                Ok(deliveries) => {
                    let mut asks = Vec::new();
                    for delivery in deliveries {
                        let task = delivery.task.as_ref().expect("it reads");
                        asks.push(ClaimAsk { run: task.run, epoch: task.epoch, attempt: AttemptId::new(fresh()) });
                        drop(delivery.ack().await);
                    }
                    if asks.is_empty() {
                        continue;
                    }
                    self.held.lock().extend(asks.iter().map(|ask| (ask.run, ask.attempt)));
                    let claim = Claim { worker: self.id, asks };
                    let claimed: Claimed = insist(&self.bus, Method::Claim, &claim).await;
                    for (ask, answer) in claim.asks.iter().zip(claimed.answers) {
                        match answer {
                            ClaimAnswer::Granted(grant) => self.works(*grant).await,
                            ClaimAnswer::Stale => {
                                self.held.lock().remove(&(ask.run, ask.attempt));
                            }
                        }
                    }
                }
                // NATS came back empty: whoever registers has the consumers made.
                Err(_) => self.registers().await,
            }
        }
    }

    async fn hears(self, mut told: piton_transport::Inbox) {
        while let Some(received) = told.next().await {
            match received.open().expect("it reads") {
                ToWorker::Granted { grants, .. } => {
                    for grant in grants {
                        self.works(grant).await;
                    }
                }
                ToWorker::Wake { .. }
                | ToWorker::GrantedSteps { .. }
                | ToWorker::DropSteps { .. }
                | ToWorker::DropRun { .. }
                | ToWorker::Control(_) => {}
            }
        }
    }

    async fn says_what_it_holds(self, mut holding: piton_transport::Inbox) {
        while let Some(asked) = holding.next().await {
            let holding: Holding = asked.open().expect("it reads");
            let unknown = {
                let held = self.held.lock();
                holding.runs.into_iter().filter(|run| !held.contains(run)).collect()
            };
            drop(asked.respond(&Holds { unknown, unknown_steps: holding.steps }).await);
        }
    }

    async fn works(&self, grant: Grant) {
        let hold = Hold { run: grant.run, epoch: grant.epoch, attempt: grant.attempt, worker: self.id };
        self.held.lock().insert((hold.run, hold.attempt));
        let input: Payload = grant.input.expect("it is small");
        let slept = grant.entries.iter().any(|entry| entry.kind == Kind::Sleep);
        let append = if input == payload("nap") && !slept {
            hold.append(1, Next::Suspend { seen_outside: grant.outside }).with_sleep("nap#1", NAP)
        } else {
            let own = grant.entries.iter().filter(|entry| matches!(entry.place, Place::Own { .. })).count();
            let number = u32::try_from(own + 1).expect("a few");
            let mut append = hold.append(1, Next::Complete(input)).with_rows(number, &["a#1"]);
            for row in &mut append.append.rows {
                row.place = Place::Own { number, after: grant.outside };
            }
            append
        };
        match append_as(&self.bus, self.id, append.append).await {
            AppendAnswer::Accepted | AppendAnswer::Fenced => {}
            other @ (AppendAnswer::Superseded
            | AppendAnswer::Overtaken { .. }
            | AppendAnswer::Conflict { .. }
            | AppendAnswer::Invalid { .. }) => {
                panic!("{other:?}")
            }
        }
        self.held.lock().remove(&(hold.run, hold.attempt));
    }
}
