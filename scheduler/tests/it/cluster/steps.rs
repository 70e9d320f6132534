//! Dispatched work over the wire: given, executed elsewhere, journaled, and found again when NATS loses it.

use std::time::Duration;

use piton_scheduler::{
    engine::{Killed, Paused, Resumed},
    server::DirectGrants,
};
use piton_shared::{
    failure::Failure,
    ids::{HoldId, WorkerId},
    journal::{Kind, StepKey},
    message::{
        Answer,
        append::{Append, AppendAnswer, Appended, Appends, Next},
        claim::{Grant, HandBack, HandBackReason, HandedBack, Waiting},
        dispatch::{FinishAnswer, StepAnswer, StepAsk, StepEnding, StepGrant},
        read::{More, Part, Read, ReadAnswer, ReadStep, ReadStepAnswer},
        wake::{Action, ToWorker},
        worker::{Intent, Leave},
    },
    name::Queue,
    state::RunState,
    subject::Method,
    time::Timestamp,
};

use super::{Cluster, Worker, worker::insist};
use crate::making::{ORG, With, fresh, payload, register, until};

fn done(grant: &StepGrant) -> StepEnding {
    StepEnding::Done {
        outcome: Ok(payload("done")),
        try_number: grant.try_number,
        started_at: Timestamp::from_micros(1),
        finished_at: Timestamp::from_micros(2),
    }
}

fn again(grant: &StepGrant, after: Duration) -> StepEnding {
    StepEnding::Again {
        failure: Failure::new("declined"),
        try_number: grant.try_number,
        started_at: Timestamp::from_micros(1),
        finished_at: Timestamp::from_micros(2),
        after,
    }
}

/// Everything over the stream.
async fn indirect(label: &str) -> Cluster {
    Cluster::with(label, |options| options.direct_grants = DirectGrants::Off).await
}

/// A run in this worker's hands.
async fn held(cluster: &Cluster, worker: &mut Worker) -> Grant {
    cluster.start("x").await;
    worker.takes().await.expect("it is granted")
}

fn fan_out(worker: &Worker, grant: &Grant, number: u32, next: Next, keys: &[&str]) -> Append {
    let append = worker.hold(grant).append(number, next);
    keys.iter().fold(append, |append, key| append.with_step(key)).append
}

#[tokio::test]
async fn a_fan_out_is_executed_elsewhere_and_told_to_its_holder() {
    let cluster = indirect("steps_told").await;
    let (mut holder, mut other) = (Worker::join(&cluster).await, Worker::join(&cluster).await);
    let grant = held(&cluster, &mut holder).await;
    let append = fan_out(&holder, &grant, 1, Next::GoOn, &["a#1", "b#1", "c#1"]);
    for _ in 0..2 {
        assert_eq!(holder.appends(append.clone()).await, AppendAnswer::Accepted);
    }
    let steps = other.takes_steps(3).await;
    assert_eq!(steps.len(), 3, "each once");
    assert_eq!(other.finishes(&steps, done).await, vec![FinishAnswer::Accepted; 3]);
    let told = holder.woken().await;
    assert_eq!(told.len(), 3, "many results, one message");
    assert!(told.iter().all(|entry| entry.kind == Kind::Step && entry.worker == Some(other.id)));
    // The answer was lost, and a copy was late.
    assert_eq!(other.finishes(&steps, done).await, vec![FinishAnswer::Accepted; 3]);
    let end = holder.hold(&grant).append(2, Next::Complete(payload("x"))).append;
    assert_eq!(holder.appends(end).await, AppendAnswer::Accepted);
    cluster.finish().await;
}

