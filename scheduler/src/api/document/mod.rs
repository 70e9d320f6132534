//! The OpenAPI document: generated from the routes, so that it cannot say what they do not do.
//!
//! Each route says what is its own where it is written, by `#[utoipa::path]`. What all have in common (problems,
//! headers, who may ask) is added here. Parameters that several routes take are types of [`parameters`], and the
//! engine's own words and values are those of [`shapes`]: both from the very constants that are checked.

mod complete;
mod parameters;
pub(super) mod shapes;

use std::sync::LazyLock;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

pub(super) use parameters::{
    BatchInPath, BatchOfRunInPath, DefinitionInPath, IdempotencyKey, IfMatch, Page, RunInPath, ScheduleInPath, Wait,
};

use super::{etag::Etag, problem::Problem, query::Parameters, routes};

/// The document as it is served.
struct Document {
    json: Bytes,
    etag: Etag,
}

/// Made once: it depends on nothing but the code.
static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let json = Bytes::from(openapi());
    Document { etag: Etag::of(&json), json }
});

/// The OpenAPI document of this version, as JSON.
pub fn openapi() -> String {
    let mut json = format!("{:#}", complete::complete(&routes::document()));
    json.push('\n');
    json
}

/// Read the API's description
///
/// This document: OpenAPI 3.1, generated from the routes of the version that answers.
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "get_openapi", tag = "Reference", security(()),
    responses(
        (status = 200, description = "The document", body = shapes::AnyObject, headers(("ETag" = String))),
        (status = 304, description = "It is the one that `If-None-Match` names"),
    ),
)]
pub(super) async fn get(headers: HeaderMap, parameters: Parameters) -> Result<Response, Problem> {
    parameters.finish()?;
    let kind = HeaderValue::from_static("application/json");
    Ok(DOCUMENT.etag.answer(&headers, || ([(CONTENT_TYPE, kind)], DOCUMENT.json.clone()).into_response()))
}
