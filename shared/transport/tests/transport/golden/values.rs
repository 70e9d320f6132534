//! What messages are made of, every field set.

use std::time::Duration;

use piton_shared::{
    failure::{Cause, Failure},
    ids::{AttemptId, Epoch, HoldId, RunId, WorkerId},
    journal::{Entry, Kind, Place, StepKey},
    message::{
        append::{Append, Appends, FailedTry, NewWait, Next},
        batch::{BatchItem, BatchItems, BatchTerms, OnFailure},
        claim::{Company, Grant, OpenCall, Waiting},
        define::{Define, Definition, DefinitionKind, Parameter, Presence},
        dispatch::{DispatchId, NewDispatch, StepEnd, StepEnding, StepGrant},
        read::{More, Part, Read},
        state::{StateScope, StateWrite},
        wake::{Action, Control},
        worker::{Heartbeat, Intent, UnderWay},
    },
    name::{Build, Org, Queue},
    parked::Parked,
    replay::StepOptions,
    retry::RetryPolicy,
    time::Timestamp,
    trigger::{CatchUp, CronTrigger, EventTrigger, InputRule, Overlap, Provider, Trigger, WebhookTrigger},
};
use uuid::Uuid;

pub(super) fn run() -> RunId {
    RunId::new(Uuid::from_u128(1))
}

pub(super) fn attempt() -> AttemptId {
    AttemptId::new(Uuid::from_u128(2))
}

pub(super) fn worker() -> WorkerId {
    WorkerId::new(Uuid::from_u128(3))
}

pub(super) fn hold() -> HoldId {
    HoldId::new(Uuid::from_u128(4))
}

