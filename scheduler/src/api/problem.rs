//! Errors as the API shows them: `application/problem+json`, RFC 9457.

use std::time::Duration;

use axum::{
    body::Body,
    http::{
        HeaderValue,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use piton_shared::limits::LIST_TIME;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{code::Code, limits};
use crate::{
    engine::StartError,
    event::PublishError,
    look::LookError,
    store::{Fault, StoreError},
};

/// An error on its way to the caller. The request's id is added where the answer leaves.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    more: Map<String, Value>,
    retry_after: Option<Duration>,
}

/// A field of a body that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Which, as a JSON pointer; empty for the whole body.
    pub pointer: String,
    /// What is wrong with it and what it may be.
    pub detail: String,
}

#[derive(Serialize)]
struct Shape<'a> {
    r#type: String,
    code: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

impl Problem {
    /// A problem of this kind. The detail says what happened here and what to do.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), more: Map::new(), retry_after: None }
    }

    /// Fields that are wrong.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", place(&one.pointer), one.detail),
            several => format!("{} fields are wrong; `errors` says which and why", several.len()),
        };
        Self { errors, ..Self::new(Code::InvalidField, detail) }
    }

    /// The same problem with one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The same problem with a field that is to blame.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// The scheduler has too much to do.
    pub fn overloaded() -> Self {
        Self {
            retry_after: Some(limits::RETRY_AFTER),
            ..Self::new(
                Code::Overloaded,
                "too many requests are under way; nothing was done: send it again in a moment",
            )
        }
    }

    /// The org reads as many lists at once as it may.
    pub fn too_many_lists() -> Self {
        Self::new(
            Code::Overloaded,
            "your org reads as many lists at once as it may; ask for fewer at a time, and send this one again in a moment",
        )
        .retry_after(limits::RETRY_AFTER)
    }

    /// The same problem with when to come back.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// There is no such run in the caller's org.
    pub fn unknown_run(run: impl std::fmt::Display) -> Self {
        Self::new(
            Code::UnknownRun,
            format!("there is no run {run} in your org; `GET /v1/runs` lists those that are there"),
        )
    }

    /// A mistake of ours; the cause is for the log, not for the caller.
    pub fn internal() -> Self {
        Self::new(Code::Internal, "the scheduler made a mistake; its log has the cause under this request's id")
    }

    /// What kind it is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What happened here and what to do.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The fields that are wrong.
    pub(super) fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// What is sent of it, with the request's id in it if it has one.
    pub(crate) fn json(&self, request_id: &str) -> Vec<u8> {
        let shape = Shape {
            r#type: self.code.address(),
            code: self.code.word(),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            request_id,
            errors: &self.errors,
            more: &self.more,
        };
        serde_json::to_vec(&shape).expect("text and numbers always encode as JSON")
    }

    /// The answer, with the request's id in it.
    pub(super) fn render(&self, request_id: &str) -> Response {
        let mut response = Response::new(Body::from(self.json(request_id)));
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        response
    }
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "the body" } else { pointer }
}

/// Rides on the response until the request's id is known.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<&StoreError> for Problem {
    /// Logs what is our own mistake.
    fn from(error: &StoreError) -> Self {
        if error.is_out_of_time() {
            tracing::warn!(error = error as &dyn std::error::Error, "a statement of a request took too long");
            return Self::new(
                Code::ListTooLong,
                format!(
                    "the list took longer than {} s; narrow it with a filter, a time range or a smaller limit",
                    LIST_TIME.as_secs()
                ),
            );
        }
        match error.fault() {
            Fault::Passing | Fault::Taken => {
                tracing::warn!(error = error as &dyn std::error::Error, "the database is away");
                Self {
                    retry_after: Some(limits::RETRY_AFTER),
                    ..Self::new(
                        Code::Unavailable,
                        "the database is away; what was accepted is safe: send the request again in a moment",
                    )
                }
            }
            Fault::BadRow => {
                tracing::warn!(error = error as &dyn std::error::Error, "the database refused a value");
                Self::new(Code::UnacceptableValue, "the database refused a value of this request; nothing was stored")
            }
            Fault::Bug => {
                tracing::error!(error = error as &dyn std::error::Error, "a query is at odds with the schema");
                Self::internal()
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<LookError> for Problem {
    fn from(error: LookError) -> Self {
        match error {
            LookError::Full => Self::overloaded(),
            LookError::Store(error) => Self::from(&*error),
        }
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::UnknownOrg(org) => {
                Self::new(Code::UnknownOrg, format!("there is no org `{org}`, or it is disabled"))
            }
            PublishError::Full => Self::overloaded(),
            PublishError::Store(error) => Self::from(&*error),
        }
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::KeyConflict { run } => Self::new(
                Code::IdempotencyConflict,
                format!(
                    "the key has started run {run} by another request: workflow, input, queue, build, session and delay are compared, and of a batch its function, items and terms; use a new key, or the same request"
                ),
            )
            .with("run_id", run.to_string()),
            StartError::UnknownOrg(org) => Self::new(Code::UnknownOrg, format!("there is no org `{org}`")),
            StartError::Full => Self::overloaded(),
            StartError::Store(error) => Self::from(&*error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shown(problem: Problem) -> String {
        let response = problem.render("req-1");
        let head = format!("{} {:?}", response.status(), response.headers());
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.expect("a body in memory reads");
        let body: Value = serde_json::from_slice(&body).expect("a problem is JSON");
        format!("{head}\n{body:#}")
    }

    #[tokio::test]
    async fn a_conflict_names_the_run() {
        let run = piton_shared::ids::RunId::new(uuid::Uuid::from_u128(7));
        insta::assert_snapshot!(shown(StartError::KeyConflict { run }.into()).await);
    }

    #[tokio::test]
    async fn fields_are_named_by_pointer() {
        let errors =
            ["/workflow", "/tags/3"].map(|pointer| FieldError { pointer: pointer.into(), detail: "is wrong".into() });
        insta::assert_snapshot!(shown(Problem::fields(errors.into())).await);
    }

    #[tokio::test]
    async fn a_busy_scheduler_says_when_to_come_back() {
        insta::assert_snapshot!(shown(StartError::Full.into()).await);
    }
}
