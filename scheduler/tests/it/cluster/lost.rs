//! Whatever NATS loses is found again in Postgres, and Postgres may go away for a while.

use std::time::Duration;

use piton_devstack::{Postgres, PostgresOptions};
use piton_scheduler::{engine::StartError, server::DirectGrants};
use piton_shared::{
    failure::Failure,
    ids::{Epoch, HoldId, RunId},
    message::{
        append::{AppendAnswer, Next},
        dispatch::{FinishAnswer, StepAnswer, StepAsk, StepEnding, StepGrant, StepTask},
        worker::Registered,
    },
    name::Queue,
    state::RunState,
    subject::Method,
    time::Timestamp,
};
use piton_transport::{Bus, BusOptions, WorkOptions, WorkStream};

use super::{Cluster, Crew, Worker, start, worker::insist};
use crate::{
    database::Database,
    making::{LONG, ORG, With, fresh, payload, register, until},
};

async fn stream(cluster: &Cluster) -> (Bus, WorkStream) {
    let bus = Bus::connect(BusOptions::new(cluster.nats.url(), "thief")).await.expect("NATS is there");
    let work = WorkStream::ensure(&bus, WorkOptions::default()).await.expect("it is there");
    (bus, work)
}

fn subject(bus: &Bus, run: RunId) -> String {
    bus.subjects().run(&ORG, &Queue::DEFAULT, None, run)
}

#[tokio::test]
async fn a_task_that_is_lost_spent_or_spoilt_is_published_again() {
    let cluster = Cluster::new("lost_tasks").await;
    cluster.db.worker().await;
    let (bus, work) = stream(&cluster).await;
    let (stolen, spoilt, spent) = (cluster.start("x").await, cluster.start("x").await, cluster.start("x").await);
    for run in [stolen, spoilt, spent] {
        until(async || work.last_of(&subject(&bus, run)).await.expect("looked").is_some()).await;
    }
    let stored = work.last_of(&subject(&bus, stolen)).await.expect("looked").expect("it is there");
    work.delete(stored.sequence).await.expect("it is gone");
    bus.publish_raw(&subject(&bus, spoilt), b"garbage".to_vec()).await.expect("sent");
    // A worker takes the third off the stream and is never seen again.
    let mut thief = Worker::join(&cluster).await;
    let mut taken = Vec::new();
    while !taken.contains(&spent) {
        let pull = thief.puller.pull(1, super::SOON, std::future::pending()).await.expect("delivered");
        for delivery in pull {
            delivery.ack().await.expect("acknowledged");
            taken.extend(delivery.task.ok().map(|task| task.run));
        }
    }
    for run in [stolen, spoilt, spent] {
        until(async || cluster.db.row(run).await.epoch > 1).await;
    }
    let mut worker = thief;
    let mut left = vec![stolen, spoilt, spent];
    while !left.is_empty() {
        let deliveries = worker.puller.pull(10, super::SOON, std::future::pending()).await.expect("delivered");
        for delivery in deliveries {
            delivery.ack().await.expect("acknowledged");
            let Ok(task) = delivery.task else { continue };
            let hold = crate::making::Hold {
                run: task.run,
                epoch: task.epoch,
                attempt: piton_shared::ids::AttemptId::new(crate::making::fresh()),
                worker: worker.id,
            };
            let answers = worker.claims(vec![hold.ask()]).await;
            if matches!(answers[..], [piton_shared::message::claim::ClaimAnswer::Granted(_)]) {
                let next = piton_shared::message::append::Next::Complete(crate::making::payload("x"));
                worker.appends(hold.append(1, next).append).await;
                left.retain(|run| *run != task.run);
            }
        }
    }
    cluster.finish().await;
}

