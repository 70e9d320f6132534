//! What no Piton would send is refused, on every subject, and nothing is lost by it.

use std::time::Duration;

use piton_shared::{
    ids::{AttemptId, Epoch, HoldId},
    journal::{Place, StepKey},
    limits,
    message::{
        Answer, Refusal,
        append::{Appended, Appends, Next},
        claim::{Claim, ClaimAsk, HandBack, HandBackReason},
        dispatch::{ClaimSteps, DispatchId, Finish, StepAsk, StepEnd, StepEnding},
        envelope,
        read::{Part, Read, ReadStep},
        state::StateScope,
        worker::Register,
    },
    name::Queue,
    state::RunState,
    subject::Method,
};
use piton_transport::Bus;

use super::{Cluster, Crew, Worker};
use crate::making::{LONG, ORG, With, fresh, payload, register, set};

const ANSWER: Duration = Duration::from_secs(30);

fn sealed(message: &impl serde::Serialize) -> Vec<u8> {
    envelope::seal(message).expect("it is small")
}

async fn answer(bus: &Bus, subject: &str, bytes: Vec<u8>) -> Answer<serde_json::Value> {
    let shown = format!("{subject}, {} bytes", bytes.len());
    let answer = bus.request_raw(subject, bytes, ANSWER, None).await;
    let answer = answer.unwrap_or_else(|error| panic!("{shown}: {error}"));
    envelope::open(&answer).unwrap_or_else(|error| panic!("{shown}: {error}"))
}

#[tokio::test]
async fn unreadable_messages_are_refused_on_every_subject() {
    let cluster = Cluster::new("bad_bytes").await;
    let worker = Worker::join(&cluster).await;
    let good = envelope::seal(&worker.beat(1)).expect("it is small");
    let mut other_version = good.clone();
    other_version[5] = 99;
    let nested: Vec<u8> = good[..6].iter().copied().chain(std::iter::repeat_n(0x91, 100_000)).collect();
    let bodies = [
        Vec::new(),
        b"GET / HTTP/1.1".to_vec(),
        good[..4].to_vec(),
        good[..good.len() / 2].to_vec(),
        other_version,
        envelope::seal(&"something else").expect("it is small"),
        nested,
        vec![0xff; 1_000_000],
        {
            // A length that promises far more than there is.
            let mut lies = good[..6].to_vec();
            lies.extend([0xdd, 0xff, 0xff, 0xff, 0xff]);
            lies
        },
    ];
    for method in Method::ALL {
        let subjects = worker.bus.subjects();
        for subject in [subjects.ask(&ORG, method), subjects.ask_at(worker.home, &ORG, method)] {
            for body in &bodies {
                let answer = answer(&worker.bus, &subject, body.clone()).await;
                assert!(matches!(answer, Answer::Refused(Refusal::Envelope(_))), "{subject}: {answer:?}");
                // Nobody waits for an answer to this one.
                worker.bus.publish_raw(&subject, body.clone()).await.expect("sent");
            }
        }
    }
    for body in bodies {
        worker.bus.publish_raw(&worker.bus.subjects().ended(), body).await.expect("sent");
    }
    still_works(cluster).await;
}

async fn still_works(cluster: Cluster) {
    let crew = Crew::join(&cluster).await;
    let mut runs = Vec::new();
    for _ in 0..6 {
        runs.push(cluster.start("nap").await);
    }
    for run in runs {
        assert_eq!(cluster.end(run).await.state, RunState::Completed);
    }
    drop(crew);
    cluster.finish().await;
}

