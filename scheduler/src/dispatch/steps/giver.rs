//! Giving offers away: straight to a worker of this scheduler that has room and knows the function, or as a task to the
//! stream, or not now. Either is a hint: what is lost is found by the sweeper.

use std::collections::HashMap;

use piton_shared::{
    ids::{HoldId, uuid_v7},
    message::{
        define::DefinitionKind,
        dispatch::{StepAsk, StepTask},
    },
    subject::Subjects,
};
use piton_telemetry::metrics::{PublishOutcome, SchedulerMetrics};
use piton_transport::{PublishError, Task, WorkStream};
use tokio::sync::mpsc;

use super::{StepBacklog, StepGranter};
use crate::{
    dispatch::{Coverage, ToWorkers},
    lease::{Place, Roster},
    store::{Executing, Needed, Offer, Room, Store},
};

/// Batches that wait; beyond that they are left to the sweeper.
const WAITING: usize = 1024;
/// Work handed to one worker by one statement.
const AT_ONCE: usize = 256;

/// What the giving task is told.
#[derive(Debug)]
pub enum News {
    /// Work waits for a worker, and for room in its queue.
    Waiting(Vec<Offer>),
    /// Work waits for a worker; there is room in its queue.
    Fed(Vec<Offer>),
    /// Work is published already: its task is to be sent.
    Published(Vec<Offer>),
    /// Nobody waits for this work any more.
    Dropped(Vec<Executing>),
}

/// Hands work to the giving task. Never waits: when too much waits already the sweeper will find it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Giver {
    news: mpsc::Sender<News>,
}

/// What giving works with.
pub struct Giving {
    /// Where work lies.
    pub store: Store,
    /// The stream.
    pub work: WorkStream<StepTask>,
    /// Its subjects.
    pub subjects: Subjects,
    /// Who has room.
    pub roster: Roster,
    /// Who grants to those that have.
    pub granter: StepGranter,
    /// How much room the stream has.
    pub backlog: StepBacklog,
    /// What live workers have.
    pub coverage: Coverage,
    /// How they are told.
    pub workers: ToWorkers,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
}

impl Giver {
    /// A giver, and what its task is to be told.
    pub fn new() -> (Self, mpsc::Receiver<News>) {
        let (news, told) = mpsc::channel(WAITING);
        (Self { news }, told)
    }

    /// Gives what has just begun to wait.
    pub fn offer(&self, offers: Vec<Offer>) {
        self.send(offers, News::Waiting);
    }

    /// Gives what there is room for.
    pub(super) fn feed(&self, offers: Vec<Offer>) {
        self.send(offers, News::Fed);
    }

    /// Sends the tasks of what is published.
    pub fn publish(&self, offers: Vec<Offer>) {
        self.send(offers, News::Published);
    }

    /// Tells workers that nobody waits for what they execute.
    pub fn drop_steps(&self, steps: Vec<Executing>) {
        self.send(steps, News::Dropped);
    }

    fn send<T>(&self, work: Vec<T>, news: impl FnOnce(Vec<T>) -> News) {
        if work.is_empty() {
            return;
        }
        if let Err(error) = self.news.try_send(news(work)) {
            tracing::debug!(%error, "giving work is behind; the sweeper finds it");
        }
    }
}

impl Giving {
    /// Gives until every giver is gone. A stream that does not answer holds up no grant.
    pub async fn run(self, told: mpsc::Receiver<News>) {
        let (to_stream, streamed) = mpsc::channel(WAITING);
        tokio::join!(self.give(told, to_stream), self.fill_stream(streamed));
    }

    async fn fill_stream(&self, mut streamed: mpsc::Receiver<Vec<Offer>>) {
        while let Some(mut offers) = streamed.recv().await {
            while let Ok(more) = streamed.try_recv() {
                offers.extend(more);
            }
            self.to_stream(&offers).await;
        }
    }

