//! `POST /v1/runs`: what is asked for, and the answer.

use std::time::Duration;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use piton_shared::{
    codec,
    limits::{CALLER_KEY_BYTES, PAYLOAD_BYTES, REQUEST_WAIT, TAGS},
    message::{batch::BATCH_RUN, define::DefinitionKind},
    name::{Build, Org, Queue, check_definition},
};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    access::Caller,
    body::Json,
    code::Code,
    document::{IdempotencyKey, Wait, shapes},
    fields::{Fields, check_session, check_text},
    input, limits,
    problem::Problem,
    query::Parameters,
    request::trace_of,
    routes::Door,
    runs::waited,
    view::{RunView, StartedView, WaitingView, run_path},
};
use crate::engine::{Novelty, Start, Started};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A start as the body asks for it.
#[derive(Debug)]
struct Asked {
    start: Start,
    /// The input as it came.
    input: Value,
    wait: Option<Duration>,
}

/// What starts a run.
#[derive(ToSchema)]
#[schema(as = StartRun)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
struct StartBody {
    /// The workflow's name.
    #[schema(schema_with = shapes::definition)]
    workflow: (),
    /// What it is started with; null when not said.
    #[schema(schema_with = shapes::any, required = false)]
    input: (),
    /// The queue to publish it to; `default` when not said.
    #[schema(schema_with = shapes::maybe_token, required = false)]
    queue: (),
    /// The build of workers that it is bound to.
    #[schema(schema_with = shapes::maybe_token, required = false)]
    build: (),
    #[schema(schema_with = shapes::session, required = false)]
    session_id: (),
    #[schema(schema_with = shapes::tags, required = false)]
    tags: (),
    /// How long to wait before it begins; ten years at most.
    #[schema(schema_with = shapes::duration, required = false)]
    delay: (),
    /// How long to wait for its end, as the parameter of that name.
    #[schema(schema_with = shapes::duration, required = false)]
    wait: (),
}

/// What a start is answered with: who waited for the end gets the whole run.
#[derive(ToSchema)]
#[schema(as = StartedOrEnded)]
#[serde(untagged)]
#[expect(dead_code, reason = "what the document says of two answers")]
enum StartAnswer {
    // Whoever tries one after the other finds the whole run first.
    Ended(Box<RunView>),
    Started(StartedView),
}

/// Start a run
///
/// Answers once the run is committed: whatever crashes then, it goes on. With `wait` the answer is the run as it ended, or
/// 202 when it still goes on after that time. A repeated `Idempotency-Key` is answered with the run that it made, by 200.
#[utoipa::path(
    post, path = "/v1/runs", operation_id = "start_run", tag = "Runs", params(IdempotencyKey, Wait),
    request_body = StartBody,
    responses(
        (status = 201, description = "It was accepted; of one that was waited for, it has ended", body = StartAnswer,
            headers(("Location" = String, description = "The run's address"))),
        (status = 200, description = "The key had made it before", body = StartAnswer,
            headers(("Location" = String, description = "The run's address"))),
        (status = 202, description = "It goes on after the time that was waited", body = RunView,
            headers(("Location" = String, description = "The run's address"))),
        (status = 409, description = "idempotency_conflict"),
        (status = 422, description = "invalid_input, invalid_payload, unknown_org"),
    ),
)]
pub(super) async fn start(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    headers: HeaderMap,
    mut parameters: Parameters,
    Json(body): Json,
) -> Result<Response, Problem> {
    let wait = parameters.wait()?;
    parameters.finish()?;
    let key = idempotency_key(&headers)?;
    let mut asked = read(body, org.clone())?;
    asked.start.key = key;
    asked.start.trace = trace_of(&headers);
    let workflow = asked.start.workflow.clone();
    check_input(&door, &asked).await?;
    match wait.or(asked.wait) {
        None => {
            let (queue, build) = (asked.start.queue.clone(), asked.start.build.clone());
            let started = door.in_time(door.engine.start(asked.start)).await?;
            tracing::Span::current().record("run.id", started.run.to_string());
            let waiting = WaitingView::of(started.served, &workflow, queue.as_str(), build.as_ref().map(Build::as_str));
            let view = axum::Json(StartedView::new(&started, workflow, waiting));
            Ok((status(&started), located(&started), view).into_response())
        }
        Some(up_to) => {
            let (started, watch) = door.in_time(door.engine.start_watched(asked.start)).await?;
            tracing::Span::current().record("run.id", started.run.to_string());
            let answer = waited(&door, started.run, watch, &org, up_to, status(&started)).await?;
            Ok((located(&started), answer).into_response())
        }
    }
}

/// Refuses an input that the workflow does not take. Of a workflow that no worker has spoken of yet, everything is taken.
async fn check_input(door: &Door, Asked { start, input, .. }: &Asked) -> Result<(), Problem> {
    let known = door.in_time(door.engine.definitions().workflow(&start.org, &start.workflow)).await?;
    let Some(known) = known else {
        return Ok(());
    };
    let faults = known.check(start.build.as_ref(), input);
    let faults = input::within("/input", faults).collect();
    input::admit(door, &start.org, start.key.as_deref(), (DefinitionKind::Workflow, &start.workflow), faults).await
}

