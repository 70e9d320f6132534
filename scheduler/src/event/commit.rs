//! The group commit of events.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use piton_shared::limits;
use piton_telemetry::metrics::{Accepted, Group, SchedulerMetrics};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{Matching, MatchingHandle, NewEvent, PublishError, PublishedEvent, StartedRun};
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
    reply: oneshot::Sender<Result<Vec<Committed>, PublishError>>,
}

/// An event that is committed.
#[derive(Debug)]
struct Committed {
    came: Came,
    /// Where the runs of a new one will be named.
    matched: Option<oneshot::Receiver<Vec<StartedRun>>>,
}

/// Where doors hand events in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EventHandle {
    jobs: mpsc::Sender<Job>,
    clock: RunClock,
    store: Store,
    metrics: SchedulerMetrics,
    awaited: Duration,
}

impl EventHandle {
    /// A handle, and the jobs that come through it. Answers wait as long as `awaited` for the matching.
    pub fn new(store: Store, clock: RunClock, awaited: Duration, metrics: SchedulerMetrics) -> (Self, Gatherer<Job>) {
        let (send, receive) = mpsc::channel(limits::PUBLISHES_WAITING);
        let gatherer = Gatherer::new(receive, limits::COMMIT_ROWS / 2, metrics.clone(), Group::Events);
        (Self { jobs: send, clock, store, metrics, awaited }, gatherer)
    }

    /// Accepts events: returns after the commit, with what they were matched with if that comes soon enough.
    pub async fn publish(&self, events: Vec<NewEvent>) -> Published {
        let ids = self.clock.in_order(events.len());
        let orgs: Vec<_> = events.iter().map(|event| event.org.clone()).collect();
        let events = ids.iter().copied().zip(events).map(|(id, event)| Accepting { id, event }).collect();
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Job { events, reply }).map_err(|_| PublishError::Full)?;
        let committed = answer.await.unwrap_or(Err(PublishError::Full))?;

        // One deadline for all of them; what was matched elsewhere, or before, is read.
        let deadline = tokio::time::Instant::now() + self.awaited;
        let mut published = Vec::with_capacity(committed.len());
        let mut elsewhere = Vec::new();
        for ((id, org), Committed { came, matched }) in ids.into_iter().zip(orgs).zip(committed) {
            let (event, novelty, accepted_at) = match came {
                Came::New(at) => (id, Novelty::New, at),
                Came::Repeated(earlier, at) => (earlier, Novelty::Repeated, at),
                Came::UnknownOrg => return Err(PublishError::UnknownOrg(org)),
            };
            let mut matching = Matching::Owed;
            match matched {
                Some(matched) => match tokio::time::timeout_at(deadline, matched).await {
                    Ok(Ok(runs)) => matching = Matching::Done(runs),
                    Ok(Err(_)) => elsewhere.push(event),
                    Err(_) => {}
                },
                None => elsewhere.push(event),
            }
            published.push(PublishedEvent { event, novelty, accepted_at, matching });
        }
        if !elsewhere.is_empty() {
            let mut came_to = self.came_to(&elsewhere).await;
            for event in &mut published {
                if let Some(matching) = came_to.remove(&event.event) {
                    event.matching = matching;
                }
            }
        }
        for event in &published {
            let kind = match event.novelty {
                Novelty::New => Accepted::New,
                Novelty::Repeated => Accepted::Repeated,
            };
            self.metrics.events_accepted.at(kind).inc();
        }
        Ok(published)
    }

    /// What was made of events elsewhere.
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

/// What a publish weighs in a group.
fn weight(job: &Job) -> usize {
    let bytes = |event: &Accepting| event.event.data.len() + event.event.envelope.as_ref().map_or(0, Vec::len);
    gather::weight(job.events.len(), job.events.iter().map(bytes).sum())
}

/// The one writer of events in a scheduler. Has them matched, and never waits for that.
pub struct Acceptor {
    /// Where to.
    pub store: Store,
    /// Who matches them.
    pub matching: MatchingHandle,
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
            for ((events, accepted), reply) in publishes.iter().zip(accepted).zip(replies) {
                let committed = match accepted {
                    Ok(came) => Ok(self.committed(events, came).await),
                    Err(error) => Err(error),
                };
                // A caller that went away has published all the same.
                drop(reply.send(committed));
            }
        }
    }

    async fn committed(&self, events: &[Accepting], came: Vec<Came>) -> Vec<Committed> {
        let unmatched = |came| Committed { came, matched: None };
        failpoint!("events-accepted", came.into_iter().map(unmatched).collect());
        let committed = |(event, came): (&Accepting, Came)| match came {
            Came::New(_) => Committed { came, matched: Some(self.matching.new_event(&event.event.org, event.id)) },
            Came::Repeated(..) | Came::UnknownOrg => unmatched(came),
        };
        events.iter().zip(came).map(committed).collect()
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
