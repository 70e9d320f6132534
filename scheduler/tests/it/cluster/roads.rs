//! The roads of a run, each request to either scheduler.

use std::{collections::HashSet, time::Duration};

use piton_scheduler::{
    engine::{Cancelled, Health, Killed, Novelty, Reachable, Start, StartError, Waited},
    server::DirectGrants,
};
use piton_shared::{
    message::{
        Answer,
        append::{AppendAnswer, Next},
        read::{More, Part, Read, ReadAnswer},
        wake::ToWorker,
        worker::Standing,
    },
    name::Org,
    state::RunState,
    subject::Method,
    time::Timestamp,
};

use super::{Cluster, Crew, SOON, Worker, keyed, start, started};
use crate::making::{ORG, With, payload};

#[tokio::test]
async fn a_run_is_handed_straight_to_a_worker_with_room_and_awaited() {
    let cluster = Cluster::new("roads_direct").await;
    let mut worker = Worker::join(&cluster).await;
    // Each scheduler grants to those that beat to it.
    let home = async |cluster: &Cluster| {
        for scheduler in &cluster.schedulers {
            let run = started(scheduler.engine().start(start("x")).await);
            if run.state == RunState::Running {
                return run.run;
            }
        }
        panic!("nobody granted");
    };
    assert_eq!(worker.beats(3).await, Standing::Renewed { controls: Vec::new() });
    let run = home(&cluster).await;
    let grant = worker.granted().await;
    assert_eq!((grant.run, grant.input.as_deref()), (run, Some(&payload("x")[..])));
    assert_ne!(grant.attempt.uuid(), run.uuid(), "whoever knows the run's id must not know its fencing token");
    let waiting = {
        let engines: Vec<_> = cluster.schedulers.iter().map(piton_scheduler::server::Scheduler::engine).collect();
        tokio::spawn(async move {
            let waits = engines.iter().map(|engine| engine.wait(run, &ORG, SOON));
            futures::future::join_all(waits).await
        })
    };
    let done = worker.hold(&grant).append(1, Next::Complete(payload("done"))).with_rows(1, &["a#1"]);
    assert_eq!(worker.appends(done.append).await, AppendAnswer::Accepted);
    for waited in waiting.await.expect("it ran") {
        let Some(Waited::Ended(row)) = waited.expect("answered") else { panic!("it goes on") };
        assert_eq!((row.state, row.result), (RunState::Completed, Some(payload("done"))));
    }
    assert!(cluster.engine().wait(super::RunId::new(uuid::Uuid::nil()), &ORG, SOON).await.expect("answered").is_none());
    cluster.finish().await;
}

#[tokio::test]
async fn a_run_goes_over_the_stream_when_nobody_has_room() {
    let cluster = Cluster::new("roads_stream").await;
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let Waited::Live(row) = cluster.engine().wait(run, &ORG, Duration::ZERO).await.expect("answered").expect("there")
    else {
        panic!("it has ended")
    };
    assert_eq!(row.state, RunState::Queued);
    let grant = worker.takes().await.expect("granted");
    assert_eq!(grant.run, run);
    let hold = worker.hold(&grant);
    assert_eq!(worker.appends(hold.rows(1, &["a#1"]).append).await, AppendAnswer::Accepted);
    let read = async |part| {
        let read = Read { worker: worker.id, run, attempt: hold.attempt, part };
        match worker.ask(Method::Read, &read).await {
            Answer::Done(answer) => answer,
            answer @ (Answer::Refused(_) | Answer::Unavailable { .. }) => panic!("{answer:?}"),
        }
    };
    assert_eq!(read(Part::Input).await, ReadAnswer::Input(payload("x")));
    let ReadAnswer::Entries { entries, more } = read(Part::Journal { after: None }).await else { panic!("no entries") };
    assert_eq!((entries.len(), more), (1, More::End));
    let done = hold.append(1, Next::Complete(payload("x")));
    assert_eq!(worker.appends(done.append).await, AppendAnswer::Accepted);
    assert_eq!(read(Part::Input).await, ReadAnswer::Fenced);
    assert_eq!(cluster.end(run).await.state, RunState::Completed);
    cluster.finish().await;
}