pub(super) fn status(started: &Started) -> StatusCode {
    match started.novelty {
        Novelty::New => StatusCode::CREATED,
        Novelty::Repeated => StatusCode::OK,
    }
}

fn located(started: &Started) -> [(HeaderName, String); 1] {
    [(LOCATION, run_path(started.run.uuid()))]
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let wrong = |detail: String| {
        Problem::new(Code::InvalidHeader, format!("the header Idempotency-Key {detail}"))
            .with("header", "Idempotency-Key")
    };
    let Some(key) = given.next() else {
        return Ok(None);
    };
    if given.next().is_some() {
        return Err(wrong("appears twice".into()));
    }
    let text = HeaderValue::to_str(key).map_err(|_| wrong("must be printable ASCII".into()))?.trim();
    check_text(text, CALLER_KEY_BYTES).map_err(wrong)?;
    Ok(Some(text.to_owned()))
}

fn read(body: Value, org: Org) -> Result<Asked, Problem> {
    let mut fields = Fields::new(body)?;
    let workflow = fields.required_text("workflow");
    if let Some(Err(error)) = workflow.as_deref().map(check_definition) {
        fields.fault("/workflow", error.to_string());
    }
    if workflow.as_deref() == Some(BATCH_RUN) {
        fields.fault("/workflow", "is no workflow that a worker has; `POST /v1/batches` starts such a run");
    }
    let input = fields.any("input").unwrap_or(Value::Null);
    let queue = fields.checked("queue", Queue::new);
    let build = fields.checked("build", Build::new);
    let session = fields.checked("session_id", |id| check_session(&id).map(|()| id));
    let tags = fields.texts("tags", TAGS, check_tag);
    let delay = fields.duration("delay");
    let wait = fields.duration("wait");
    fields.finish()?;
    let encoded = codec::from_json(&input).map_err(|error| unencodable(&error))?;
    Ok(Asked {
        input,
        start: Start {
            org,
            workflow: workflow.unwrap_or_default(),
            input: encoded,
            queue: queue.unwrap_or(Queue::DEFAULT),
            build,
            session,
            tags,
            delay,
            key: None,
            trace: None,
        },
        wait: wait.map(|wait| wait.min(REQUEST_WAIT)),
    })
}

pub(super) fn check_tag(tag: &str) -> Result<(), String> {
    check_text(tag, limits::TEXT_BYTES)?;
    if tag.contains(',') {
        return Err("may not have a comma".into());
    }
    Ok(())
}

fn unencodable(error: &codec::EncodeError) -> Problem {
    Problem::new(
        Code::InvalidPayload,
        format!(
            "the input cannot be stored: {error}; a payload may have {PAYLOAD_BYTES} bytes, keep what is larger elsewhere and pass its address"
        ),
    )
    .at("/input", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problem(body: Value) -> String {
        format!("{:#?}", read(body, Org::DEFAULT).expect_err("refused"))
    }

    #[test]
    fn a_start_with_everything_is_read() {
        let asked = read(
            json!({
                "workflow": "billing.charge", "input": {"amount": 3}, "queue": "gpu", "build": "v7",
                "session_id": "s 1", "tags": ["a", "b"], "delay": "1h 30m", "wait": 2.5,
            }),
            Org::DEFAULT,
        )
        .expect("all fields are good");
        assert_eq!(asked.start.workflow, "billing.charge");
        assert_eq!(asked.start.delay, Some(Duration::from_mins(90)));
        assert_eq!(asked.wait, Some(Duration::from_millis(2500)));
        let input = codec::to_json(&asked.start.input).expect("what was encoded reads");
        assert_eq!(input, json!({"amount": 3}));
    }

    #[test]
    fn nulls_are_as_good_as_nothing() {
        let asked = read(json!({"workflow": "w", "queue": null, "delay": null, "tags": null}), Org::DEFAULT)
            .expect("only the workflow is needed");
        assert_eq!(asked.start.queue, Queue::DEFAULT);
        assert_eq!(asked.start.delay, None);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        insta::assert_snapshot!(problem(json!({
            "input": 1, "queue": "a.b", "build": 7, "tags": ["ok", 3, "a,b", ""], "delay": "soon", "wait": -1,
            "session_id": "x\ny", "worklfow": "typo", "a/b~c": 1,
        })));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        insta::assert_snapshot!(problem(json!([1])));
    }

    #[test]
    fn an_input_too_large_or_too_deep_is_refused() {
        let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
        for input in [json!("x".repeat(PAYLOAD_BYTES)), deep] {
            let refused = read(json!({"workflow": "w", "input": input}), Org::DEFAULT);
            assert_eq!(refused.expect_err("refused").code(), Code::InvalidPayload);
        }
    }

    #[test]
    fn idempotency_keys_are_checked() {
        let with = |values: &[&str]| {
            let headers = values.iter().map(|value| {
                let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header");
                (IDEMPOTENCY_KEY, value)
            });
            idempotency_key(&headers.collect())
        };
        assert!(matches!(with(&[]), Ok(None)));
        assert!(matches!(with(&["order 7"]), Ok(Some(key)) if key == "order 7"));
        for bad in [&["", ""][..], &[""], &["ü"], &[&"x".repeat(300)]] {
            assert!(with(bad).is_err(), "{bad:?}");
        }
    }
}
