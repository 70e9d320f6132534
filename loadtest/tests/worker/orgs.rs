//! Workers under the permissions of `deploy/nats.conf`: their own work runs, and another org's users reach nothing of it.

use std::time::Duration;

use futures::future::join_all;
use piton::{Credentials, NatsAuth, Result, Worker, WorkerOptions, WorkflowContext, function, workflow};
use piton_devstack::{Nats, NatsOptions, Postgres, PostgresOptions};
use piton_scheduler::{
    engine::{Start, Waited},
    server::{DirectGrants, Scheduler, SchedulerOptions},
    store::{Store, StoreOptions},
};
use piton_shared::{
    codec,
    ids::{RunId, SchedulerId, WorkerId},
    message::dispatch::DispatchId,
    name::{Org, Queue},
    state::RunState,
    subject::{Method, Subjects},
};
use piton_transport::{Bus, BusOptions, RequestError};
use tokio::sync::oneshot;

use crate::stack::{ORG, PATIENCE};

/// How long an answer may take before it counts as refused.
const SILENCE: Duration = Duration::from_secs(1);

#[function]
async fn half(number: u64) -> Result<u64> {
    Ok(number / 2)
}

#[workflow]
async fn halves(ctx: &WorkflowContext, number: u64) -> Result<u64> {
    let first = ctx.step(half(number)).await?;
    let halves = ctx.parallel((0..4).map(|_| half(first))).await?;
    Ok(halves.into_iter().sum())
}

/// What `deploy/nats.conf` says of users, with the block of an org twice.
fn configuration() -> String {
    let deployed = include_str!("../../../deploy/nats.conf");
    let (_, users) = deployed.split_once("authorization {").expect("it names users");
    let start = users.find("        # The workers of the org").expect("the block of an org");
    let end = users.find("        # Programs that publish").expect("the block after it");
    let org = &users[start..end];
    let rival = org
        .replace("=default=default=", "=rival=default=")
        .replace(".default", ".rival")
        .replace("org-default", "org-rival");
    let users = format!("{}{org}{rival}{}", &users[..start], &users[end..]);
    let passwords = ["NATS_SCHEDULER_PASSWORD", "NATS_ORG_DEFAULT_PASSWORD", "NATS_EVENTS_DEFAULT_PASSWORD"];
    passwords.iter().fold(format!("authorization {{{users}"), |text, name| text.replace(&format!("${name}"), "secret"))
}

fn login(user: &str) -> NatsAuth {
    let credentials = Credentials::Password { user: user.to_owned(), password: "secret".to_owned() };
    NatsAuth { credentials: Some(credentials), ..NatsAuth::default() }
}

async fn bus(nats: &Nats, user: &str, inbox: String) -> Bus {
    let options = BusOptions { auth: login(user), inbox, ..BusOptions::new(nats.url(), user) };
    Bus::connect(options).await.expect("it may log in")
}

/// Runs the workflow on a worker of the org `default`.
async fn works(nats: &Nats, scheduler: &Scheduler) {
    let options = WorkerOptions { url: nats.url(), nats_auth: login("org-default"), ..WorkerOptions::default() };
    let worker = Worker::builder().register(half).register(halves).options(options).build().expect("it fits together");
    let connected = worker.connect().await.expect("it may log in");
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(connected.run_until(async { drop(stopped.await) }));
    let engine = scheduler.engine();
    let start = Start {
        org: ORG,
        workflow: "halves".to_owned(),
        input: codec::encode(&40_u64).expect("it encodes"),
        queue: Queue::DEFAULT,
        build: None,
        session: None,
        tags: Vec::new(),
        delay: None,
        key: None,
        trace: None,
    };
    let run = engine.start(start).await.expect("it is accepted").run;
    match engine.wait(run, &ORG, PATIENCE).await.expect("answered").expect("it is there") {
        Waited::Ended(row) => {
            assert_eq!(row.state, RunState::Completed, "{row:?}");
            assert_eq!(codec::decode::<u64>(&row.result.expect("it has one")).expect("a number"), 40);
        }
        Waited::Live(row) => panic!("it does not end: {row:?}"),
    }
    drop(engine);
    drop(stop);
    running.await.expect("it does not panic").expect("it ends well");
}

/// Every subject of an org that somebody could publish to, and those of the streams.
fn subjects_of(subjects: &Subjects, org: &Org) -> Vec<String> {
    let (run, worker) = (RunId::new(piton::Uuid::nil()), WorkerId::fresh(1, [1; 10]));
    let scheduler = SchedulerId::new(piton::Uuid::nil());
    let dispatch = DispatchId { run, key: piton::StepKey::new("a#1"), item: 0 };
    let (runs, steps) = (subjects.run_stream(), subjects.step_stream());
    let run_consumer = Subjects::run_consumer(org, &Queue::DEFAULT, None);
    let step_consumer = Subjects::step_consumer(org, &Queue::DEFAULT, None);
    let mut all = vec![
        subjects.publish(org),
        subjects.worker(org, worker),
        subjects.holding(org, worker),
        subjects.ended(),
        subjects.run(org, &Queue::DEFAULT, None, run),
        subjects.step(org, &Queue::DEFAULT, None, &dispatch),
        format!("{}.x", subjects.inbox(org)),
        "_INBOX.x".to_owned(),
        "$JS.API.INFO".to_owned(),
        "$JS.API.STREAM.NAMES".to_owned(),
        format!("$JS.ACK.{runs}.{run_consumer}.1.1.1.1.0"),
        format!("$JS.ACK.{steps}.{step_consumer}.1.1.1.1.0"),
    ];
    for method in Method::ALL {
        all.extend([subjects.ask(org, method), subjects.ask_at(scheduler, org, method)]);
    }
    for (stream, consumer) in [(&runs, &run_consumer), (&steps, &step_consumer)] {
        for verb in
            ["STREAM.INFO", "STREAM.PURGE", "STREAM.DELETE", "STREAM.MSG.GET", "STREAM.MSG.DELETE", "CONSUMER.LIST"]
        {
            all.push(format!("$JS.API.{verb}.{stream}"));
        }
        for verb in
            ["CONSUMER.INFO", "CONSUMER.MSG.NEXT", "CONSUMER.DELETE", "CONSUMER.CREATE", "CONSUMER.DURABLE.CREATE"]
        {
            all.push(format!("$JS.API.{verb}.{stream}.{consumer}"));
        }
    }
    all
}

