//! Request bodies: read within bounds, and only as JSON.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{
        HeaderMap,
        header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    },
};
use futures::StreamExt;
use piton_shared::{
    codec::{Duplicates, JsonError, read_json},
    limits::REQUEST_BODY_BYTES,
};
use serde_json::Value;

use super::{
    code::Code,
    limits,
    problem::{FieldError, Problem},
    routes::Door,
};

/// A body that must be JSON.
#[derive(Debug)]
pub(super) struct Json(pub(super) Value);

/// A body that may be missing, and must be JSON if it is there.
#[derive(Debug)]
pub(super) struct MaybeJson(pub(super) Option<Value>);

impl FromRequest<Door> for Json {
    type Rejection = Problem;

    async fn from_request(request: Request, door: &Door) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        check_type(&head.headers)?;
        parse(&read(&head.headers, body, door.times.body).await?).map(Self)
    }
}

impl FromRequest<Door> for MaybeJson {
    type Rejection = Problem;

    async fn from_request(request: Request, door: &Door) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let bytes = read(&head.headers, body, door.times.body).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        check_type(&head.headers)?;
        parse(&bytes).map(|value| Self(Some(value)))
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail: String| Err(Problem::new(Code::UnsupportedMediaType, detail));
    if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|e| *e != "identity") {
        return refuse(format!("the body is encoded as {encoding:?}; send it without a content encoding"));
    }
    let Some(given) = headers.get(CONTENT_TYPE) else {
        return refuse("the request has no Content-Type; send `application/json`".into());
    };
    let essence = given.to_str().unwrap_or("").split(';').next().unwrap_or("").trim();
    let json = essence.eq_ignore_ascii_case("application/json")
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if json { Ok(()) } else { refuse(format!("the Content-Type is {given:?}; send `application/json`")) }
}

fn too_large(most: usize) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("a body may have {most} bytes; keep large data elsewhere and pass its address"),
    )
    .with("max_bytes", most)
}

async fn read(headers: &HeaderMap, body: Body, within: Duration) -> Result<Vec<u8>, Problem> {
    read_at_most(REQUEST_BODY_BYTES, headers, body, within).await
}

/// Refuses a body that says of itself that it is larger.
pub(super) fn check_length(most: usize, headers: &HeaderMap) -> Result<(), Problem> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > most) { Err(too_large(most)) } else { Ok(()) }
}

/// A body as it comes, of at most so many bytes.
pub(super) async fn read_at_most(
    most: usize,
    headers: &HeaderMap,
    body: Body,
    within: Duration,
) -> Result<Vec<u8>, Problem> {
    check_length(most, headers)?;
    match tokio::time::timeout(within, collect(most, body)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(
            Code::BodyTimeout,
            format!("the body had not arrived after {within:?}; nothing was done: send it again"),
        )),
    }
}

async fn collect(most: usize, body: Body) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| {
            Problem::new(Code::IncompleteBody, "the connection broke within the body; nothing was done: send it again")
        })?;
        if bytes.len() + chunk.len() > most {
            return Err(too_large(most));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads bytes as JSON, whatever brought them.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    read_json(bytes, Duplicates::Refused, limits::FAULTS).map_err(|error| match error {
        JsonError::ByteOrderMark => Problem::new(Code::InvalidJson, format!("the body is not JSON: {error}")),
        JsonError::Syntax { reason, line, column } | JsonError::Duplicate { reason, line, column } => {
            Problem::new(Code::InvalidJson, format!("the body is not JSON: {reason}"))
                .with("line", line)
                .with("column", column)
        }
        JsonError::WideIntegers(pointers) => {
            let detail = "is an integer that 64 bits do not hold: send it as a string";
            Problem::fields(pointers.into_iter().map(|pointer| FieldError { pointer, detail: detail.into() }).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn content(kind: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(kind).expect("the tests' types are headers"))])
    }

    #[test]
    fn json_is_taken_and_nothing_else() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json"] {
            assert!(check_type(&content(good)).is_ok(), "{good}");
        }
        for bad in ["text/plain", "application/x-www-form-urlencoded", "json"] {
            let refused = check_type(&content(bad)).expect_err(bad);
            assert_eq!(refused.code(), Code::UnsupportedMediaType);
        }
        assert!(check_type(&HeaderMap::new()).is_err());
    }

    #[test]
    fn broken_json_is_located_and_deep_json_is_no_crash() {
        for bad in ["{\"a\": 1,\n }", "", "[1] 2", "{\"a\": 1, \"a\": 1}", "\u{feff}{}", &"[".repeat(1 << 20)] {
            let refused = parse(bad.as_bytes()).expect_err("broken");
            assert_eq!(refused.code(), Code::InvalidJson);
        }
    }

    #[tokio::test]
    async fn a_body_is_refused_at_its_bound_whether_it_says_its_length_or_not() {
        let at_bound = Body::from(vec![b' '; REQUEST_BODY_BYTES]);
        assert!(collect(REQUEST_BODY_BYTES, at_bound).await.is_ok());
        let over = Body::from(vec![b' '; REQUEST_BODY_BYTES + 1]);
        let refused = collect(REQUEST_BODY_BYTES, over).await.expect_err("too large");
        assert_eq!(refused.code(), Code::BodyTooLarge);
    }
}
