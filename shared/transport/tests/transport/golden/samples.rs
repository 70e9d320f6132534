//! One of each message, and of each of its variants.

use std::time::Duration;

use piton_shared::{
    ids::{Epoch, SchedulerId},
    journal::Place,
    message::{
        Answer, Refusal,
        append::{AppendAnswer, Appended},
        batch::{BatchStatus, BatchSummary, ItemResult},
        claim::{
            Alone, Claim, ClaimAnswer, ClaimAsk, Claimed, Company, HandBack, HandBackReason, HandedBack, Moment,
            Solitude, Waiting,
        },
        define::Defined,
        dispatch::{
            ClaimSteps, ClaimedSteps, Finish, FinishAnswer, Finished, StepAnswer, StepAsk, StepEnding, StepTask,
        },
        envelope::EnvelopeError,
        read::{More, Part, ReadAnswer, ReadStep, ReadStepAnswer},
        state::{StateScope, StateValue},
        task::RunTask,
        wake::{Action, Ended, Holding, Holds, ToWorker},
        worker::{Intent, Leave, Register, Registered, Standing},
    },
    name::Queue,
};
use uuid::Uuid;

use super::{
    Sample, sample,
    values::{
        appends, at, attempt, build, control, define, dispatch, end, entry, failure, grant, heartbeat, hold, key, open,
        org, payload, read, run, step_grant, worker,
    },
};

