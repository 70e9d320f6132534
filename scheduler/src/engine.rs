//! What the doors (HTTP, command line, later events and webhooks) can ask of a scheduler.

use std::{sync::Arc, time::Duration};

use piton_shared::{
    ids::RunId,
    journal::Payload,
    message::batch::{BatchItem, BatchTerms},
    name::{Build, Org, Queue},
    state::RunState,
    time::Timestamp,
};

use piton_telemetry::metrics::SchedulerMetrics;
use piton_transport::{Bus, BusState};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    batch::BatchStarts,
    control::Controls,
    definition::Definitions,
    event::{EventHandle, NewEvent, PublishError, PublishedEvent},
    intake::IntakeHandle,
    look::{LookError, Looks},
    pulse::Pulse,
    schedule::Schedules,
    store::{RunRow, Served, Store, StoreError},
    wake::{Waiters, Waiting},
};

/// A run that somebody wants.
#[derive(Debug, Clone)]
pub struct Start {
    /// Whose.
    pub org: Org,
    /// The workflow's wire name, checked.
    pub workflow: String,
    /// Its input, encoded.
    pub input: Payload,
    /// The queue to publish it to.
    pub queue: Queue,
    /// The build it is bound to.
    pub build: Option<Build>,
    /// The session it belongs to.
    pub session: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// How long to wait before it begins.
    pub delay: Option<Duration>,
    /// The caller's idempotency key.
    pub key: Option<String>,
    /// Trace context, as W3C `traceparent`.
    pub trace: Option<String>,
}

/// A batch that somebody wants, as a run of its own.
#[derive(Debug, Clone)]
pub struct StartBatch {
    /// Whose.
    pub org: Org,
    /// The queue whose workers execute its items.
    pub queue: Queue,
    /// The build they must have.
    pub build: Option<Build>,
    /// The session it belongs to.
    pub session: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What it is; its queue is the one above.
    pub terms: BatchTerms,
    /// All its items.
    pub items: Vec<BatchItem>,
    /// The caller's idempotency key.
    pub key: Option<String>,
    /// Trace context, as W3C `traceparent`.
    pub trace: Option<String>,
}

/// A run that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// Where it stood when it was accepted, or stands now if it was there before.
    pub state: RunState,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Whether this start made it.
    pub novelty: Novelty,
    /// Whether a live worker has its workflow. Looked at only for a run that this start made.
    pub served: Served,
}

/// Whether a start made its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// It did.
    New,
    /// The idempotency key had made it before.
    Repeated,
}

/// Why a start made no run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The same idempotency key with another input.
    #[error("the idempotency key was used for run {run} with another workflow or input")]
    KeyConflict {
        /// The run that holds the key.
        run: RunId,
    },
    /// The org is not known.
    #[error("there is no org `{0}`")]
    UnknownOrg(Org),
    /// More starts wait than the bound allows.
    #[error("too many starts are waiting")]
    Full,
    /// The database is away, or refuses.
    #[error("failed to write the run")]
    Store(#[source] Arc<StoreError>),
}

/// What a kill came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killed {
    /// Committed, and its worker has applied it or is gone: no step of it starts any more.
    Confirmed,
    /// Committed: no result of it is accepted. Its worker has not confirmed within the time.
    Committed,
    /// It had ended before.
    Ended(RunState),
}

/// What a cancel came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It had not begun and is cancelled.
    Cancelled,
    /// The workflow sees it at its next await.
    Requested,
    /// It had ended before.
    Ended(RunState),
}

/// What a pause came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paused {
    /// Committed, and everybody who works on it has applied it or is gone: no new step of it starts.
    Confirmed,
    /// Committed: nothing of it is given to anybody. Not everybody who works on it has confirmed within the time.
    Committed,
    /// It was paused before.
    Before,
    /// It had ended before.
    Ended(RunState),
}

/// What a resume came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    /// It goes on, and stands here now.
    GoesOn(RunState),
    /// Nothing had stopped it: it is neither parked nor paused.
    Unstopped(RunState),
}

/// Whether the scheduler can do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reachable {
    /// It answers.
    Yes,
    /// It does not.
    No,
}

/// What stands between the scheduler and its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Postgres. Without it nothing is accepted.
    pub postgres: Reachable,
    /// NATS. Without it runs are accepted and wait.
    pub nats: Reachable,
}

/// The outcome of a run that was waited for.
#[derive(Debug, Clone)]
pub enum Waited {
    /// It ended.
    Ended(Box<RunRow>),
    /// It still goes on.
    Live(Box<RunRow>),
}

/// A caller's watch on a run.
#[derive(Debug)]
pub struct Watch {
    run: RunId,
    waiting: Waiting,
    past: Past,
}

impl Watch {
    /// Waits until an end of the run is announced: one that came before the watch began is not.
    pub async fn ended(&mut self) {
        self.waiting.end().await;
    }

    /// Whether an end was announced.
    pub fn has_ended(&self) -> bool {
        self.waiting.has_ended()
    }
}

/// Whether the run can have ended before it was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    /// It was watched from before it existed.
    Seen,
    /// It can: look first.
    Unknown,
}

/// A handle to everything the doors can ask. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    bus: Bus,
    intake: IntakeHandle,
    batches: BatchStarts,
    events: EventHandle,
    definitions: Definitions,
    schedules: Schedules,
    looks: Looks,
    pulse: Pulse,
    controls: Controls,
    waiters: Waiters,
    metrics: SchedulerMetrics,
}