pub(super) fn key() -> StepKey {
    StepKey::new("parallel#1/0/charge#1")
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

pub(super) fn payload() -> Vec<u8> {
    piton_shared::codec::encode(&("x", 7)).expect("it encodes")
}

pub(super) fn org() -> Org {
    Org::new("acme").expect("a name")
}

pub(super) fn build() -> Build {
    Build::new("b1").expect("a name")
}

pub(super) fn failure() -> Failure {
    Failure { cause: Cause::Timeout, ..Failure::permanent("below").context("above") }
}

pub(super) fn terms() -> StepOptions {
    StepOptions {
        timeout: Some(Duration::from_mins(1)),
        try_timeout: Some(Duration::from_millis(1500)),
        retry: Some(RetryPolicy::default()),
        queue: Some(Queue::new("gpu").expect("a name")),
    }
}

pub(super) fn dispatch() -> DispatchId {
    DispatchId { run: run(), key: key(), item: 7 }
}

pub(super) fn entry(place: Place) -> Entry {
    Entry {
        key: key(),
        kind: Kind::Step,
        name: "charge".to_owned(),
        input: payload(),
        outcome: Ok(payload()),
        place,
        started_at: at(1),
        finished_at: at(2),
        worker: Some(worker()),
        try_number: 2,
    }
}

pub(super) fn control(action: Action) -> Control {
    Control { version: 9, run: run(), action }
}

pub(super) fn open(waiting: Option<Waiting>) -> OpenCall {
    OpenCall {
        key: key(),
        failed_tries: 1,
        last_try: 2,
        first_started_at: Some(at(1)),
        last_failed_at: Some(at(2)),
        waiting,
    }
}

pub(super) fn grant(company: Company) -> Grant {
    Grant {
        run: run(),
        epoch: Epoch(5),
        attempt: attempt(),
        company,
        workflow: "order".to_owned(),
        seed: Uuid::from_u128(6),
        created_at: at(3),
        input: Some(payload()),
        outside: 1,
        entries: vec![
            entry(Place::Own { number: 1, after: 0 }),
            Entry { outcome: Err(failure()), kind: Kind::Sleep, ..entry(Place::Outside { number: 1 }) },
        ],
        journal: More::Follows,
        open: [None, Some(Waiting::Sleep), Some(Waiting::Retry), Some(Waiting::Dispatched)]
            .into_iter()
            .chain([Some(Waiting::Batch { items: 3, more: More::Follows })])
            .map(open)
            .collect(),
        more_open: More::End,
        trace: Some("00-a-b-01".to_owned()),
    }
}

pub(super) fn step_grant() -> StepGrant {
    StepGrant {
        dispatch: dispatch(),
        epoch: Epoch(2),
        hold: hold(),
        function: "charge".to_owned(),
        input: Some(payload()),
        terms: terms(),
        try_number: 2,
        failed_tries: 1,
        first_started_at: Some(at(4)),
        trace: Some("00-a-b-01".to_owned()),
    }
}

pub(super) fn append(next: Next) -> Append {
    Append {
        run: run(),
        attempt: attempt(),
        number: 3,
        rows: vec![entry(Place::Own { number: 2, after: 1 })],
        failed_tries: vec![FailedTry {
            key: key(),
            try_number: 1,
            name: "charge".to_owned(),
            failure: failure(),
            started_at: at(1),
            finished_at: at(2),
        }],
        waits: vec![NewWait {
            key: key(),
            kind: Kind::Sleep,
            name: "nap".to_owned(),
            input: payload(),
            after: Duration::from_secs(5),
        }],
        withdrawn: vec![key()],
        dispatches: vec![NewDispatch {
            key: key(),
            function: "charge".to_owned(),
            input: payload(),
            queue: Some(Queue::DEFAULT),
            terms: terms(),
            failed_tries: 0,
            next_try: 1,
            first_started_at: None,
        }],
        batches: vec![BatchItems {
            key: key(),
            terms: BatchTerms {
                function: "resize".to_owned(),
                queue: Some(Queue::DEFAULT),
                item: terms(),
                max_concurrency: 4,
                on_failure: OnFailure::Stop,
            },
            first: 1,
            items: vec![BatchItem { id: Some("a".to_owned()), input: payload() }],
            more: More::End,
        }],
        state: Some(StateWrite {
            scope: StateScope::Session,
            name: "n".to_owned(),
            value: Some(payload()),
            expected: 2,
        }),
        next,
    }
}

pub(super) fn read(part: Part) -> Read {
    Read { worker: worker(), run: run(), attempt: attempt(), part }
}

pub(super) fn end(ending: StepEnding) -> StepEnd {
    StepEnd { dispatch: dispatch(), hold: hold(), ending }
}

pub(super) fn appends() -> Appends {
    let nexts = [
        Next::GoOn,
        Next::Suspend { seen_outside: 4 },
        Next::Complete(payload()),
        Next::Fail(failure()),
        Next::Cancel(failure()),
        Next::Park(Parked::Limit { message: "m".to_owned() }),
    ];
    Appends { worker: worker(), appends: nexts.into_iter().map(append).collect() }
}

pub(super) fn heartbeat(intent: Intent) -> Heartbeat {
    Heartbeat {
        worker: worker(),
        number: 0,
        intent,
        free_runs: 10,
        free_steps: 5,
        control_applied: 8,
        under_way: vec![UnderWay {
            run: run(),
            key: key(),
            try_number: 1,
            since: at(1),
            beat_at: Some(at(2)),
            progress: Some(0.5),
            note: Some("half".to_owned()),
        }],
    }
}

pub(super) fn define() -> Define {
    Define {
        org: org(),
        build: Some(build()),
        queue: Queue::DEFAULT,
        since: at(1),
        definitions: vec![Definition {
            kind: DefinitionKind::Workflow,
            name: "order".to_owned(),
            description: "d".to_owned(),
            parameters: vec![Parameter {
                name: "id".to_owned(),
                presence: Presence::Required,
                schema: "true".to_owned(),
            }],
            input_schema: "true".to_owned(),
            output_schema: "true".to_owned(),
            triggers: vec![
                Trigger::Event(EventTrigger {
                    pattern: "user.*".to_owned(),
                    filter: Some("true".to_owned()),
                    input: InputRule::Expression("event".to_owned()),
                }),
                Trigger::Webhook(WebhookTrigger {
                    provider: Provider::Stripe,
                    endpoint: Some("e".to_owned()),
                    event: Some("charge.*".to_owned()),
                    filter: None,
                    input: InputRule::Envelope,
                }),
                Trigger::Cron(CronTrigger {
                    name: Some("nightly".to_owned()),
                    expression: "0 9 * * *".to_owned(),
                    time_zone: "UTC".to_owned(),
                    overlap: Overlap::Skip,
                    catch_up: CatchUp::All,
                    jitter_millis: 5,
                    input: payload(),
                }),
            ],
        }],
        more: More::Follows,
    }
}
