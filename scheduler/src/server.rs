//! A scheduler: everything above, put together.

mod options;

use piton_shared::{
    ids::{SchedulerId, uuid_v7},
    limits,
    name::NameError,
    subject::Subjects,
};
use piton_telemetry::metrics::{Group, SchedulerMetrics};
use piton_transport::{Bus, BusOptions, ConnectError, SendError, WorkError};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::options::{DirectGrants, SchedulerOptions};
use crate::{
    batch::{BatchStarts, Releases, Turns},
    control::Controls,
    definition::{Definer, Definitions},
    dispatch::{
        Backlog, Claims, Coverage, Giver, Giving, Granter, Publisher, Publishing, StepBacklog, StepClaims, StepGranter,
        ToWorkers, run_stream, step_stream,
    },
    engine::Engine,
    event::{Acceptor, EventHandle, Looker, MatchingHandle, NatsDoor},
    finish::Finisher,
    gather::Gatherer,
    intake::{Intake, IntakeHandle, Placing, RunClock},
    journal::Committer,
    lease::{Beats, Registrar, Roster, SilentSweeps, WorkerOrgs},
    look::{self, Looks},
    pulse::{self, Pulse},
    reach,
    rpc::Desk,
    schedule::{ScheduleLoop, Schedules},
    store::{Store, StoreError, StoreOptions},
    sweep::Sweeper,
    wake::{Teller, TimerLoop, Timers, Waiters},
};