#[tokio::test]
async fn readable_nonsense_is_refused_too() {
    let cluster = Cluster::new("bad_values").await;
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let grant = worker.takes().await.expect("granted");
    let hold = worker.hold(&grant);
    let one = hold.rows(1, &["a#1"]).append;
    let mut outside = one.clone();
    outside.rows[0].place = Place::Outside { number: 1 };
    let keys: Vec<String> = (0..=limits::COMMIT_ROWS).map(|number| format!("k{number}#1")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    for appends in [
        vec![one.clone(), one.clone()],
        vec![outside],
        vec![hold.rows(1, &keys).append],
        vec![hold.append(0, Next::Complete(payload("x"))).append],
        vec![hold.append(0, Next::GoOn).with_sleep("s#1", LONG).append],
        vec![hold.append(1, Next::GoOn).with_sleep("s#1", Duration::from_hours(70_000_000)).append],
        vec![hold.rows(1, &["nul\0#1"]).append],
        vec![hold.writes(1, 1, set(StateScope::Run, "a\0b", Some("x"), 0)).append],
    ] {
        let request = Appends { worker: worker.id, appends };
        let answer: Answer<Appended> = worker.ask(Method::Append, &request).await;
        assert!(matches!(answer, Answer::Refused(Refusal::Invalid(_))), "{answer:?}");
    }
    // No org has such a name.
    let subject = worker.bus.subjects().ask(&ORG, Method::Append).replace("default", "b=d");
    let request = Appends { worker: worker.id, appends: vec![one] };
    let answered = answer(&worker.bus, &subject, envelope::seal(&request).expect("small")).await;
    assert!(matches!(answered, Answer::Refused(Refusal::Invalid(_))), "{answered:?}");

    let ask = ClaimAsk { run, epoch: Epoch(1), attempt: AttemptId::new(fresh()) };
    let claim = Claim { worker: worker.id, asks: vec![ask; 5000] };
    let answered: Answer<serde_json::Value> = worker.ask(Method::Claim, &claim).await;
    assert!(matches!(answered, Answer::Refused(Refusal::Invalid(_))), "{answered:?}");
    let back = HandBack {
        worker: worker.id,
        reason: HandBackReason::Released,
        runs: vec![(run, AttemptId::new(fresh())); 5000],
    };
    let answered: Answer<serde_json::Value> = worker.ask(Method::HandBack, &back).await;
    assert!(matches!(answered, Answer::Refused(Refusal::Invalid(_))), "{answered:?}");

    let fresh_register = || register(piton_shared::ids::WorkerId::new(fresh()));
    let nul = DispatchId { run, key: StepKey::new("a\0b"), item: 0 };
    let hold_id = HoldId::new(fresh());
    let read = |part: Part| Read { worker: worker.id, run, attempt: hold.attempt, part };
    let named: [(Method, Vec<u8>, &str); 5] = [
        (
            Method::Finish,
            sealed(&Finish {
                worker: worker.id,
                ends: vec![StepEnd {
                    dispatch: nul.clone(),
                    hold: hold_id,
                    ending: StepEnding::Returned { reason: HandBackReason::Released },
                }],
            }),
            "`ends[0].dispatch.key` holds NUL",
        ),
        (
            Method::ClaimSteps,
            sealed(&ClaimSteps {
                worker: worker.id,
                asks: vec![StepAsk { dispatch: nul.clone(), epoch: Epoch(1), hold: hold_id }],
            }),
            "`asks[0].dispatch.key` holds NUL",
        ),
        (
            Method::ReadStep,
            sealed(&ReadStep { worker: worker.id, dispatch: nul, hold: hold_id }),
            "`dispatch.key` holds NUL",
        ),
        (Method::Read, sealed(&read(Part::Journal { after: Some(StepKey::new("\0")) })), "after` holds NUL"),
        (
            Method::Read,
            sealed(&read(Part::State { scope: StateScope::Run, name: "a\0".to_owned() })),
            "name` holds NUL",
        ),
    ];
    for (method, request, why) in named {
        let subject = worker.bus.subjects().ask(&ORG, method);
        match answer(&worker.bus, &subject, request).await {
            Answer::Refused(Refusal::Invalid(said)) => assert!(said.contains(why), "{said}"),
            other @ (Answer::Refused(_) | Answer::Done(_) | Answer::Unavailable { .. }) => panic!("{why}: {other:?}"),
        }
    }
    let many = (0..=limits::WORKER_QUEUES).map(|number| Queue::new(format!("q{number}")).expect("a name")).collect();
    let wrong: [Register; 7] = [
        Register { queues: many, ..fresh_register() },
        Register { queues: Vec::new(), ..fresh_register() },
        Register { run_slots: 0, ..fresh_register() },
        Register { name: "x".repeat(10_000), ..fresh_register() },
        Register { name: "nul \0".into(), ..fresh_register() },
        Register { workflows: vec!["a/b".into()], ..fresh_register() },
        Register { org: piton_shared::name::Org::new("nobody").expect("a name"), ..fresh_register() },
    ];
    for register in wrong {
        let answered: Answer<serde_json::Value> = worker.ask(Method::Register, &register).await;
        assert!(matches!(answered, Answer::Refused(_)), "{register:?}: {answered:?}");
    }
    assert!(cluster.db.journal(run).await.is_empty());
    let done = hold.append(1, Next::Complete(payload("x")));
    worker.appends(done.append).await;
    still_works(cluster).await;
}

#[tokio::test]
async fn a_claim_of_many_fat_runs_fits_into_its_answer() {
    let cluster = Cluster::new("bad_fat").await;
    let roomy = Register { run_slots: 1000, ..register(piton_shared::ids::WorkerId::new(fresh())) };
    let mut worker = Worker::join_as(&cluster, roomy).await;
    let fat = "x".repeat(1000);
    let starts = (0..1000).map(|_| cluster.start(&fat));
    futures::future::join_all(starts).await;
    let mut inputs = 0;
    let mut granted = 0;
    while granted < 1000 {
        let tasks = worker.puller.pull(1000, super::SOON, std::future::pending()).await.expect("delivered");
        let mut asks = Vec::new();
        for delivery in tasks {
            delivery.ack().await.expect("acknowledged");
            let task = delivery.task.expect("it reads");
            asks.push(ClaimAsk { run: task.run, epoch: task.epoch, attempt: AttemptId::new(fresh()) });
        }
        for answer in worker.claims(asks).await {
            if let piton_shared::message::claim::ClaimAnswer::Granted(grant) = answer {
                granted += 1;
                inputs += usize::from(grant.input.is_some());
            }
        }
    }
    assert!(inputs > 0, "some inputs travel along");
    cluster.finish().await;
}
