//! A stack and workers, in this process.

use std::{future::Future, time::Duration};

use piton::{Worker, WorkerBuilder, WorkerOptions};
use piton_devstack::{Nats, NatsOptions, Postgres, PostgresOptions};
use piton_scheduler::{
    engine::{Engine, Start, Waited},
    server::{DirectGrants, Scheduler, SchedulerOptions},
    store::{RunRow, Store, StoreOptions},
};
use piton_shared::{
    codec,
    ids::RunId,
    name::{Org, Queue},
    state::RunState,
};
use serde::Serialize;
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};

pub(crate) const ORG: Org = Org::DEFAULT;
/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Postgres, NATS and a scheduler.
pub(crate) struct Stack {
    pub(crate) scheduler: Option<Scheduler>,
    pub(crate) engine: Engine,
    pub(crate) postgres: Postgres,
    pub(crate) nats: Nats,
    direct: DirectGrants,
}

/// A worker that runs.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), piton::RunError>>,
}

impl Running {
    /// Tells it to stop, and waits until it has left.
    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("it runs");
        self.task.await.expect("it does not panic").expect("it ends well");
    }

    /// Drops everything of it without a word, as a crash does.
    pub(crate) async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::start_with(DirectGrants::On).await
    }

    pub(crate) async fn start_with(direct: DirectGrants) -> Self {
        let postgres = Postgres::start(PostgresOptions::throwaway()).await.expect("Postgres starts");
        let nats = Nats::start(NatsOptions::throwaway()).await.expect("NATS starts");
        let store = Store::connect(&StoreOptions::new(postgres.url())).await.expect("Postgres answers");
        store.migrate().await.expect("the migrations run");
        store.close().await;
        let scheduler = schedule(&postgres, &nats, direct).await;
        Self { engine: scheduler.engine(), scheduler: Some(scheduler), postgres, nats, direct }
    }

    /// Another scheduler beside the first.
    pub(crate) async fn another_scheduler(&self) -> Scheduler {
        schedule(&self.postgres, &self.nats, self.direct).await
    }

    pub(crate) fn options(&self) -> WorkerOptions {
        WorkerOptions { url: self.nats.url(), drain: Duration::from_secs(10), ..WorkerOptions::default() }
    }

    pub(crate) async fn work(&self, builder: WorkerBuilder) -> Running {
        self.work_with(builder, self.options()).await
    }

    pub(crate) async fn work_with(&self, builder: WorkerBuilder, options: WorkerOptions) -> Running {
        let worker: Worker = builder.options(options).build().expect("it fits together");
        let connected = worker.connect().await.expect("NATS answers");
        let (stop, stopped) = oneshot::channel();
        let run = connected.run_until(async {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        Running { stop, task: tokio::spawn(run) }
    }

    pub(crate) async fn begin<I: Serialize>(&self, workflow: &str, input: &I) -> RunId {
        let start = Start {
            org: ORG,
            workflow: workflow.to_owned(),
            input: codec::encode(input).expect("it encodes"),
            queue: Queue::DEFAULT,
            build: None,
            session: None,
            tags: Vec::new(),
            delay: None,
            key: None,
            trace: None,
        };
        self.engine.start(start).await.expect("it is accepted").run
    }

    /// The run once it has ended.
    pub(crate) async fn ended(&self, run: RunId) -> RunRow {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.engine.wait(run, &ORG, Duration::from_secs(5)).await {
                Ok(Some(Waited::Ended(row))) => return *row,
                Ok(Some(Waited::Live(row))) => assert!(Instant::now() < until, "it does not end: {row:?}"),
                Ok(None) => panic!("there is no run {run}"),
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
        }
    }

    /// The run once it stands there.
    pub(crate) async fn reaches(&self, run: RunId, state: RunState) -> RunRow {
        let row = async || {
            let row = self.engine.run(run, &ORG).await.ok().flatten()?;
            (row.state == state).then_some(row)
        };
        eventually(&format!("run {run} to be {state}"), row).await
    }

    pub(crate) async fn result<T: serde::de::DeserializeOwned>(&self, run: RunId) -> T {
        let row = self.ended(run).await;
        assert_eq!(row.state, RunState::Completed, "{row:?}");
        codec::decode(&row.result.expect("a completed run has a result")).expect("it is what the workflow returned")
    }
}

async fn schedule(postgres: &Postgres, nats: &Nats, direct_grants: DirectGrants) -> Scheduler {
    let options = SchedulerOptions {
        direct_grants,
        matching_awaited: PATIENCE,
        ..SchedulerOptions::new(postgres.url(), nats.url())
    };
    Scheduler::start(options).await.expect("the scheduler starts")
}

/// Looks until it is there.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < until, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
