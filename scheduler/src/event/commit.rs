//! The group commit of events, and the look at them.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use piton_shared::limits;
use piton_telemetry::metrics::{Accepted, Group, SchedulerMetrics};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{Looked, Looker, Matching, NewEvent, PublishError, PublishedEvent, StartedRun};
use crate::{
    engine::Novelty,
    failpoint::failpoint,
    gather::{self, Gatherer},
    halve::{self, halving},
    intake::RunClock,
    store::{Accepting, Came, EventOutcome, EventResult, Store, StoreError},
};

type Written = Result<Vec<Came>, PublishError>;
type Published = Result<Vec<PublishedEvent>, PublishError>;

/// Events that were published at once, and wait for their commit: all of them are accepted, or none.
#[derive(Debug)]
pub struct Job {
    events: Vec<Accepting>,
    reply: oneshot::Sender<Published>,
}

/// Where doors hand events in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EventHandle {
    jobs: mpsc::Sender<Job>,
    clock: RunClock,
}

impl EventHandle {
    /// A handle, and the jobs that come through it.
    pub fn new(clock: RunClock, metrics: SchedulerMetrics) -> (Self, Gatherer<Job>) {
        let (send, receive) = mpsc::channel(limits::PUBLISHES_WAITING);
        (Self { jobs: send, clock }, Gatherer::new(receive, limits::COMMIT_ROWS / 2, metrics, Group::Events))
    }

    /// Accepts events: returns after the commit.
    pub async fn publish(&self, events: Vec<NewEvent>) -> Published {
        let ids = self.clock.in_order(events.len());
        let events = ids.into_iter().zip(events).map(|(id, event)| Accepting { id, event }).collect();
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Job { events, reply }).map_err(|_| PublishError::Full)?;
        answer.await.unwrap_or(Err(PublishError::Full))
    }
}

/// What a publish weighs in a group.
fn weight(job: &Job) -> usize {
    let bytes = |event: &Accepting| event.event.data.len() + event.event.envelope.as_ref().map_or(0, Vec::len);
    gather::weight(job.events.len(), job.events.iter().map(bytes).sum())
}

/// The one writer of events in a scheduler.
pub struct Acceptor {
    /// Where to.
    pub store: Store,
    /// Who matches them.
    pub looker: Looker,
    /// How long what an event is known by is remembered.
    pub window: Duration,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
}

impl Acceptor {
    /// Commits until every handle is gone.
    pub async fn run(self, mut jobs: Gatherer<Job>) {
        while let Some(batch) = jobs.next(weight).await {
            let (publishes, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.events, job.reply)).unzip();
            let began = Instant::now();
            let accepted = halving(&self, &publishes).await;
            jobs.committed(publishes.iter().map(Vec::len).sum(), began);
            let answers = self.answers(&publishes, accepted).await;
            for (reply, answer) in replies.into_iter().zip(answers) {
                // A caller that went away has published all the same.
                drop(reply.send(answer));
            }
        }
    }

    /// Looks at what is new, and says what each publish came to.
    async fn answers(&self, publishes: &[Vec<Accepting>], accepted: Vec<Written>) -> Vec<Published> {
        let events =
            || publishes.iter().zip(&accepted).flat_map(|(events, came)| events.iter().zip(came.iter().flatten()));
        let fresh: Vec<_> =
            events().filter(|(_, came)| matches!(came, Came::New(_))).map(|(event, _)| event.id).collect();
        let mut matching = self.look(&fresh).await;
        let rest = events().filter_map(|(event, came)| match came {
            Came::Repeated(earlier, _) => Some(*earlier),
            Came::New(_) => Some(event.id).filter(|id| !matching.contains_key(id)),
            Came::UnknownOrg => None,
        });
        let rest: Vec<_> = rest.collect();
        if !rest.is_empty() {
            matching.extend(self.came_to(&rest).await);
        }
        let of = |event: &Uuid| matching.get(event).cloned().unwrap_or(Matching::Owed);
        let published = |(event, came): (&Accepting, Came)| match came {
            Came::New(accepted_at) => {
                Ok(PublishedEvent { event: event.id, novelty: Novelty::New, accepted_at, matching: of(&event.id) })
            }
            Came::Repeated(earlier, accepted_at) => {
                Ok(PublishedEvent { event: earlier, novelty: Novelty::Repeated, accepted_at, matching: of(&earlier) })
            }
            Came::UnknownOrg => Err(PublishError::UnknownOrg(event.event.org.clone())),
        };
        let answer = |(events, came): (&Vec<Accepting>, Written)| {
            let answer: Published = events.iter().zip(came?).map(published).collect();
            for event in answer.iter().flatten() {
                let kind = match event.novelty {
                    Novelty::New => Accepted::New,
                    Novelty::Repeated => Accepted::Repeated,
                };
                self.metrics.events_accepted.at(kind).inc();
            }
            answer
        };
        publishes.iter().zip(accepted).map(answer).collect()
    }

    /// What was matched at once.
    async fn look(&self, fresh: &[Uuid]) -> HashMap<Uuid, Matching> {
        failpoint!("events-accepted", HashMap::new());
        let looked = self.looker.look(fresh).await;
        let matched = fresh.iter().zip(looked).filter_map(|(event, looked)| match looked {
            Looked::Matched(runs) => Some((*event, Matching::Done(runs))),
            Looked::Elsewhere | Looked::Owed | Looked::Impossible(_) => None,
        });
        matched.collect()
    }

    /// What others have made of events.
    async fn came_to(&self, events: &[Uuid]) -> HashMap<Uuid, Matching> {
        let outcomes = match self.store.event_came_to(events).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "failed to read what events came to");
                return HashMap::new();
            }
        };
        let matching = |outcome| match outcome {
            EventOutcome::Owed => Matching::Owed,
            EventOutcome::Matched(results) => Matching::Done(results.into_iter().filter_map(started).collect()),
        };
        outcomes.into_iter().map(|(event, outcome)| (event, matching(outcome))).collect()
    }
}

impl halve::Group for Acceptor {
    type Row = Vec<Accepting>;
    type Outcome = Written;

    async fn write(&self, publishes: &[Vec<Accepting>]) -> Result<Vec<Written>, StoreError> {
        let events: Vec<_> = publishes.iter().flatten().cloned().collect();
        let mut came = self.store.event_accept(&events, self.window).await?.into_iter();
        Ok(publishes.iter().map(|events| Ok(came.by_ref().take(events.len()).collect())).collect())
    }

    fn refused(&self, _: &Vec<Accepting>, error: StoreError) -> Written {
        tracing::warn!(error = &error as &dyn std::error::Error, "a publish was refused");
        Err(PublishError::Store(Arc::new(error)))
    }

    fn unknown(&self, publishes: &[Vec<Accepting>], error: StoreError) -> Vec<Written> {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            publishes = publishes.len(),
            "events were not accepted"
        );
        self.metrics.commit_unavailable.at(Group::Events).inc();
        let error = Arc::new(error);
        publishes.iter().map(|_| Err(PublishError::Store(Arc::clone(&error)))).collect()
    }
}

fn started(result: EventResult) -> Option<StartedRun> {
    match result {
        EventResult::Started { workflow, run, .. } => Some(StartedRun { run, workflow }),
        EventResult::Refused { .. } => None,
    }
}