/// Why a scheduler did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// The prefix is no name.
    #[error("the NATS prefix cannot be used")]
    Prefix(#[source] NameError),
    /// Postgres cannot be reached, or refuses.
    #[error("failed to connect to Postgres")]
    Postgres(#[source] StoreError),
    /// The database was not migrated for this version.
    #[error("the database's schema lacks {missing} migrations that this version needs")]
    Schema {
        /// How many.
        missing: usize,
    },
    /// NATS cannot be reached, or refuses.
    #[error("failed to connect to NATS")]
    Nats(#[source] ConnectError),
    /// A stream of tasks cannot be made.
    #[error("failed to make a stream of tasks")]
    Stream(#[source] WorkError),
    /// The subscriptions cannot be made.
    #[error("failed to subscribe to what workers ask")]
    Subscribe(#[source] SendError),
}

/// A running scheduler.
pub struct Scheduler {
    engine: Engine,
    stop: CancellationToken,
    tasks: TaskTracker,
    store: Store,
}

impl Scheduler {
    /// Connects and begins to work; waits for Postgres while it is away. The schema must be there: see [`Store::migrate`].
    pub async fn start(options: SchedulerOptions) -> Result<Self, StartupError> {
        // Everything that is made on the way lies in this future: too much for its caller's.
        Box::pin(Self::put_together(options)).await
    }

    async fn put_together(options: SchedulerOptions) -> Result<Self, StartupError> {
        let store = reach::reach(&StoreOptions::new(&*options.database_url)).await?;
        let subjects = Subjects::new(&*options.nats_prefix).map_err(StartupError::Prefix)?;
        let nats = BusOptions::new(&*options.nats_url, "piton-scheduler");
        let nats = BusOptions { inbox: subjects.own_inbox(), subjects, auth: options.nats_auth, ..nats };
        let bus = Bus::connect(nats).await.map_err(StartupError::Nats)?;
        let work = run_stream(&bus).await.map_err(StartupError::Stream)?;
        let clock = RunClock::default();
        clock.correct(&store).await.map_err(StartupError::Postgres)?;

        let scheduler = SchedulerId::new(uuid_v7(0, rand::random()));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let metrics = SchedulerMetrics::new();
        let roster = Roster::new(options.direct_grants, SilentSweeps::of(options.lease, options.sweep));
        let timers = Timers::default();
        let (waiters, ends) = Waiters::new();
        let orgs = WorkerOrgs::new(store.clone());
        let workers = ToWorkers::new(bus.clone(), orgs.clone());
        let granter = Granter { store: store.clone(), metrics: metrics.clone() };
        let (publisher, publishing) = Publisher::new(Publishing {
            work: work.clone(),
            subjects: bus.subjects().clone(),
            roster: roster.clone(),
            granter: granter.clone(),
            workers: workers.clone(),
            metrics: metrics.clone(),
        });
        let coverage = Coverage::new(store.clone());
        let backlog = Backlog::new(store.clone(), publisher.clone(), coverage.clone());
        let step_work = step_stream(&bus).await.map_err(StartupError::Stream)?;
        let step_backlog = StepBacklog::new(store.clone(), metrics.clone());
        let step_granter = StepGranter { store: store.clone(), metrics: metrics.clone() };
        let (giver, news) = Giver::new();
        let giving = Giving {
            store: store.clone(),
            work: step_work.clone(),
            subjects: bus.subjects().clone(),
            roster: roster.clone(),
            granter: step_granter.clone(),
            backlog: step_backlog.clone(),
            coverage: coverage.clone(),
            workers: workers.clone(),
            metrics: metrics.clone(),
        };
        tasks.spawn(giving.run(news));
        let teller = Teller { store: store.clone(), publisher: publisher.clone(), workers: workers.clone() };

        tasks.spawn(publishing);
        tasks.spawn(ends.run(bus.clone()));

        let (intake, starts) = IntakeHandle::new(clock.clone(), metrics.clone());
        let placing = Placing {
            roster: roster.clone(),
            backlog: backlog.clone(),
            publisher: publisher.clone(),
            workers: workers.clone(),
            coverage,
        };
        let committer = Intake {
            store: store.clone(),
            placing: placing.clone(),
            window: options.dedupe_window,
            metrics: metrics.clone(),
        };
        tasks.spawn(committer.run(starts));

        // Starts and publishers read: they must not take connections from control loops, nor matching wait for theirs.
        let callers = store.for_callers();
        let definitions = Definitions::new(callers.clone());
        let looker = Looker::new(
            store.clone(),
            placing.clone(),
            definitions.over(store.clone()),
            clock.clone(),
            metrics.clone(),
        );
        let (matching, matches) = MatchingHandle::new(looker);
        tasks.spawn(matches.run(stop.clone()));
        let (events, published) =
            EventHandle::new(callers.clone(), clock.clone(), options.matching_awaited, metrics.clone());
        let acceptor = Acceptor {
            store: store.clone(),
            matching: matching.clone(),
            window: options.dedupe_window,
            metrics: metrics.clone(),
        };
        tasks.spawn(acceptor.run(published));
        let (looks, jobs) = Looks::new(metrics.clone());
        tasks.spawn(look::look(callers.clone(), jobs));
        let (pulse, asked) = Pulse::new();
        tasks.spawn(pulse::feel(store.clone(), asked));

        let (releases, releasing) = Releases::new();
        let (appends, jobs) = mpsc::channel(limits::COMMIT_WAITING);
        let committer = Committer {
            store: store.clone(),
            waiters: waiters.clone(),
            roster: roster.clone(),
            timers: timers.clone(),
            releases: releases.clone(),
            giver: giver.clone(),
            metrics: metrics.clone(),
        };
        let gathered = Gatherer::new(jobs, limits::COMMIT_ROWS, metrics.clone(), Group::Append);
        tasks.spawn(committer.clone().run(gathered));
        // Those that wait for locks have a committer of their own: nobody else waits with them.
        let (apart, jobs) = mpsc::channel(limits::COMMIT_WAITING);
        tasks.spawn(committer.run(Gatherer::new(jobs, limits::COMMIT_ROWS, metrics.clone(), Group::AppendApart)));

        let turns = Turns {
            store: store.clone(),
            roster: roster.clone(),
            teller: teller.clone(),
            giver: giver.clone(),
            waiters: waiters.clone(),
            metrics: metrics.clone(),
        };
        tasks.spawn(releasing.run(turns.clone()));
        let (finishes, jobs) = mpsc::channel(limits::COMMIT_WAITING);
        let committer = Finisher {
            store: store.clone(),
            teller: teller.clone(),
            giver: giver.clone(),
            roster: roster.clone(),
            backlog: step_backlog.clone(),
            timers: timers.clone(),
            turns,
            releases: releases.clone(),
            metrics: metrics.clone(),
        };
        tasks.spawn(committer.run(Gatherer::new(jobs, limits::COMMIT_ROWS / 4, metrics.clone(), Group::Finish)));

        let (beats, jobs) = mpsc::channel(limits::COMMIT_WAITING);
        let committer = Beats { store: store.clone(), roster: roster.clone(), lease: options.lease };
        tasks.spawn(committer.run(Gatherer::new(jobs, limits::COMMIT_ROWS, metrics.clone(), Group::Heartbeat)));

        let registrar = Registrar {
            store: store.clone(),
            work: work.clone(),
            step_work: step_work.clone(),
            roster: roster.clone(),
            publisher: publisher.clone(),
            giver: giver.clone(),
            scheduler,
            lease: options.lease,
            heartbeat: options.heartbeat,
        };
        let claims = Claims {
            store: store.clone(),
            roster: roster.clone(),
            publisher: publisher.clone(),
            backlog: backlog.clone(),
            granter,
        };
        let step_claims = StepClaims {
            store: store.clone(),
            roster: roster.clone(),
            backlog: step_backlog.clone(),
            granter: step_granter,
        };
        let desk = Desk {
            bus: bus.clone(),
            scheduler,
            orgs,
            registrar,
            definer: Definer { store: callers.clone(), definitions: definitions.clone() },
            claims,
            step_claims,
            appends,
            apart,
            finishes,
            beats,
            waiters: waiters.clone(),
        };
        desk.open(&tasks, &stop).await.map_err(StartupError::Subscribe)?;
        let nats = NatsDoor { bus: bus.clone(), events: events.clone() };
        nats.open(&tasks, &stop).await.map_err(StartupError::Subscribe)?;

        let timer_loop = TimerLoop {
            store: store.clone(),
            teller: teller.clone(),
            backlog: backlog.clone(),
            giver: giver.clone(),
            timers,
            metrics: metrics.clone(),
            every: options.sweep,
        };
        tasks.spawn(timer_loop.run(stop.clone()));
        let sweeper = Sweeper {
            store: store.clone(),
            work,
            step_work,
            bus: bus.clone(),
            workers,
            publisher,
            backlog,
            giver: giver.clone(),
            step_backlog,
            waiters: waiters.clone(),
            roster,
            clock: clock.clone(),
            releases: releases.clone(),
            matching,
            metrics: metrics.clone(),
            every: options.sweep,
            lease: options.lease,
            patience: options.patience,
        };
        tasks.spawn(sweeper.run(stop.clone()));
        let teller = Teller { store: callers.clone(), ..teller };
        let controls = Controls { teller, giver, waiters, releases: releases.clone() };
        let schedules = Schedules::default();
        let schedule_loop = ScheduleLoop {
            store: store.clone(),
            placing,
            clock: clock.clone(),
            controls: controls.clone(),
            definitions: definitions.clone(),
            schedules: schedules.clone(),
            metrics: metrics.clone(),
        };
        tasks.spawn(schedule_loop.run(stop.clone()));
        tasks.close();
        tracing::info!(%scheduler, "scheduler started");
        let batches = BatchStarts { store: callers.clone(), clock, releases, window: options.dedupe_window };
        let engine = Engine::new(callers, bus, intake, batches, events, definitions, looks, pulse, controls, metrics)
            .with_schedules(schedules);
        Ok(Self { engine, stop, tasks, store })
    }

    /// What the doors can ask of it.
    pub fn engine(&self) -> Engine {
        self.engine.clone()
    }

    /// Stops taking requests, answers those it has, and closes its connections. Every [`Engine`] that was handed
    /// out must be gone, or starts through it fail.
    pub async fn shutdown(self) {
        self.stop.cancel();
        drop(self.engine);
        self.tasks.wait().await;
        self.store.close().await;
        tracing::info!("scheduler stopped");
    }
}
