//! Every message twice, at once and late: nothing happens that did not happen.

use piton_scheduler::store::Appending;
use piton_shared::{
    ids::{AttemptId, WorkerId},
    message::{
        Answer,
        append::{AppendAnswer, Appended, Appends, Next},
        claim::{Claim, ClaimAnswer, ClaimAsk, Claimed, HandBack, HandBackReason, HandedBack},
        worker::{Leave, Registered, Standing},
    },
    state::RunState,
    subject::Method,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Cluster, Worker};
use crate::making::{LONG, ORG, With, fresh, payload, register};

const TIMES: usize = 12;

async fn all(worker: &Worker, append: &Appending) -> Vec<Answer<Appended>> {
    let request = Appends { worker: worker.id, appends: vec![append.append.clone()] };
    many(worker, Method::Append, &request).await
}

/// Sends the same message many times at once, to both schedulers.
async fn many<Q: Serialize, A: DeserializeOwned>(worker: &Worker, method: Method, question: &Q) -> Vec<Answer<A>> {
    let asks = (0..TIMES).map(|_| worker.ask(method, question));
    futures::future::join_all(asks).await
}

#[tokio::test]
async fn registrations_and_heartbeats() {
    let cluster = Cluster::new("repeats_register").await;
    let worker = Worker::join(&cluster).await;
    let again = register(worker.id);
    for answer in many::<_, Registered>(&worker, Method::Register, &again).await {
        assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    }
    let mut newer = worker.beat(3);
    newer.control_applied = 5;
    for beat in [newer, worker.beat(2)] {
        for answer in many::<_, Standing>(&worker, Method::Heartbeat, &beat).await {
            assert!(matches!(answer, Answer::Done(Standing::Renewed { .. })), "{answer:?}");
        }
    }
    let rows = cluster.db.store.workers_list(&ORG, 10).await.expect("listed");
    assert_eq!(rows.len(), 1);
    assert!(
        cluster.db.store.control_confirmed(&[worker.id], 5).await.expect("answered"),
        "the late one takes nothing back"
    );
    for answer in many::<_, HandedBack>(&worker, Method::Leave, &Leave { worker: worker.id }).await {
        assert_eq!(answer, Answer::Done(HandedBack { requeued: 0 }));
    }
    for answer in many::<_, Standing>(&worker, Method::Heartbeat, &worker.beat(3)).await {
        assert_eq!(answer, Answer::Done(Standing::Ended));
    }
    for answer in many::<_, Registered>(&worker, Method::Register, &again).await {
        assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
    }
    cluster.finish().await;
}

