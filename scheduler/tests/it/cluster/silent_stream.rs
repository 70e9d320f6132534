//! A stream that does not answer holds up nothing that needs no stream.

use piton_devstack::testing::TestNats;
use piton_scheduler::{
    dispatch::{Granter, Publisher, Publishing, ToWorkers},
    lease::{Roster, SilentSweeps, WorkerOrgs},
    server::DirectGrants,
    store::{Placement, Published},
};
use piton_shared::{
    ids::{Epoch, RunId},
    limits,
    message::{
        claim::Company,
        wake::ToWorker,
        worker::{Heartbeat, Intent},
    },
    name::Queue,
    state::RunState,
};
use piton_telemetry::metrics::SchedulerMetrics;
use piton_transport::{Bus, BusOptions, WorkOptions, WorkStream};

use super::SOON;
use crate::{
    database::Database,
    making::{LONG, ORG, register},
};

fn published(run: RunId, workflow: Option<&str>) -> Published {
    Published {
        run,
        org: ORG,
        workflow: workflow.map(str::to_owned),
        queue: Queue::DEFAULT,
        build: None,
        epoch: Epoch(1),
        company: Company::Shared,
        state: RunState::Queued,
    }
}

#[tokio::test]
async fn a_direct_grant_does_not_wait_for_a_publish_that_nobody_acknowledges() {
    let db = Database::new("silent_stream").await;
    let nats = TestNats::start().await.expect("NATS starts");
    let bus = Bus::connect(BusOptions::new(nats.url(), "scheduler")).await.expect("NATS is there");
    let work = WorkStream::ensure(&bus, WorkOptions::default()).await.expect("it is there");
    // In the stream's place somebody listens who never answers: so does JetStream without a leader.
    let delete = format!("$JS.API.STREAM.DELETE.{}", bus.subjects().run_stream());
    bus.request_raw(&delete, Vec::new(), SOON, None).await.expect("it is deleted");
    let mut hole = bus.serve(&bus.subjects().run_stream_subjects(), None).await.expect("it listens");

    let worker = db.worker().await;
    let roster = Roster::new(DirectGrants::On, SilentSweeps::of(LONG, limits::SWEEP));
    roster.registered(&register(worker));
    let beat = Heartbeat {
        worker,
        number: 1,
        intent: Intent::Working,
        free_runs: 1,
        free_steps: 1,
        control_applied: 0,
        under_way: Vec::new(),
    };
    roster.beat(&beat, roster.given(worker));
    let mut told = bus.serve(&bus.subjects().worker(&ORG, worker), None).await.expect("it listens");
    let metrics = SchedulerMetrics::new();
    let (publisher, publishing) = Publisher::new(Publishing {
        work,
        subjects: bus.subjects().clone(),
        roster,
        granter: Granter { store: db.store.clone(), metrics: metrics.clone() },
        workers: ToWorkers::new(bus.clone(), WorkerOrgs::new(db.store.clone())),
        metrics: metrics.clone(),
    });
    let publishing = tokio::spawn(publishing);

    publisher.publish(vec![published(db.accept(Placement::Queued).await, None)]);
    let task = tokio::time::timeout(SOON, hole.next()).await.expect("it is published");
    assert!(task.is_some(), "the connection stands");
    let run = db.accept(Placement::Queued).await;
    publisher.publish(vec![published(run, Some("order"))]);
    let received = tokio::time::timeout(SOON, told.next()).await.expect("it is told something");
    let ToWorker::Granted { grants, .. } = received.expect("the connection stands").open().expect("it reads") else {
        panic!("no grant")
    };
    assert_eq!(grants[0].run, run);
    let counted = metrics.render();
    let failed = |line: &&str| line.starts_with("piton_tasks_published_total{") && line.contains("failed");
    let failed = counted.lines().find(failed).expect("it is counted");
    assert!(failed.ends_with(" 0"), "the publish is awaited no more: {failed}");

    drop(publisher);
    tokio::time::timeout(SOON, publishing).await.expect("it ends").expect("it ran");
    nats.stop().await.expect("it stops");
    db.finish().await;
}
