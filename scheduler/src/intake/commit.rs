//! The group commit of starts.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use piton_shared::{limits, time::Timestamp};
use piton_telemetry::metrics::{Group, SchedulerMetrics};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{Placing, RunClock};
use crate::{
    engine::{Novelty, Start, StartError, Started},
    gather::Gatherer,
    halve::{self, halving},
    store::{Accepted, NewRun, Placement, Served, Store, StoreError},
};

type Outcome = Result<Started, StartError>;

/// A start that waits for its commit.
#[derive(Debug)]
pub struct Job {
    run: NewRun,
    reply: oneshot::Sender<Outcome>,
}

/// Where doors hand starts in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct IntakeHandle {
    jobs: mpsc::Sender<Job>,
    clock: RunClock,
}

impl IntakeHandle {
    /// A handle, and the jobs that come through it.
    pub fn new(clock: RunClock, metrics: SchedulerMetrics) -> (Self, Gatherer<Job>) {
        let (send, receive) = mpsc::channel(limits::COMMIT_WAITING);
        (Self { jobs: send, clock }, Gatherer::new(receive, limits::COMMIT_ROWS / 2, metrics, Group::Intake))
    }

    /// Accepts a run: returns after the commit.
    pub async fn start(&self, run: NewRun) -> Outcome {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Job { run, reply }).map_err(|_| StartError::Full)?;
        answer.await.unwrap_or(Err(StartError::Full))
    }

    /// A fresh id by the database's clock.
    pub fn new_id(&self) -> Uuid {
        self.clock.run_id().uuid()
    }

    /// The run that a start asks for, with its id: who wants its end can subscribe before it exists.
    pub fn new_run(&self, start: Start) -> NewRun {
        let print = start.key.as_ref().map(|_| fingerprint(&start));
        let id = self.clock.run_id();
        NewRun {
            id,
            org: start.org,
            workflow: start.workflow,
            queue: start.queue,
            build: start.build,
            session: start.session,
            tags: start.tags,
            input: start.input,
            trace: start.trace,
            placement: Placement::Backlog,
            not_before: start.delay.filter(|delay| !delay.is_zero()).map(|delay| begin(id, delay)),
            key: start.key.zip(print),
        }
    }
}

/// What starts are sorted by; those without a key keep their order.
fn order(run: &NewRun) -> Option<(&str, &str)> {
    run.key.as_ref().map(|(key, _)| (run.org.as_str(), key.as_str()))
}

/// When a delayed run may begin: its id carries the database's time.
fn begin(id: piton_shared::ids::RunId, delay: Duration) -> Timestamp {
    let now = id.uuid().get_timestamp().map_or(Timestamp::EPOCH, |time| {
        let (seconds, nanos) = time.to_unix();
        Timestamp::EPOCH.plus(Duration::new(seconds, nanos))
    });
    now.plus(delay)
}

/// Tells whether the same key asks for the same thing. Every part is preceded by its length.
fn fingerprint(start: &Start) -> Vec<u8> {
    let mut hash = Sha256::new();
    let queue = start.queue.to_string();
    let build = start.build.as_ref().map_or("", |build| build.as_str());
    let session = start.session.as_deref().unwrap_or("");
    for part in [start.workflow.as_bytes(), &start.input, queue.as_bytes(), build.as_bytes(), session.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    // Only where there is one: keys that were used before delays counted stand for the same requests as ever.
    if let Some(delay) = start.delay.filter(|delay| !delay.is_zero()) {
        hash.update(delay.as_nanos().to_be_bytes());
    }
    hash.finalize().to_vec()
}

/// The one writer of starts in a scheduler.
pub struct Intake {
    /// Where to.
    pub store: Store,
    /// Where runs go first.
    pub placing: Placing,
    /// How long idempotency keys are remembered.
    pub window: Duration,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
}

impl Intake {
    /// Commits until every handle is gone.
    pub async fn run(self, mut jobs: Gatherer<Job>) {
        while let Some(mut batch) = jobs.next(|job| job.run.weight()).await {
            for job in &mut batch {
                job.run.placement = self.placing.place(&job.run);
            }
            // One order of locks for everybody: by key.
            batch.sort_by(|one, two| order(&one.run).cmp(&order(&two.run)));
            let (mut runs, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.run, job.reply)).unzip();
            self.placing.set_aside(&mut runs).await;
            let began = Instant::now();
            let outcomes = halving(&self, &runs).await;
            jobs.committed(runs.len(), began);
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                // A caller that went away has its run all the same.
                drop(reply.send(outcome));
            }
        }
    }

    async fn outcomes(&self, runs: &[NewRun], accepted: &HashMap<piton_shared::ids::RunId, Accepted>) -> Vec<Outcome> {
        let missing: Vec<_> = runs
            .iter()
            .filter(|run| !accepted.contains_key(&run.id))
            .filter_map(|run| run.key.as_ref().map(|(key, _)| (run.org.to_string(), key.clone())))
            .collect();
        let holders = if missing.is_empty() { Ok(Vec::new()) } else { self.store.start_keys_look(&missing).await };
        let holders = holders.map_err(Arc::new);
        let outcome = |run: &NewRun| {
            if let Some(found) = accepted.get(&run.id) {
                return Ok(Started {
                    run: run.id,
                    state: found.state,
                    created_at: found.created_at,
                    novelty: Novelty::New,
                    served: match run.placement {
                        Placement::Unserved => Served::No,
                        Placement::Held { .. } | Placement::Queued | Placement::Backlog => Served::Yes,
                    },
                });
            }
            let holders = holders.as_ref().map_err(|error| StartError::Store(error.clone()))?;
            let (key, print) = run.key.as_ref().ok_or_else(|| StartError::UnknownOrg(run.org.clone()))?;
            let holder = holders
                .iter()
                .find(|holder| holder.key == *key && holder.org == run.org.as_str())
                // Its window ended between the two statements: the caller asks again.
                .ok_or(StartError::Full)?;
            if holder.fingerprint != *print {
                return Err(StartError::KeyConflict { run: holder.run });
            }
            Ok(Started {
                run: holder.run,
                state: holder.state,
                created_at: holder.created_at,
                novelty: Novelty::Repeated,
                served: Served::Yes,
            })
        };
        runs.iter().map(outcome).collect()
    }
}

impl halve::Group for Intake {
    type Row = NewRun;
    type Outcome = Outcome;

    async fn write(&self, runs: &[NewRun]) -> Result<Vec<Outcome>, StoreError> {
        let accepted = self.store.intake(runs, self.window).await?;
        let accepted: HashMap<_, _> = accepted.into_iter().map(|run| (run.run, run)).collect();
        self.metrics.runs_started.add(accepted.len() as u64);
        self.placing.hand_on(runs, &accepted).await;
        Ok(self.outcomes(runs, &accepted).await)
    }

    fn refused(&self, run: &NewRun, error: StoreError) -> Outcome {
        tracing::warn!(workflow = run.workflow, error = &error as &dyn std::error::Error, "a run was refused");
        self.placing.give_back(run);
        Err(StartError::Store(Arc::new(error)))
    }

    fn unknown(&self, runs: &[NewRun], error: StoreError) -> Vec<Outcome> {
        tracing::warn!(error = &error as &dyn std::error::Error, runs = runs.len(), "runs were not accepted");
        self.metrics.commit_unavailable.at(Group::Intake).inc();
        for run in runs {
            self.placing.give_back(run);
        }
        let error = Arc::new(error);
        runs.iter().map(|_| Err(StartError::Store(Arc::clone(&error)))).collect()
    }
}