pub(super) fn all() -> Vec<Sample> {
    let control_version = 9;
    vec![
        sample(
            "register",
            Register {
                worker: worker(),
                org: org(),
                name: "w".to_owned(),
                host: "h".to_owned(),
                process: 7,
                build: Some(build()),
                queues: vec![Queue::DEFAULT],
                workflows: vec!["order".to_owned()],
                functions: vec!["charge".to_owned()],
                run_slots: 10,
                step_slots: 5,
                previous: None,
            },
        ),
        sample(
            "registered",
            Answer::Done(Registered {
                scheduler: SchedulerId::new(Uuid::from_u128(8)),
                lease_millis: 2500,
                heartbeat_millis: 500,
                control_version,
                consumers: vec!["run=acme=default=any".to_owned()],
                step_consumers: vec!["step=acme=default=any".to_owned()],
            }),
        ),
        sample("define", define()),
        sample("defined", Answer::Done(Defined {})),
        sample("heartbeat.working", heartbeat(Intent::Working)),
        sample("heartbeat.draining", heartbeat(Intent::Draining)),
        sample("heartbeat.solitary", heartbeat(Intent::Solitary)),
        sample(
            "standing.renewed",
            Answer::Done(Standing::Renewed {
                controls: vec![control(Action::Kill), control(Action::Pause), control(Action::Unpause)],
            }),
        ),
        sample("standing.ended", Answer::Done(Standing::Ended)),
        sample("leave", Leave { worker: worker() }),
        sample("handed_back", Answer::Done(HandedBack { requeued: 3 })),
        sample(
            "claim",
            Claim { worker: worker(), asks: vec![ClaimAsk { run: run(), epoch: Epoch(5), attempt: attempt() }] },
        ),
        sample(
            "claimed",
            Answer::Done(Claimed {
                control_version,
                answers: vec![
                    ClaimAnswer::Granted(Box::new(grant(Company::Shared))),
                    ClaimAnswer::Granted(Box::new(grant(Company::Alone))),
                    ClaimAnswer::Stale,
                ],
            }),
        ),
        sample(
            "hand_back.released",
            HandBack { worker: worker(), reason: HandBackReason::Released, runs: vec![(run(), attempt())] },
        ),
        sample(
            "hand_back.lacking",
            HandBack { worker: worker(), reason: HandBackReason::Lacking, runs: vec![(run(), attempt())] },
        ),
        sample("alone.begins", Alone { worker: worker(), run: run(), attempt: attempt(), moment: Moment::Begins }),
        sample("alone.over", Alone { worker: worker(), run: run(), attempt: attempt(), moment: Moment::Over }),
        sample("solitude.noted", Answer::Done(Solitude::Noted)),
        sample("solitude.lost", Answer::Done(Solitude::Lost)),
        sample("appends", appends()),
        sample(
            "appended",
            Answer::Done(Appended {
                answers: vec![
                    AppendAnswer::Accepted,
                    AppendAnswer::Fenced,
                    AppendAnswer::Superseded,
                    AppendAnswer::Overtaken { outside: vec![entry(Place::Outside { number: 2 })] },
                    AppendAnswer::Conflict { current: StateValue { value: Some(payload()), version: 3 } },
                    AppendAnswer::Invalid { reason: "r".to_owned() },
                ],
            }),
        ),
        sample("read.input", read(Part::Input)),
        sample("read.journal", read(Part::Journal { after: Some(key()) })),
        sample("read.open", read(Part::Open { after: None })),
        sample("read.outside", read(Part::Outside { after: 3 })),
        sample("read.state", read(Part::State { scope: StateScope::Run, name: "n".to_owned() })),
        sample("read.batch_results", read(Part::BatchResults { key: key(), after: 2 })),
        sample("read_answer.input", Answer::Done(ReadAnswer::Input(payload()))),
        sample(
            "read_answer.entries",
            Answer::Done(ReadAnswer::Entries {
                entries: vec![entry(Place::Own { number: 1, after: 0 })],
                more: More::Follows,
            }),
        ),
        sample(
            "read_answer.open",
            Answer::Done(ReadAnswer::Open { open: vec![open(Some(Waiting::Sleep))], more: More::End }),
        ),
        sample("read_answer.state", Answer::Done(ReadAnswer::State(StateValue { value: None, version: 0 }))),
        sample(
            "read_answer.results",
            Answer::Done(ReadAnswer::Results {
                results: vec![ItemResult {
                    item: 1,
                    id: Some("a".to_owned()),
                    outcome: Some(Err(failure())),
                    try_number: 2,
                    worker: Some(worker()),
                    started_at: Some(at(2)),
                    finished_at: Some(at(3)),
                }],
                more: More::End,
            }),
        ),
        sample("read_answer.fenced", Answer::Done(ReadAnswer::Fenced)),
        sample(
            "claim_steps",
            ClaimSteps {
                worker: worker(),
                asks: vec![StepAsk { dispatch: dispatch(), epoch: Epoch(2), hold: hold() }],
            },
        ),
        sample(
            "claimed_steps",
            Answer::Done(ClaimedSteps {
                control_version,
                answers: vec![StepAnswer::Granted(Box::new(step_grant())), StepAnswer::Stale],
            }),
        ),
        sample(
            "finish",
            Finish {
                worker: worker(),
                ends: vec![
                    end(StepEnding::Done {
                        outcome: Ok(payload()),
                        try_number: 2,
                        started_at: at(1),
                        finished_at: at(2),
                    }),
                    end(StepEnding::Again {
                        failure: failure(),
                        try_number: 2,
                        started_at: at(1),
                        finished_at: at(2),
                        after: Duration::from_millis(700),
                    }),
                    end(StepEnding::Returned { reason: HandBackReason::Lacking }),
                ],
            },
        ),
        sample(
            "finished",
            Answer::Done(Finished {
                answers: vec![
                    FinishAnswer::Accepted,
                    FinishAnswer::Fenced,
                    FinishAnswer::Invalid { reason: "r".to_owned() },
                ],
            }),
        ),
        sample("read_step", ReadStep { worker: worker(), dispatch: dispatch(), hold: hold() }),
        sample("read_step_answer.input", Answer::Done(ReadStepAnswer::Input(payload()))),
        sample("read_step_answer.fenced", Answer::Done(ReadStepAnswer::Fenced)),
        sample(
            "to_worker.granted",
            ToWorker::Granted { control_version, heartbeat: 0, grants: vec![grant(Company::Shared)] },
        ),
        sample(
            "to_worker.wake",
            ToWorker::Wake { run: run(), attempt: attempt(), entries: vec![entry(Place::Outside { number: 1 })] },
        ),
        sample(
            "to_worker.granted_steps",
            ToWorker::GrantedSteps { control_version, heartbeat: 0, grants: vec![step_grant()] },
        ),
        sample("to_worker.drop_steps", ToWorker::DropSteps { steps: vec![(dispatch(), hold())] }),
        sample("to_worker.control", ToWorker::Control(control(Action::Kill))),
        sample("holding", Holding { runs: vec![(run(), attempt())], steps: vec![(dispatch(), hold())] }),
        sample("holds", Holds { unknown: vec![(run(), attempt())], unknown_steps: vec![(dispatch(), hold())] }),
        sample("ended", Ended { runs: vec![run()] }),
        sample("run_task", RunTask { run: run(), epoch: Epoch(5) }),
        sample("step_task", StepTask { dispatch: dispatch(), epoch: Epoch(5) }),
        sample("refused.unknown_worker", Answer::<()>::Refused(Refusal::UnknownWorker)),
        sample("refused.invalid", Answer::<()>::Refused(Refusal::Invalid("i".to_owned()))),
        sample(
            "refused.envelope",
            Answer::<()>::Refused(Refusal::Envelope(EnvelopeError::Version { theirs: 2, ours: 1 })),
        ),
        sample("unavailable", Answer::<()>::Unavailable { reason: "u".to_owned() }),
        sample(
            "batch_summary",
            BatchSummary {
                status: BatchStatus::PartialFailure,
                total: 9,
                completed: 4,
                failed: 1,
                cancelled: 4,
                duration_ms: 20,
                item_ms: 30,
            },
        ),
    ]
}
