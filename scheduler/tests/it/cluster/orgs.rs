//! Subject, message and worker are of one org, in every method.

use piton_shared::{
    ids::{AttemptId, HoldId, WorkerId},
    journal::StepKey,
    message::{
        Answer, Refusal,
        append::{AppendAnswer, Appends, Next},
        claim::{Alone, Claim, ClaimAsk, HandBack, HandBackReason, Moment},
        define::Define,
        dispatch::{ClaimSteps, DispatchId, Finish, StepEnd, StepEnding},
        envelope,
        read::{More, Part, Read, ReadStep},
        worker::{Leave, Standing},
    },
    name::{Org, Queue},
    state::RunState,
    subject::Method,
    time::Timestamp,
};
use serde::Serialize;

use super::{Cluster, Worker};
use crate::making::{ORG, fresh, payload, register};

fn sealed(message: &impl Serialize) -> Vec<u8> {
    envelope::seal(message).expect("it is small")
}

#[tokio::test]
async fn what_is_of_another_org_is_refused_in_every_method() {
    let cluster = Cluster::new("orgs_methods").await;
    let add = sqlx::query(include_str!("../sql/add_org.sql")).bind("other");
    add.execute(&cluster.db.pool).await.expect("an org");
    let other = Org::new("other").expect("a name");
    let mut worker = Worker::join(&cluster).await;
    assert!(matches!(worker.beats(0).await, Standing::Renewed { .. }));
    let run = cluster.start("x").await;
    let grant = worker.takes().await.expect("it is granted");
    let (hold, dispatch) = (worker.hold(&grant), DispatchId { run, key: StepKey::new("a#1"), item: 0 });
    let (id, attempt) = (worker.id, grant.attempt);

    let append = hold.append(1, Next::Complete(payload("stolen"))).append;
    let ending = StepEnding::Returned { reason: HandBackReason::Released };
    let end = StepEnd { dispatch: dispatch.clone(), hold: HoldId::new(fresh()), ending };
    let ask = ClaimAsk { run, epoch: grant.epoch, attempt: AttemptId::new(fresh()) };
    let define = Define {
        org: ORG,
        build: None,
        queue: Queue::DEFAULT,
        since: Timestamp::from_micros(1),
        definitions: Vec::new(),
        more: More::End,
    };
    let message = |method: Method| match method {
        Method::Register => sealed(&register(WorkerId::new(fresh()))),
        Method::Define => sealed(&define),
        Method::Heartbeat => sealed(&worker.beat(3)),
        Method::Leave => sealed(&Leave { worker: id }),
        Method::Claim => sealed(&Claim { worker: id, asks: vec![ask] }),
        Method::HandBack => {
            sealed(&HandBack { worker: id, reason: HandBackReason::Released, runs: vec![(run, attempt)] })
        }
        Method::Alone => sealed(&Alone { worker: id, run, attempt, moment: Moment::Begins }),
        Method::Append => sealed(&Appends { worker: id, appends: vec![append.clone()] }),
        Method::Read => sealed(&Read { worker: id, run, attempt, part: Part::Input }),
        Method::ClaimSteps => sealed(&ClaimSteps { worker: id, asks: Vec::new() }),
        Method::Finish => sealed(&Finish { worker: id, ends: vec![end.clone()] }),
        Method::ReadStep => sealed(&ReadStep { worker: id, dispatch: dispatch.clone(), hold: HoldId::new(fresh()) }),
    };
    for method in Method::ALL {
        for subject in
            [worker.bus.subjects().ask(&other, method), worker.bus.subjects().ask_at(worker.home, &other, method)]
        {
            let answer = worker.bus.request_raw(&subject, message(method), super::SOON, None).await.expect("answered");
            let answer: Answer<serde_json::Value> = envelope::open(&answer).expect("it reads");
            assert!(matches!(answer, Answer::Refused(_)), "{subject}: {answer:?}");
        }
    }
    // Nor is its registration taken over.
    let mut stolen = register(id);
    stolen.org = other.clone();
    let subject = worker.bus.subjects().ask(&other, Method::Register);
    let answer: Answer<serde_json::Value> =
        worker.bus.request(&subject, &stolen, super::SOON, None).await.expect("answered");
    assert_eq!(answer, Answer::Refused(Refusal::UnknownWorker));

    // Nothing of it had an effect.
    assert!(matches!(worker.beats(0).await, Standing::Renewed { .. }));
    assert_eq!(worker.appends(hold.append(1, Next::Complete(payload("mine"))).append).await, AppendAnswer::Accepted);
    let row = cluster.end(run).await;
    assert_eq!((row.state, row.result), (RunState::Completed, Some(payload("mine"))));
    drop(worker);
    cluster.finish().await;
}
