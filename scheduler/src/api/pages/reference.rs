//! The reference: Swagger UI out of this binary, over the document of this binary.

use std::sync::{Arc, LazyLock};

use axum::{
    extract::Path,
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{IntoResponse, Redirect, Response},
};
use utoipa_swagger_ui::{Config, serve};

use crate::api::{code::Code, problem::Problem};

/// Its scripts are files of ours, its styles are partly set by them; it asks this scheduler and nobody else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Without the badge of a validator on another host. A key that was typed in is forgotten with the page.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/v1/openapi.json").validator_url("none").deep_linking(true);
    Arc::new(config.display_request_duration(true).doc_expansion("list").filter(true))
});

/// Its files are named relative to the folder.
pub(super) async fn moved() -> Redirect {
    Redirect::permanent("/reference/")
}

pub(super) async fn index() -> Response {
    sent("index.html")
}

pub(super) async fn file(Path(file): Path<String>) -> Response {
    sent(&file)
}

fn sent(file: &str) -> Response {
    match serve(file, Arc::clone(&CONFIG)) {
        Ok(Some(found)) => {
            let kind = HeaderValue::from_str(&found.content_type)
                .unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let headers = [
                (CONTENT_TYPE, kind),
                (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
                (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            ];
            (headers, found.bytes.into_owned()).into_response()
        }
        Ok(None) => {
            Problem::new(Code::UnknownRoute, "the reference has no such file; it begins at /reference/").into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the reference page cannot be put together");
            Problem::internal().into_response()
        }
    }
}