#[tokio::test]
async fn a_task_that_only_waits_is_left_alone() {
    let cluster = Cluster::new("lost_waiting").await;
    cluster.db.worker().await;
    let run = cluster.start("x").await;
    let seen_waiting = async || -> bool {
        let seen = sqlx::query_scalar(include_str!("../sql/seen_waiting.sql")).bind(run.uuid());
        seen.fetch_one(&cluster.db.pool).await.expect("it is ready")
    };
    until(seen_waiting).await;
    assert_eq!(cluster.db.row(run).await.epoch, 1);
    let mut worker = Worker::join(&cluster).await;
    let grant = worker.takes().await.expect("granted");
    assert_eq!((grant.run, grant.epoch), (run, Epoch(1)));
    cluster.finish().await;
}

#[tokio::test]
async fn runs_go_on_after_nats_lost_everything() {
    let mut cluster = Cluster::new("lost_nats").await;
    let before: Vec<RunId> = {
        let mut runs = Vec::new();
        for number in 0..20 {
            runs.push(cluster.start(if number % 2 == 0 { "nap" } else { "x" }).await);
        }
        runs
    };
    cluster.nats.wipe().await.expect("it comes back empty");
    let crew = Crew::join(&cluster).await;
    for run in &before {
        assert_eq!(cluster.end(*run).await.state, RunState::Completed);
    }
    // Once more beside a worker that is at it, and with nothing that waits to be published.
    cluster.nats.wipe().await.expect("it comes back empty");
    let run = cluster.start("nap").await;
    assert_eq!(cluster.end(run).await.state, RunState::Completed);
    drop(crew);
    cluster.finish().await;
}

/// Pulls and claims until it holds so much. Where there is nothing to pull from it registers, which has it made.
async fn takes_steps(worker: &mut Worker, count: usize) -> Vec<StepGrant> {
    let mut grants = Vec::new();
    while grants.len() < count {
        let pull = worker.step_puller.pull(10, Duration::from_secs(1), std::future::pending());
        let Ok(deliveries) = pull.await else {
            let _: Registered = insist(&worker.bus, Method::Register, &register(worker.id)).await;
            continue;
        };
        let mut asks = Vec::new();
        for delivery in deliveries {
            let StepTask { dispatch, epoch } = delivery.task.as_ref().expect("it reads").clone();
            asks.push(StepAsk { dispatch, epoch, hold: HoldId::new(fresh()) });
            // Whether it is delivered again does not matter: it is stale then.
            drop(delivery.ack().await);
        }
        for answer in worker.claims_steps(asks).await {
            match answer {
                StepAnswer::Granted(grant) => grants.push(*grant),
                StepAnswer::Stale => {}
            }
        }
    }
    grants
}