    async fn give(&self, mut told: mpsc::Receiver<News>, to_stream: mpsc::Sender<Vec<Offer>>) {
        while let Some(first) = told.recv().await {
            let (mut waiting, mut fed, mut published) = (Vec::new(), Vec::new(), Vec::new());
            let mut next = Some(first);
            while let Some(news) = next {
                match news {
                    News::Waiting(offers) => waiting.extend(offers),
                    News::Fed(offers) => fed.extend(offers),
                    News::Published(offers) => published.extend(offers),
                    News::Dropped(steps) => {
                        for step in &steps {
                            self.roster.step_left(step.worker);
                        }
                        self.workers.drop_steps(steps).await;
                    }
                }
                next = told.try_recv().ok();
            }
            let mut direct: HashMap<Place, Vec<StepAsk>> = HashMap::new();
            for offers in [&mut published, &mut fed, &mut waiting] {
                offers.retain(|offer| {
                    let place = self.roster.place_step(&offer.org, &offer.queue, offer.build.as_ref(), &offer.function);
                    let Some(place) = place else { return true };
                    let hold = HoldId::new(uuid_v7(0, rand::random()));
                    let ask = StepAsk { dispatch: offer.dispatch.clone(), epoch: offer.epoch, hold };
                    direct.entry(place).or_default().push(ask);
                    false
                });
            }
            for (place, asks) in direct {
                for asks in asks.chunks(AT_ONCE) {
                    self.hand(place, asks.to_vec()).await;
                }
            }
            self.set_aside([&mut fed, &mut waiting]).await;
            waiting.retain(|offer| self.backlog.take(offer) == Room::Some);
            fed.extend(waiting);
            if !fed.is_empty() {
                match self.store.publish_steps(&fed).await {
                    Ok(offers) => published.extend(offers),
                    Err(error) => {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "failed to publish work; the next sweep tries again"
                        );
                    }
                }
            }
            if !published.is_empty()
                && let Err(error) = to_stream.try_send(published)
            {
                tracing::warn!(%error, "the stream of dispatched work is behind; the sweeper publishes this work");
            }
        }
    }

    /// Stops work whose function no live worker has: it waits until one registers.
    async fn set_aside(&self, waiting: [&mut Vec<Offer>; 2]) {
        let unserved = self.coverage.unserved(waiting.iter().flat_map(|offers| offers.iter()).map(needed)).await;
        if unserved.is_empty() {
            return;
        }
        let mut aside = Vec::new();
        for offers in waiting {
            aside.extend(offers.extract_if(.., |offer| unserved.contains(&needed(offer))));
        }
        if let Err(error) = self.store.steps_unserved(&aside).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "failed to set work aside; the next sweep tries again"
            );
        }
    }

    async fn hand(&self, place: Place, asks: Vec<StepAsk>) {
        let place = self.roster.seen(place);
        let worker = place.worker;
        let asked = asks.len();
        match self.granter.grant(worker, asks).await {
            Ok(granted) => {
                (granted.grants.len()..asked).for_each(|_| self.roster.step_left(worker));
                self.workers.grant_steps(place, granted).await;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, %worker, "failed to give work away; the next sweep tries again");
            }
        }
    }

    async fn to_stream(&self, offers: &[Offer]) {
        let task = |offer: &Offer| {
            let task = StepTask { dispatch: offer.dispatch.clone(), epoch: offer.epoch };
            Task {
                subject: self.subjects.step(&offer.org, &offer.queue, offer.build.as_ref(), &offer.dispatch),
                message_id: task.message_id(),
                task,
            }
        };
        let wanted = offers.len();
        let sent = self.work.publish(offers.iter().map(task).collect()).await;
        let failures: Vec<_> = sent.into_iter().filter_map(Result::err).collect();
        self.metrics.steps_published.at(PublishOutcome::Stored).add((wanted - failures.len()) as u64);
        for failure in &failures {
            let full = matches!(failure, PublishError::Full { .. });
            self.metrics.steps_published.at(if full { PublishOutcome::Full } else { PublishOutcome::Failed }).inc();
        }
        if let Some(first) = failures.first() {
            tracing::warn!(error = %first, failed = failures.len(), "work was not published; the sweeper publishes it");
        }
    }
}

fn needed(offer: &Offer) -> Needed {
    Needed {
        org: offer.org.clone(),
        queue: offer.queue.clone(),
        build: offer.build.clone(),
        kind: DefinitionKind::Function,
        name: offer.function.clone(),
    }
}