/// An org sends itself messages whose answer would go where it may not publish: to another org's inbox, a method of it, a stream.
async fn reply_subjects_open_nothing(nats: &Nats, theirs: &Bus, rival: &Org) {
    let subjects = Subjects::default();
    let default = bus(nats, "org-default", subjects.inbox(&ORG)).await;
    let heard = format!("{}.>", subjects.inbox(&ORG));
    let mut heard = default.serve(&heard, None).await.expect("the connection stands");
    for bait in [subjects.inbox(rival), subjects.answers(rival)] {
        let bait = format!("{bait}.bait");
        let Ok(mut caught) = theirs.serve(&bait, None).await else { continue };
        // Its requests carry a reply subject of the other org.
        let baiter = bus(nats, "org-rival", subjects.inbox(&ORG)).await;
        let asked = baiter.request_raw(&bait, b"?".to_vec(), SILENCE, None);
        let answered = async {
            if let Ok(Some(message)) = tokio::time::timeout(SILENCE, caught.next()).await {
                message.respond_bytes(b"!".to_vec()).await.expect("the connection stands");
            }
        };
        let (answer, ()) = tokio::join!(asked, answered);
        answer.expect_err("nothing arrives in the inbox of another org");
    }
    // What the server took before this arrives before it.
    let pong = theirs.request_raw(&subjects.ask(rival, Method::Leave), b"?".to_vec(), PATIENCE, None).await;
    pong.expect("its own subject is served");
    heard.stop().await.expect("the connection stands");
    while let Some(message) = heard.next().await {
        // Its own echo is there.
        assert_ne!(message.bytes(), b"!", "an answer reached another org");
    }
}

#[tokio::test]
async fn an_org_works_and_another_reaches_nothing_of_it() {
    let postgres = Postgres::start(PostgresOptions::throwaway()).await.expect("Postgres starts");
    let options = NatsOptions { configuration: configuration(), ..NatsOptions::throwaway() };
    let nats = Nats::start(options).await.expect("NATS starts");
    let store = Store::connect(&StoreOptions::new(postgres.url())).await.expect("Postgres answers");
    store.migrate().await.expect("the migrations run");
    store.close().await;

    let rival = Org::new("rival").expect("a name");
    let subjects = Subjects::default();
    let theirs = bus(&nats, "org-rival", subjects.inbox(&rival)).await;
    let mut ears = Vec::new();
    for subject in [
        "piton.worker.>",
        "piton.worker.default.*",
        "piton.holding.>",
        "piton.holding.default.*",
        "piton.inbox.>",
        "piton.inbox.default.>",
        "_INBOX.>",
        "piton.ask.>",
        "piton.at.>",
        "piton.run.>",
        "piton.step.>",
        "piton.ended",
        "piton.publish.>",
        "piton.>",
        ">",
        "$JS.>",
    ] {
        ears.push((subject, theirs.serve(subject, None).await.expect("the connection stands")));
    }

    for direct_grants in [DirectGrants::Off, DirectGrants::On] {
        let options = SchedulerOptions::new(postgres.url(), nats.url());
        let options = SchedulerOptions { direct_grants, nats_auth: login("scheduler"), ..options };
        let scheduler = Scheduler::start(options).await.expect("it may do what it needs");
        works(&nats, &scheduler).await;
        if direct_grants == DirectGrants::Off {
            scheduler.shutdown().await;
            continue;
        }

        // What may be asked is answered, if only with a refusal.
        let own = subjects.ask(&rival, Method::Leave);
        theirs.request_raw(&own, b"?".to_vec(), PATIENCE, None).await.expect("its own subject is served");
        let events = bus(&nats, "events-default", format!("{}.publishers", subjects.inbox(&ORG))).await;
        let event = br#"{"name": "a.b", "id": "1", "data": {}}"#.to_vec();
        let accepted =
            events.request_raw(&subjects.publish(&ORG), event, PATIENCE, None).await.expect("it may publish");
        assert!(accepted.starts_with(b"{\"events\""), "{}", String::from_utf8_lossy(&accepted));

        for (bus, org) in [(&theirs, &ORG), (&events, &rival)] {
            let all = subjects_of(&subjects, org);
            let answers = all.iter().map(|subject| bus.request_raw(subject, b"?".to_vec(), SILENCE, None));
            for (subject, answer) in all.iter().zip(join_all(answers).await) {
                // Not even that nobody listens is said.
                assert!(matches!(answer, Err(RequestError::TimedOut { .. })), "{subject}: {answer:?}");
            }
        }
        reply_subjects_open_nothing(&nats, &theirs, &rival).await;
        scheduler.shutdown().await;
    }
    for (subject, mut ear) in ears {
        ear.stop().await.expect("the connection stands");
        assert!(ear.next().await.is_none(), "{subject} was heard");
    }
    nats.stop().await.expect("it stops");
    postgres.stop().await.expect("it stops");
}