#[tokio::test]
async fn an_end_that_can_never_be_written_is_refused_alone() {
    let cluster = indirect("steps_bad").await;
    let mut worker = Worker::join(&cluster).await;
    let grant = held(&cluster, &mut worker).await;
    let append = fan_out(&worker, &grant, 1, Next::GoOn, &["a#1", "b#1", "c#1"]);
    assert_eq!(worker.appends(append).await, AppendAnswer::Accepted);
    let mut steps = worker.takes_steps(3).await;
    // The database counts tries from 1.
    steps[1].try_number = 0;
    let answers = worker.finishes(&steps, done).await;
    assert_eq!((&answers[0], &answers[2]), (&FinishAnswer::Accepted, &FinishAnswer::Accepted));
    assert!(matches!(answers[1], FinishAnswer::Invalid { .. }), "{answers:?}");
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn a_worker_with_room_is_given_steps_unasked() {
    let cluster = Cluster::new("steps_direct").await;
    let mut worker = Worker::join(&cluster).await;
    let grant = held(&cluster, &mut worker).await;
    let run = grant.run;
    // Its home knows of free step slots now, and of none for runs.
    worker.beats(0).await;
    let home = worker.bus.subjects().ask_at(worker.home, &ORG, Method::Append);
    let append = fan_out(&worker, &grant, 1, Next::Suspend { seen_outside: 0 }, &["a#1", "b#1"]);
    let request = Appends { worker: worker.id, appends: vec![append] };
    let answer: Answer<Appended> = worker.bus.request(&home, &request, super::SOON, None).await.expect("answered");
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    let mut steps = Vec::new();
    while steps.len() < 2 {
        steps.extend(worker.granted_steps().await);
    }
    assert_eq!(worker.finishes(&steps, done).await, vec![FinishAnswer::Accepted; 2]);
    until(async || matches!(cluster.db.row(run).await.state, RunState::Running | RunState::Queued)).await;
    cluster.engine().kill(run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn a_try_that_failed_comes_again_when_it_is_due() {
    let cluster = indirect("steps_again").await;
    let mut worker = Worker::join(&cluster).await;
    let grant = held(&cluster, &mut worker).await;
    let append = fan_out(&worker, &grant, 1, Next::Suspend { seen_outside: 0 }, &["a#1"]);
    assert_eq!(worker.appends(append).await, AppendAnswer::Accepted);
    let first = worker.takes_steps(1).await;
    let soon = |grant: &StepGrant| again(grant, Duration::from_millis(50));
    assert_eq!(worker.finishes(&first, soon).await, [FinishAnswer::Accepted]);
    let second = worker.takes_steps(1).await;
    assert_eq!((second[0].try_number, second[0].failed_tries), (2, 1));
    assert_eq!(worker.finishes(&first, done).await, [FinishAnswer::Fenced], "an old hold");
    assert_eq!(worker.finishes(&second, done).await, [FinishAnswer::Accepted]);
    let resumed = worker.takes().await.expect("it is granted");
    assert_eq!((resumed.outside, resumed.entries[0].try_number, resumed.open.len()), (1, 2, 0));
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn tasks_that_are_lost_or_spent_are_published_again() {
    let cluster = indirect("steps_lost").await;
    let mut worker = Worker::join(&cluster).await;
    let grant = held(&cluster, &mut worker).await;
    let append = fan_out(&worker, &grant, 1, Next::Suspend { seen_outside: 0 }, &["a#1", "b#1"]);
    assert_eq!(worker.appends(append).await, AppendAnswer::Accepted);
    // Spent: pulled and never claimed.
    let mut spent = Vec::new();
    while spent.len() < 2 {
        spent.extend(worker.pulls_steps().await);
    }
    let steps = worker.takes_steps(2).await;
    assert!(steps.iter().all(|step| step.epoch > spent[0].epoch && step.try_number == 1));
    let late: Vec<_> = spent
        .into_iter()
        .map(|task| StepAsk { dispatch: task.dispatch, epoch: task.epoch, hold: HoldId::new(fresh()) })
        .collect();
    assert!(worker.claims_steps(late).await.iter().all(|answer| *answer == StepAnswer::Stale));
    // NATS forgets it all, and what comes then goes over streams that are made anew.
    assert_eq!(worker.finishes(&steps[..1], |grant| again(grant, Duration::ZERO)).await, [FinishAnswer::Accepted]);
    assert_eq!(worker.takes_steps(1).await[0].try_number, 2);
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn what_its_worker_does_not_know_of_goes_to_another() {
    let cluster = indirect("steps_unknown").await;
    let mut worker = Worker::join(&cluster).await;
    let grant = held(&cluster, &mut worker).await;
    let append = fan_out(&worker, &grant, 1, Next::Suspend { seen_outside: 0 }, &["a#1"]);
    assert_eq!(worker.appends(append).await, AppendAnswer::Accepted);
    let first = worker.takes_steps(1).await;
    loop {
        let asked = worker.denies().await;
        if asked.steps.iter().any(|(dispatch, hold)| *dispatch == first[0].dispatch && *hold == first[0].hold) {
            break;
        }
    }
    let second = worker.takes_steps(1).await;
    assert_eq!(second[0].try_number, 1, "nothing had begun");
    assert_eq!(worker.finishes(&second, done).await, [FinishAnswer::Accepted]);
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn a_dead_workers_steps_go_to_others() {
    let short = |options: &mut piton_scheduler::server::SchedulerOptions| {
        options.lease = Duration::from_secs(3);
        options.direct_grants = DirectGrants::Off;
    };
    let cluster = Cluster::with("steps_dead", short).await;
    let mut dying = Worker::join(&cluster).await;
    let grant = held(&cluster, &mut dying).await;
    let append = fan_out(&dying, &grant, 1, Next::Suspend { seen_outside: 0 }, &["a#1"]);
    assert_eq!(dying.appends(append).await, AppendAnswer::Accepted);
    let lost = dying.takes_steps(1).await;
    let mut other = Worker::join(&cluster).await;
    let beating = other.beat(10);
    let subject = other.bus.subjects().ask_at(other.home, &ORG, Method::Heartbeat);
    let bus = other.bus.clone();
    let beats = tokio::spawn(async move {
        loop {
            let _: Result<Answer<piton_shared::message::worker::Standing>, _> =
                bus.request(&subject, &beating, super::SOON, None).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let taken = other.takes_steps(1).await;
    assert_eq!((taken[0].try_number, taken[0].failed_tries), (2, 0));
    assert_eq!(dying.finishes(&lost, done).await, [FinishAnswer::Fenced]);
    assert_eq!(other.finishes(&taken, done).await, [FinishAnswer::Accepted]);
    beats.abort();
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    let _: HandedBack = insist(&other.bus, Method::Leave, &Leave { worker: other.id }).await;
    cluster.finish().await;
}

#[tokio::test]
async fn the_holder_of_a_run_that_is_parked_for_a_step_is_told_to_drop_it() {
    let short = |options: &mut piton_scheduler::server::SchedulerOptions| {
        options.lease = Duration::from_secs(2);
        options.direct_grants = DirectGrants::Off;
    };
    let cluster = Cluster::with("steps_parked", short).await;
    let (mut holder, mut dying) = (Worker::join(&cluster).await, Worker::join(&cluster).await);
    let grant = held(&cluster, &mut holder).await;
    assert_eq!(holder.appends(fan_out(&holder, &grant, 1, Next::GoOn, &["a#1"])).await, AppendAnswer::Accepted);
    dying.takes_steps(1).await;
    let struck = include_str!("../sql/strike_steps.sql");
    sqlx::query(struck).bind(grant.run.uuid()).bind(2_i16).execute(&cluster.db.pool).await.expect("it is struck");
    until(async || {
        holder.beats(0).await;
        cluster.db.row(grant.run).await.state == RunState::Parked
    })
    .await;
    assert_eq!(holder.hears().await, ToWorker::DropRun { run: grant.run, attempt: grant.attempt });
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn only_workers_of_its_queue_and_with_its_function_execute_a_step() {
    let cluster = Cluster::new("steps_queues").await;
    let mut plain = Worker::join(&cluster).await;
    let grant = held(&cluster, &mut plain).await;
    let gpu = Queue::new("gpu").expect("a name");
    let mut register = register(WorkerId::new(fresh()));
    register.queues = vec![gpu.clone()];
    let mut special = Worker::join_as(&cluster, register).await;
    let mut append = fan_out(&plain, &grant, 1, Next::Suspend { seen_outside: 0 }, &["a#1"]);
    append.dispatches[0].queue = Some(gpu);
    assert_eq!(plain.appends(append).await, AppendAnswer::Accepted);
    let step = special.takes_steps(1).await;
    let lacking = |_: &StepGrant| StepEnding::Returned { reason: HandBackReason::Lacking };
    assert_eq!(special.finishes(&step, lacking).await, [FinishAnswer::Accepted]);
    let step = special.takes_steps(1).await;
    assert_eq!(step[0].try_number, 1, "it comes again after a moment");
    assert_eq!(special.finishes(&step, done).await, [FinishAnswer::Accepted]);
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn a_kill_is_confirmed_by_executors_too_and_a_withdrawal_is_told_them() {
    let cluster = indirect("steps_kill").await;
    let (mut holder, mut other) = (Worker::join(&cluster).await, Worker::join(&cluster).await);
    let grant = held(&cluster, &mut holder).await;
    let append = fan_out(&holder, &grant, 1, Next::GoOn, &["a#1", "b#1"]);
    assert_eq!(holder.appends(append).await, AppendAnswer::Accepted);
    let steps = other.takes_steps(2).await;
    let withdraw = holder.hold(&grant).append(2, Next::GoOn).without("a#1").append;
    assert_eq!(holder.appends(withdraw).await, AppendAnswer::Accepted);
    let ToWorker::DropSteps { steps: dropped } = other.hears().await else { panic!("it is told") };
    let a = steps.iter().find(|step| step.dispatch.key.as_str() == "a#1").expect("it is held");
    assert_eq!(dropped, [(a.dispatch.clone(), a.hold)]);
    let killed = cluster.engine().kill(grant.run, &ORG, Duration::from_millis(50)).await.expect("answered");
    assert_eq!(killed, Some(Killed::Committed), "nobody has said a word");
    let ToWorker::Control(control) = other.hears().await else { panic!("it is told") };
    assert_eq!((control.run, control.action), (grant.run, Action::Kill));
    assert_eq!(other.finishes(&steps, done).await, vec![FinishAnswer::Fenced; 2]);
    cluster.finish().await;
}

#[tokio::test]
async fn a_paused_run_is_handed_back_and_goes_on_when_it_is_resumed() {
    let cluster = indirect("steps_paused").await;
    let mut worker = Worker::join(&cluster).await;
    let grant = held(&cluster, &mut worker).await;
    let engine = cluster.engine();
    let pausing = tokio::spawn({
        let engine = engine.clone();
        async move { engine.pause(grant.run, &ORG, super::SOON).await }
    });
    let ToWorker::Control(control) = worker.hears().await else { panic!("it is told") };
    assert_eq!(control.action, Action::Pause);
    let mut beat = worker.beat(5);
    beat.control_applied = control.version;
    worker.says(&beat).await;
    assert_eq!(pausing.await.expect("it ran").expect("answered"), Some(Paused::Confirmed));
    // It journals what had begun, gives steps away for later, and hands the run back.
    let append = fan_out(&worker, &grant, 1, Next::GoOn, &["a#1"]);
    assert_eq!(worker.appends(append).await, AppendAnswer::Accepted);
    let runs = vec![(grant.run, grant.attempt)];
    let back = HandBack { worker: worker.id, reason: HandBackReason::Released, runs };
    let back: HandedBack = insist(&worker.bus, Method::HandBack, &back).await;
    assert_eq!(back.requeued, 1);
    let row = cluster.db.row(grant.run).await;
    assert!(row.state == RunState::Backlog && row.paused_at.is_some());
    let resumed = engine.resume(grant.run, &ORG).await.expect("answered");
    assert_eq!(resumed, Some(Resumed::GoesOn(RunState::Backlog)));
    let again = worker.takes().await.expect("it is granted");
    assert_eq!(again.open[0].waiting, Some(Waiting::Dispatched));
    assert_eq!(worker.takes_steps(1).await.len(), 1);
    drop(engine);
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn a_fan_out_of_ten_thousand_resumes() {
    let cluster = indirect("steps_ten_thousand").await;
    let mut worker = Worker::join(&cluster).await;
    let grant = held(&cluster, &mut worker).await;
    let mut number = 0;
    for part in 0..10 {
        number += 1;
        let keys: Vec<_> = (0..1000).map(|branch| format!("parallel#1/{:05}/a#1", part * 1000 + branch)).collect();
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let append = fan_out(&worker, &grant, number, Next::GoOn, &keys);
        assert_eq!(worker.appends(append).await, AppendAnswer::Accepted);
    }
    let runs = vec![(grant.run, grant.attempt)];
    let back = HandBack { worker: worker.id, reason: HandBackReason::Released, runs };
    let _: HandedBack = insist(&worker.bus, Method::HandBack, &back).await;
    let again = worker.takes().await.expect("it is granted");
    let (mut open, mut more) = (again.open.clone(), again.more_open);
    while more == More::Follows {
        let part = Part::Open { after: open.last().map(|call| call.key.clone()) };
        let read = Read { worker: worker.id, run: again.run, attempt: again.attempt, part };
        let ReadAnswer::Open { open: page, more: next } = insist(&worker.bus, Method::Read, &read).await else {
            panic!("it is a page");
        };
        open.extend(page);
        more = next;
    }
    assert_eq!(open.len(), 10_000);
    assert!(open.windows(2).all(|two| two[0].key < two[1].key));
    // The stream stays shallow.
    let depths = cluster.db.store.step_depths(20_000).await.expect("read");
    assert!(depths.iter().map(|depth| depth.published).sum::<i64>() <= 128, "{depths:?}");
    let step = worker.takes_steps(1).await;
    let read = ReadStep { worker: worker.id, dispatch: step[0].dispatch.clone(), hold: step[0].hold };
    let input: ReadStepAnswer = insist(&worker.bus, Method::ReadStep, &read).await;
    assert_eq!(input, ReadStepAnswer::Input(payload(step[0].dispatch.key.as_str())));
    let strange = ReadStep { hold: HoldId::new(fresh()), ..read };
    let fenced: ReadStepAnswer = insist(&worker.bus, Method::ReadStep, &strange).await;
    assert_eq!(fenced, ReadStepAnswer::Fenced);
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn a_worker_that_drains_is_given_nothing_unasked() {
    let cluster = Cluster::new("steps_drain").await;
    let mut worker = Worker::join(&cluster).await;
    let mut beat = worker.beat(10);
    beat.intent = Intent::Draining;
    worker.says(&beat).await;
    let grant = held(&cluster, &mut worker).await;
    let append = fan_out(&worker, &grant, 1, Next::Suspend { seen_outside: 0 }, &["a#1"]);
    assert_eq!(worker.appends(append).await, AppendAnswer::Accepted);
    // Over the stream, and not in a message.
    let step = worker.takes_steps(1).await;
    assert_eq!(step[0].dispatch.key, StepKey::new("a#1"));
    cluster.engine().kill(grant.run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}