#[tokio::test]
async fn a_sleeping_run_leaves_memory_and_comes_back() {
    let cluster = Cluster::new("roads_sleep").await;
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let grant = worker.takes().await.expect("granted");
    let nap = Duration::from_millis(100);
    let hold = worker.hold(&grant);
    let append = hold.append(1, Next::Suspend { seen_outside: 0 }).with_rows(1, &["a#1"]).with_sleep("s#1", nap);
    assert_eq!(worker.appends(append.append).await, AppendAnswer::Accepted);
    let grant = worker.takes().await.expect("granted");
    assert_eq!((grant.run, grant.epoch.0, grant.outside), (run, 2, 1));
    let keys: Vec<_> = grant.entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["a#1", "s#1"]);
    let slept = grant.entries[1].finished_at.since(grant.entries[1].started_at);
    assert!(slept >= nap, "{slept:?}");
    let done = worker.hold(&grant).append(1, Next::Complete(payload("x")));
    assert_eq!(worker.appends(done.append).await, AppendAnswer::Accepted);
    cluster.finish().await;
}

#[tokio::test]
async fn a_holder_is_woken_by_timer_and_cancel_in_their_order() {
    let cluster = Cluster::new("roads_wake").await;
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let grant = worker_grant(&mut worker).await;
    let hold = worker.hold(&grant);
    let sleep = hold.append(1, Next::GoOn).with_sleep("s#1", Duration::from_millis(30));
    assert_eq!(worker.appends(sleep.append).await, AppendAnswer::Accepted);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let ToWorker::Wake { run: woken, attempt, entries } = worker.hears().await else { panic!("no wake") };
        assert_eq!((woken, attempt), (run, hold.attempt));
        keys.extend(entries.iter().map(|entry| entry.key.as_str().to_owned()));
        if keys.len() == 1 {
            let cancelled = cluster.engine().cancel(run, &ORG, "stop").await.expect("answered");
            assert_eq!(cancelled, Some(Cancelled::Requested));
        }
    }
    assert_eq!(keys, ["s#1", "cancel#1"]);
    let suspend = hold.append(2, Next::Suspend { seen_outside: 0 });
    let AppendAnswer::Overtaken { outside } = worker.appends(suspend.append).await else { panic!("not overtaken") };
    assert_eq!(outside.len(), 2);
    let failure = piton_shared::failure::Failure::cancelled();
    assert_eq!(worker.appends(hold.append(3, Next::Cancel(failure)).append).await, AppendAnswer::Accepted);
    assert_eq!(cluster.end(run).await.state, RunState::Cancelled);
    cluster.finish().await;
}

async fn worker_grant(worker: &mut Worker) -> piton_shared::message::claim::Grant {
    worker.takes().await.expect("granted")
}

#[tokio::test]
async fn a_hundred_starts_of_one_key_through_two_doors_are_one_run() {
    let cluster = Cluster::new("roads_key").await;
    let starts = (0..100).map(|_| {
        let engine = cluster.engine();
        async move { started(engine.start(keyed("x", "order-7")).await) }
    });
    let all = futures::future::join_all(starts).await;
    let runs: HashSet<_> = all.iter().map(|one| one.run).collect();
    assert_eq!(runs.len(), 1);
    assert_eq!(all.iter().filter(|one| one.novelty == Novelty::New).count(), 1);
    let other = cluster.engine().start(keyed("another input", "order-7")).await;
    assert!(matches!(other, Err(StartError::KeyConflict { run }) if runs.contains(&run)));
    // Of orgs in any order, with and without keys: one commit sorts them all.
    let mixed = (0..200).map(|number: usize| {
        let engine = cluster.engine();
        let known = number.is_multiple_of(3);
        let org = if known { ORG } else { Org::new(format!("org{}", number % 7)).expect("a name") };
        let start = Start { org, key: number.is_multiple_of(2).then(|| format!("k{}", number % 11)), ..start("x") };
        async move { (known, engine.start(start).await) }
    });
    for (known, outcome) in futures::future::join_all(mixed).await {
        assert_eq!(outcome.is_ok(), known, "{outcome:?}");
    }
    cluster.finish().await;
}