#[tokio::test]
async fn claims_appends_and_runs_handed_back() {
    let cluster = Cluster::new("repeats_run").await;
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let task = worker.pulls().await.remove(0);
    let ask = ClaimAsk { run, epoch: task.epoch, attempt: AttemptId::new(fresh()) };
    let claim = Claim { worker: worker.id, asks: vec![ask] };
    for answer in many::<_, Claimed>(&worker, Method::Claim, &claim).await {
        let Answer::Done(claimed) = answer else { panic!("{answer:?}") };
        assert!(matches!(claimed.answers[..], [ClaimAnswer::Granted(_)]));
    }
    assert_eq!(cluster.db.row(run).await.attempts, 1);
    // The task is delivered again: another attempt is refused.
    let redelivered = ClaimAsk { attempt: AttemptId::new(fresh()), ..ask };
    assert_eq!(worker.claims(vec![redelivered]).await, [ClaimAnswer::Stale]);

    let hold = crate::making::Hold { run, epoch: ask.epoch, attempt: ask.attempt, worker: worker.id };
    let first = hold.append(1, Next::GoOn).with_rows(1, &["a#1"]).with_failed_try("a#1", 1).with_sleep("s#1", LONG);
    let accepted = |answers: Vec<Answer<Appended>>| {
        for answer in answers {
            assert_eq!(answer, Answer::Done(Appended { answers: vec![AppendAnswer::Accepted] }));
        }
    };
    accepted(all(&worker, &first).await);
    accepted(all(&worker, &hold.rows(2, &["b#1"])).await);
    accepted(all(&worker, &first).await);
    assert_eq!(cluster.db.journal(run).await.len(), 2);

    let back = HandBack { worker: worker.id, reason: HandBackReason::Released, runs: vec![(run, hold.attempt)] };
    let mut requeued = 0;
    for answer in many::<_, HandedBack>(&worker, Method::HandBack, &back).await {
        let Answer::Done(handed) = answer else { panic!("{answer:?}") };
        requeued += handed.requeued;
    }
    assert_eq!(requeued, 1);
    assert_eq!(worker.claims(vec![ask]).await, [ClaimAnswer::Stale], "the old claim, late");

    let grant = worker.takes().await.expect("granted");
    let hold = worker.hold(&grant);
    let done = hold.append(1, Next::Complete(payload("x")));
    let late: Answer<HandedBack> = worker.ask(Method::HandBack, &back).await;
    assert_eq!(late, Answer::Done(HandedBack { requeued: 0 }));
    for answer in all(&worker, &first).await {
        assert_eq!(answer, Answer::Done(Appended { answers: vec![AppendAnswer::Fenced] }), "the old append, late");
    }
    accepted(all(&worker, &done).await);
    let row = cluster.end(run).await;
    assert_eq!((row.state, row.attempts), (RunState::Completed, 2));
    cluster.finish().await;
}

#[tokio::test]
async fn every_suspend_is_answered_the_same() {
    let cluster = Cluster::new("repeats_suspend").await;
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let grant = worker.takes().await.expect("granted");
    let suspend = worker.hold(&grant).append(1, Next::Suspend { seen_outside: 0 }).with_sleep("s#1", LONG);
    let request = Appends { worker: worker.id, appends: vec![suspend.append] };
    for answer in many::<_, Appended>(&worker, Method::Append, &request).await {
        assert_eq!(answer, Answer::Done(Appended { answers: vec![AppendAnswer::Accepted] }));
    }
    assert_eq!(cluster.db.row(run).await.state, RunState::Suspended);
    cluster.finish().await;
}

#[tokio::test]
async fn what_a_stranger_says_changes_nothing() {
    let cluster = Cluster::new("repeats_stranger").await;
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let grant = worker.takes().await.expect("granted");
    let hold = worker.hold(&grant);
    let stranger = WorkerId::new(fresh());
    let left: Answer<HandedBack> = worker.ask(Method::Leave, &Leave { worker: stranger }).await;
    assert_eq!(left, Answer::Done(HandedBack { requeued: 0 }));
    let mut beat = worker.beat(1);
    beat.worker = stranger;
    assert_eq!(worker.says(&beat).await, Standing::Ended);
    let request = Appends { worker: stranger, appends: vec![hold.rows(1, &["a#1"]).append] };
    let answer: Answer<Appended> = worker.ask(Method::Append, &request).await;
    assert_eq!(answer, Answer::Done(Appended { answers: vec![AppendAnswer::Fenced] }));
    assert!(cluster.db.journal(run).await.is_empty());
    cluster.finish().await;
}

#[tokio::test]
async fn a_first_claim_that_is_repeated_says_what_came_from_outside_since() {
    let cluster = Cluster::new("repeats_outside").await;
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let task = worker.pulls().await.remove(0);
    let ask = ClaimAsk { run, epoch: task.epoch, attempt: AttemptId::new(fresh()) };
    for told in [vec![], vec!["cancel#1"]] {
        let ClaimAnswer::Granted(grant) = worker.claims(vec![ask]).await.remove(0) else { panic!("it stands") };
        assert_eq!(grant.entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), told);
        assert_eq!(grant.outside as usize, told.len());
        cluster.db.store.cancel(run, &ORG, "stop").await.expect("answered").expect("it is there");
    }
    cluster.finish().await;
}