#[tokio::test]
async fn steps_go_on_after_nats_lost_everything() {
    let mut cluster = Cluster::with("lost_nats_steps", |options| options.direct_grants = DirectGrants::Off).await;
    let mut worker = Worker::join(&cluster).await;
    cluster.start("x").await;
    let grant = worker.takes().await.expect("it is granted");
    let append = worker.hold(&grant).append(1, Next::Suspend { seen_outside: 0 }).with_step("a#1").with_step("b#1");
    assert_eq!(worker.appends(append.append).await, AppendAnswer::Accepted);
    let published = async || {
        let depths = cluster.db.store.step_depths(10).await.expect("read");
        depths.iter().map(|depth| depth.published).sum::<i64>()
    };
    until(async || published().await == 2).await;
    cluster.nats.wipe().await.expect("it comes back empty");
    let steps = takes_steps(&mut worker, 2).await;
    let (started_at, finished_at) = (Timestamp::from_micros(1), Timestamp::from_micros(2));
    let done = |step: &StepGrant| StepEnding::Done {
        outcome: Ok(payload("done")),
        try_number: step.try_number,
        started_at,
        finished_at,
    };
    assert_eq!(worker.finishes(&steps[..1], done).await, [FinishAnswer::Accepted]);
    // Once more with nothing that waits, and then something comes.
    cluster.nats.wipe().await.expect("it comes back empty");
    let again = |step: &StepGrant| StepEnding::Again {
        failure: Failure::new("declined"),
        try_number: step.try_number,
        started_at,
        finished_at,
        after: Duration::ZERO,
    };
    assert_eq!(worker.finishes(&steps[1..], again).await, [FinishAnswer::Accepted]);
    let second = takes_steps(&mut worker, 1).await;
    assert_eq!((&second[0].dispatch, second[0].try_number), (&steps[1].dispatch, 2));
    assert_eq!(worker.finishes(&second, done).await, [FinishAnswer::Accepted]);
    assert_eq!(cluster.db.journal(grant.run).await.len(), 2);
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn a_worker_registers_with_a_nats_that_is_empty() {
    let mut cluster = Cluster::new("lost_register").await;
    cluster.nats.wipe().await.expect("it comes back empty");
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    assert_eq!(worker.takes().await.expect("granted").run, run);
    cluster.finish().await;
}

#[tokio::test]
async fn nothing_accepted_is_lost_while_postgres_restarts() {
    let mut postgres = Postgres::start(PostgresOptions::throwaway()).await.expect("it starts");
    let cluster = Cluster::on(Database::on(&postgres, "lost_postgres").await, |_| {}).await;
    let crew = Crew::join(&cluster).await;
    let mut accepted = Vec::new();
    for _ in 0..10 {
        accepted.push(cluster.start("nap").await);
    }
    postgres.halt().await.expect("it stops");
    let refused = cluster.engine().start(start("x")).await;
    assert!(matches!(refused, Err(StartError::Store(_))), "{refused:?}");
    postgres.restart().await.expect("it starts");
    until(async || match cluster.engine().start(start("x")).await {
        Ok(_) => true,
        Err(StartError::Store(_)) => false,
        Err(error) => panic!("{error}"),
    })
    .await;
    let engine_up = async || cluster.engine().run(accepted[0], &ORG).await.is_ok();
    until(engine_up).await;
    for run in accepted {
        until(async || {
            let row = cluster.engine().run(run, &ORG).await;
            row.is_ok_and(|row| row.expect("it is there").state == RunState::Completed)
        })
        .await;
    }
    drop(crew);
    until(async || cluster.db.everything_ended().await).await;
    cluster.finish().await;
    postgres.stop().await.expect("it stops");
}

#[tokio::test]
async fn queued_runs_do_not_wait_out_their_patience_after_nats_lost_everything() {
    let mut cluster = Cluster::with("lost_patience", |options| options.patience = LONG).await;
    cluster.db.worker().await;
    let (_bus, work) = stream(&cluster).await;
    let mut runs = Vec::new();
    for _ in 0..40 {
        runs.push(cluster.start("x").await);
    }
    until(async || work.depth().await.expect("looked") == 40).await;
    cluster.nats.wipe().await.expect("it comes back empty");
    let crew = Crew::join(&cluster).await;
    for run in runs {
        assert_eq!(cluster.end(run).await.state, RunState::Completed);
    }
    drop(crew);
    cluster.finish().await;
}

#[tokio::test]
async fn published_steps_do_not_wait_out_their_patience_after_nats_lost_everything() {
    let mut cluster = Cluster::with("lost_patience_steps", |options| {
        options.direct_grants = DirectGrants::Off;
        options.patience = LONG;
    })
    .await;
    let mut worker = Worker::join(&cluster).await;
    cluster.start("x").await;
    let grant = worker.takes().await.expect("it is granted");
    let append = worker.hold(&grant).append(1, Next::Suspend { seen_outside: 0 }).with_step("a#1").with_step("b#1");
    assert_eq!(worker.appends(append.append).await, AppendAnswer::Accepted);
    let published = async || {
        let depths = cluster.db.store.step_depths(10).await.expect("read");
        depths.iter().map(|depth| depth.published).sum::<i64>()
    };
    until(async || published().await == 2).await;
    cluster.nats.wipe().await.expect("it comes back empty");
    assert_eq!(takes_steps(&mut worker, 2).await.len(), 2);
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}