#[tokio::test]
async fn a_delayed_start_waits_for_its_time() {
    let cluster = Cluster::new("roads_delay").await;
    let _crew = Crew::join(&cluster).await;
    let delay = Duration::from_millis(400);
    let run = started(cluster.engine().start(Start { delay: Some(delay), ..start("x") }).await);
    assert_eq!(run.state, RunState::Backlog);
    let row = cluster.end(run.run).await;
    // It counts from the request, whose time the id carries.
    let (seconds, nanos) = run.run.uuid().get_timestamp().expect("it has a time").to_unix();
    let asked = Timestamp::EPOCH.plus(Duration::new(seconds, nanos));
    let waited = row.started_at.expect("it began").since(asked);
    assert!(waited >= delay, "{waited:?}");
    cluster.finish().await;
}

#[tokio::test]
async fn a_crowd_of_runs_gets_through() {
    for direct in [DirectGrants::On, DirectGrants::Off] {
        let cluster = Cluster::with("roads_crowd", |options| options.direct_grants = direct).await;
        let mut crews = Vec::new();
        for _ in 0..3 {
            crews.push(Crew::join(&cluster).await);
        }
        let starts = (0..300).map(|number| cluster.start(if number % 3 == 0 { "nap" } else { "x" }));
        let runs = futures::future::join_all(starts).await;
        let ends = runs.iter().map(|run| cluster.end(*run));
        for row in futures::future::join_all(ends).await {
            assert_eq!(row.state, RunState::Completed);
            assert_eq!(row.result, row.input);
        }
        drop(crews);
        cluster.finish().await;
    }
}

#[tokio::test]
async fn a_kill_is_confirmed_by_the_worker_or_said_to_be_committed_only() {
    let cluster = Cluster::new("roads_kill").await;
    let mut worker = Worker::join(&cluster).await;
    let kill = async |run, within| cluster.engine().kill(run, &ORG, within).await.expect("answered");
    let unheld = cluster.start("x").await;
    assert_eq!(kill(unheld, SOON).await, Some(Killed::Confirmed));
    assert_eq!(kill(unheld, SOON).await, Some(Killed::Ended(RunState::Killed)));
    assert!(worker.takes().await.is_none(), "its task is spent");
    let run = cluster.start("x").await;
    let grant = worker_grant(&mut worker).await;
    let hold = worker.hold(&grant);
    assert_eq!(kill(run, Duration::ZERO).await, Some(Killed::Committed));
    let ToWorker::Control(control) = worker.hears().await else { panic!("no control") };
    assert_eq!(control.run, run);
    assert_eq!(worker.appends(hold.rows(1, &["a#1"]).append).await, AppendAnswer::Fenced);
    let run = cluster.start("x").await;
    worker_grant(&mut worker).await;
    let engine = cluster.engine();
    let killing = tokio::spawn(async move { engine.kill(run, &ORG, SOON).await });
    let ToWorker::Control(control) = worker.hears().await else { panic!("no control") };
    let mut beat = worker.beat(0);
    beat.control_applied = control.version - 1;
    let Standing::Renewed { controls } = worker.says(&beat).await else { panic!("ended") };
    assert_eq!(controls, std::slice::from_ref(&control));
    assert!(!killing.is_finished());
    beat.control_applied = control.version;
    assert_eq!(worker.says(&beat).await, Standing::Renewed { controls: Vec::new() });
    assert_eq!(killing.await.expect("it ran").expect("answered"), Some(Killed::Confirmed));
    cluster.finish().await;
}

#[tokio::test]
async fn it_says_how_it_feels() {
    let mut cluster = Cluster::new("roads_health").await;
    let engine = cluster.engine();
    assert_eq!(engine.health().await, Health { postgres: Reachable::Yes, nats: Reachable::Yes });
    cluster.nats.halt().await.expect("it stops");
    crate::making::until(async || engine.health().await.nats == Reachable::No).await;
    let run = cluster.start("x").await;
    cluster.nats.restart().await.expect("it starts");
    crate::making::until(async || engine.health().await.nats == Reachable::Yes).await;
    drop(engine);
    let _crew = Crew::join(&cluster).await;
    assert_eq!(cluster.end(run).await.state, RunState::Completed);
    cluster.finish().await;
}
