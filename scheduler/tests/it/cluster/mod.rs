//! Two schedulers side by side, and workers that speak their messages.

mod bad;
mod batches;
mod crew;
mod expired;
mod flood;
mod leases;
mod lost;
mod orgs;
mod repeats;
mod roads;
mod silent_stream;
mod steps;
mod unserved;
mod worker;

use std::time::Duration;

use piton_devstack::testing::TestNats;
use piton_scheduler::{
    engine::{Engine, Start, Started, Waited},
    server::{Scheduler, SchedulerOptions},
    store::RunRow,
};
use piton_shared::{ids::RunId, name::Queue};

pub(crate) use self::{
    crew::Crew,
    worker::{Worker, ask, insist},
};
use crate::{
    database::Database,
    making::{LONG, ORG, payload},
};

/// How long anything may take that is meant to happen soon.
pub(crate) const SOON: Duration = Duration::from_mins(1);

pub(crate) struct Cluster {
    pub(crate) db: Database,
    pub(crate) nats: TestNats,
    pub(crate) schedulers: Vec<Scheduler>,
}

impl Cluster {
    /// Leases that outlive every test, short looks.
    pub(crate) async fn new(label: &str) -> Self {
        Self::with(label, |_| {}).await
    }

    pub(crate) async fn with(label: &str, change: impl Fn(&mut SchedulerOptions)) -> Self {
        Self::on(Database::new(label).await, change).await
    }

    pub(crate) async fn on(db: Database, change: impl Fn(&mut SchedulerOptions)) -> Self {
        let nats = TestNats::start().await.expect("NATS starts");
        let mut schedulers = Vec::new();
        for _ in 0..2 {
            let mut options = SchedulerOptions::new(&*db.url, nats.url());
            options.lease = LONG;
            options.heartbeat = Duration::from_millis(100);
            options.sweep = Duration::from_millis(50);
            options.patience = Duration::from_millis(300);
            // What is published is matched when it is answered, on a busy machine as well.
            options.matching_awaited = SOON;
            change(&mut options);
            schedulers.push(Scheduler::start(options).await.expect("it starts"));
        }
        Self { db, nats, schedulers }
    }

    /// Either of them.
    pub(crate) fn engine(&self) -> Engine {
        self.schedulers[rand::random_range(0..self.schedulers.len())].engine()
    }

    pub(crate) async fn start(&self, input: &str) -> RunId {
        let started = self.engine().start(start(input)).await;
        started.expect("it is accepted").run
    }

    /// The run's row once it has ended; asked of either scheduler.
    pub(crate) async fn end(&self, run: RunId) -> RunRow {
        let waited = self.engine().wait(run, &ORG, SOON).await.expect("answered");
        match waited.expect("it is there") {
            Waited::Ended(row) => *row,
            Waited::Live(row) => panic!("it goes on: {row:#?}"),
        }
    }

    /// Everything stops in order, and nothing is left that should not be.
    pub(crate) async fn finish(self) {
        for scheduler in self.schedulers {
            tokio::time::timeout(SOON, scheduler.shutdown()).await.expect("it stops");
        }
        self.nats.stop().await.expect("it stops");
        self.db.finish().await;
    }
}

pub(crate) fn start(input: &str) -> Start {
    Start {
        org: ORG,
        workflow: "order".into(),
        input: payload(input),
        queue: Queue::DEFAULT,
        build: None,
        session: None,
        tags: Vec::new(),
        delay: None,
        key: None,
        trace: None,
    }
}

pub(crate) fn keyed(input: &str, key: &str) -> Start {
    Start { key: Some(key.into()), ..start(input) }
}

/// New runs, each state or so of them, by `wait`: what a run came to.
pub(crate) fn started(outcome: Result<Started, piton_scheduler::engine::StartError>) -> Started {
    outcome.expect("it is accepted")
}