impl Engine {
    #[expect(clippy::too_many_arguments, reason = "the parts of a scheduler, put together in one place")]
    pub(crate) fn new(
        store: Store,
        bus: Bus,
        intake: IntakeHandle,
        batches: BatchStarts,
        events: EventHandle,
        definitions: Definitions,
        looks: Looks,
        pulse: Pulse,
        controls: Controls,
        metrics: SchedulerMetrics,
    ) -> Self {
        let waiters = controls.waiters.clone();
        let schedules = Schedules::default();
        Self { store, bus, intake, batches, events, definitions, schedules, looks, pulse, controls, waiters, metrics }
    }

    /// The same engine, which says to this loop that a schedule was made or changed.
    #[must_use]
    pub(crate) fn with_schedules(self, schedules: Schedules) -> Self {
        Self { schedules, ..self }
    }

    /// Who fires schedules here, to be told of changes.
    pub(crate) fn schedules(&self) -> &Schedules {
        &self.schedules
    }

    /// Accepts a run; returns once it is committed.
    pub async fn start(&self, start: Start) -> Result<Started, StartError> {
        self.intake.start(self.intake.new_run(start)).await
    }

    /// Accepts a run whose end the caller wants: watched from before it exists, so that nothing has to be looked up first.
    pub async fn start_watched(&self, start: Start) -> Result<(Started, Watch), StartError> {
        let run = self.intake.new_run(start);
        let waiting = self.waiters.wait_for(run.id);
        let started = self.intake.start(run).await?;
        let watch = match started.novelty {
            Novelty::New => Watch { run: started.run, waiting, past: Past::Seen },
            Novelty::Repeated => self.watch(started.run),
        };
        Ok((started, watch))
    }

    /// Accepts a batch as a run of its own; returns once it is committed with all its items.
    pub async fn start_batch(&self, start: StartBatch) -> Result<Started, StartError> {
        self.batches.start(start).await
    }

    /// Accepts events: returns once they are committed, with what they started if that is committed too. The answers
    /// stand in the order of the events.
    pub async fn publish(&self, events: Vec<NewEvent>) -> Result<Vec<PublishedEvent>, PublishError> {
        self.events.publish(events).await
    }

    /// A fresh id by the database's clock.
    pub fn new_id(&self) -> Uuid {
        self.intake.new_id()
    }

    /// What workers have said of their definitions.
    pub fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// Begins to watch a run.
    pub fn watch(&self, run: RunId) -> Watch {
        Watch { run, waiting: self.waiters.wait_for(run), past: Past::Unknown }
    }

    /// One run of an org.
    pub async fn run(&self, run: RunId, org: &Org) -> Result<Option<RunRow>, LookError> {
        self.looks.run(run, org).await
    }

    /// Waits until a run ends or is parked, at most `up_to`: see [`Engine::wait_for`].
    pub async fn wait(&self, run: RunId, org: &Org, up_to: Duration) -> Result<Option<Waited>, LookError> {
        self.wait_for(self.watch(run), org, up_to).await
    }

    /// Waits until a watched run ends or is parked, at most `up_to`; a run that is parked waits for a person, and so would
    /// the caller. None when there is no such run.
    pub async fn wait_for(&self, mut watch: Watch, org: &Org, up_to: Duration) -> Result<Option<Waited>, LookError> {
        let until = Instant::now() + up_to;
        let run = watch.run;
        let look = async || {
            Ok::<_, LookError>(self.looks.run(run, org).await?.map(|row| {
                if row.state.is_terminal() { Waited::Ended(Box::new(row)) } else { Waited::Live(Box::new(row)) }
            }))
        };
        if watch.past == Past::Unknown {
            // Subscribed before this look, so an end in between is not missed.
            match look().await? {
                Some(Waited::Live(row)) if row.state != RunState::Parked => {}
                found => return Ok(found),
            }
        }
        // Whether it ended or the time is over: what it is by now is what the caller wants to know.
        drop(tokio::time::timeout_at(until, watch.waiting.end()).await);
        look().await
    }

    /// Asks a run to stop. None when there is no such run.
    pub async fn cancel(&self, run: RunId, org: &Org, reason: &str) -> Result<Option<Cancelled>, StoreError> {
        self.controls.cancel(run, org, reason).await
    }

    /// Kills a run and waits, at most `confirm_within`, until that is confirmed. None when there is no such run.
    pub async fn kill(&self, run: RunId, org: &Org, confirm_within: Duration) -> Result<Option<Killed>, StoreError> {
        self.controls.kill(run, org, confirm_within).await
    }

    /// Pauses a run and waits, at most `confirm_within`, until that is confirmed. None when there is no such run.
    pub async fn pause(&self, run: RunId, org: &Org, confirm_within: Duration) -> Result<Option<Paused>, StoreError> {
        self.controls.pause(run, org, confirm_within).await
    }

    /// Lets a run go on that is parked or paused. None when there is no such run.
    pub async fn resume(&self, run: RunId, org: &Org) -> Result<Option<Resumed>, StoreError> {
        self.controls.resume(run, org).await
    }

    /// Whether the scheduler can do its work.
    pub async fn health(&self) -> Health {
        let postgres = self.pulse.ask().await;
        let nats = match *self.bus.state().borrow() {
            BusState::Connected => Reachable::Yes,
            BusState::Disconnected | BusState::Closed => Reachable::No,
        };
        self.metrics.database_up.set(i64::from(postgres == Reachable::Yes));
        self.metrics.nats_up.set(i64::from(nats == Reachable::Yes));
        Health { postgres, nats }
    }

    /// What is counted, for the doors to count theirs.
    pub fn metrics(&self) -> &SchedulerMetrics {
        &self.metrics
    }

    /// What is counted, in Prometheus' text format.
    pub fn metrics_text(&self) -> String {
        self.metrics.render()
    }

    /// The database, over the connections for callers of the API.
    pub fn store(&self) -> &Store {
        &self.store
    }
}
