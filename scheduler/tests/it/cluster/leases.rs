//! Workers that fall silent, leave, or know of nothing.

use std::time::Duration;

use piton_shared::{
    ids::AttemptId,
    message::{
        Answer,
        append::{AppendAnswer, Next},
        claim::{ClaimAnswer, ClaimAsk, HandBack, HandBackReason, HandedBack},
        worker::{Leave, Standing},
    },
    state::RunState,
    subject::Method,
};

use super::{Cluster, Crew, Worker};
use crate::{
    database::Database,
    making::{fresh, payload, until},
};

const LEASE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn what_a_silent_worker_held_goes_elsewhere_and_its_late_words_count_for_nothing() {
    let cluster = Cluster::with("leases_silent", |options| options.lease = LEASE).await;
    let mut silent = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let grant = silent.takes().await.expect("granted");
    let hold = silent.hold(&grant);
    assert_eq!(silent.appends(hold.rows(1, &["before#1"]).append).await, AppendAnswer::Accepted);
    let _crew = Crew::join(&cluster).await;
    until(async || cluster.db.row(run).await.attempts == 2).await;
    for append in [hold.rows(2, &["after#1"]), hold.append(1, Next::Complete(payload("late")))] {
        assert_eq!(silent.appends(append.append).await, AppendAnswer::Fenced);
    }
    assert_eq!(silent.beats(1).await, Standing::Ended);
    let ask = ClaimAsk { run, epoch: cluster.db.wish(silent.id, run).await.epoch, attempt: hold.attempt };
    assert_eq!(silent.claims(vec![ask]).await, [ClaimAnswer::Stale]);
    cluster.finish_after(run).await;
}

impl Cluster {
    async fn finish_after(self, run: piton_shared::ids::RunId) {
        until(async || self.db.row(run).await.state.is_terminal()).await;
        self.finish().await;
    }
}

#[tokio::test]
async fn a_worker_that_beats_keeps_what_it_holds_however_long() {
    let cluster = Cluster::with("leases_alive", |options| options.lease = LEASE).await;
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let grant = worker.takes().await.expect("granted");
    let began = tokio::time::Instant::now();
    until(async || {
        assert!(matches!(worker.beats(0).await, Standing::Renewed { .. }));
        began.elapsed() > LEASE * 2
    })
    .await;
    let done = worker.hold(&grant).append(1, Next::Complete(payload("x")));
    assert_eq!(worker.appends(done.append).await, AppendAnswer::Accepted);
    assert_eq!(cluster.end(run).await.attempts, 1);
    cluster.finish().await;
}

#[tokio::test]
async fn nobody_is_given_up_while_nats_is_away() {
    let mut cluster = Cluster::with("leases_cut_off", |options| options.lease = LEASE).await;
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let hold = {
        let grant = worker.takes().await.expect("granted");
        worker.hold(&grant)
    };
    cluster.nats.halt().await.expect("it stops");
    until(async || !cluster.db.store.expired_workers(1).await.expect("listed").is_empty()).await;
    let expired = tokio::time::Instant::now();
    until(async || expired.elapsed() > LEASE).await;
    cluster.nats.restart().await.expect("it starts");
    let connected = async || {
        let subject = worker.bus.subjects().ask(&crate::making::ORG, Method::Heartbeat);
        let beat = worker.bus.request(&subject, &worker.beat(0), LEASE, None).await;
        match beat {
            Ok(Answer::Done(standing)) => {
                assert!(matches!(standing, Standing::Renewed { .. }));
                true
            }
            Ok(Answer::Refused(_) | Answer::Unavailable { .. }) | Err(_) => false,
        }
    };
    until(connected).await;
    let done = hold.append(1, Next::Complete(payload("x")));
    assert_eq!(worker.appends(done.append).await, AppendAnswer::Accepted);
    let row = cluster.end(run).await;
    assert_eq!((row.attempts, row.strikes), (1, 0));
    cluster.finish().await;
}

#[tokio::test]
async fn what_a_worker_leaves_or_lacks_goes_elsewhere_at_once() {
    let cluster = Cluster::new("leases_leave").await;
    let mut leaving = Worker::join(&cluster).await;
    let (one, two) = (cluster.start("x").await, cluster.start("x").await);
    let mut held = Vec::new();
    while held.len() < 2 {
        for task in leaving.pulls().await {
            let attempt = AttemptId::new(fresh());
            let ask = ClaimAsk { run: task.run, epoch: task.epoch, attempt };
            assert!(matches!(leaving.claims(vec![ask]).await[..], [ClaimAnswer::Granted(_)]));
            held.push((task.run, attempt));
        }
    }
    held.sort_by_key(|(run, _)| *run != one);
    let back = HandBack { worker: leaving.id, reason: HandBackReason::Lacking, runs: vec![held[0]] };
    for requeued in [1, 0] {
        let answer: Answer<HandedBack> = leaving.ask(Method::HandBack, &back).await;
        assert_eq!(answer, Answer::Done(HandedBack { requeued }));
    }
    assert_eq!(cluster.db.row(one).await.state, RunState::Backlog);
    let _crew = Crew::join(&cluster).await;
    for requeued in [1, 0] {
        let answer: Answer<HandedBack> = leaving.ask(Method::Leave, &Leave { worker: leaving.id }).await;
        assert_eq!(answer, Answer::Done(HandedBack { requeued }));
    }
    for run in [one, two] {
        let row = cluster.end(run).await;
        assert_eq!((row.attempts, row.strikes), (2, 0));
    }
    cluster.finish().await;
}

#[tokio::test]
async fn a_grant_that_was_lost_is_given_again() {
    let cluster = Cluster::new("leases_lost_grant").await;
    let mut deaf = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let lost = {
        let grant = deaf.takes().await.expect("granted");
        deaf.hold(&grant)
    };
    let asked = deaf.denies().await;
    assert_eq!(asked.runs, [(run, lost.attempt)]);
    let again = deaf.takes().await.expect("granted");
    assert_eq!((again.run, again.epoch.0), (run, 2));
    // The grant comes after all, and whoever works on it writes nothing.
    let late = lost.append(1, Next::Complete(payload("late")));
    assert_eq!(deaf.appends(late.append).await, AppendAnswer::Fenced);
    let done = deaf.hold(&again).append(1, Next::Complete(payload("x")));
    assert_eq!(deaf.appends(done.append).await, AppendAnswer::Accepted);
    let row = cluster.end(run).await;
    assert_eq!((row.strikes, row.result), (0, Some(payload("x"))));
    cluster.finish().await;
}

#[tokio::test]
async fn a_worker_that_ended_weeks_ago_is_swept_away() {
    let db = Database::new("leases_forgotten").await;
    let mut ended = Vec::new();
    for weeks in [0, 2] {
        let worker = db.worker().await;
        db.store.leave(worker).await.expect("it leaves");
        let aged = sqlx::query(include_str!("../sql/age_end.sql")).bind(worker.uuid()).bind(weeks * 7 * 24 * 3600);
        aged.execute(&db.pool).await.expect("it is ours");
        ended.push(worker);
    }
    let cluster = Cluster::on(db, |_| {}).await;
    let known = async || {
        let known: Vec<uuid::Uuid> = sqlx::query_scalar(include_str!("../sql/known_workers.sql"))
            .fetch_all(&cluster.db.pool)
            .await
            .expect("they are listed");
        known
    };
    until(async || known().await == [ended[0].uuid()]).await;
    cluster.finish().await;
}
