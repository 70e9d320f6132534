//! Entity tags: who has an answer already is told so, in place of the answer.

use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// The tag of an answer: the same for the same bytes, and for no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Etag(String);

impl Etag {
    /// Of an answer's bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..12])))
    }

    /// The answer with its tag; 304 and nothing else where the caller names the tag in `If-None-Match`.
    pub(super) fn answer(&self, request: &HeaderMap, answer: impl FnOnce() -> Response) -> Response {
        let tag = HeaderValue::from_str(&self.0).expect("a tag is hexadecimal digits in quotes");
        let mut response = if self.is_named(request) { StatusCode::NOT_MODIFIED.into_response() } else { answer() };
        response.headers_mut().insert(ETAG, tag);
        response
    }

    /// Weak tags count as well: what a cache on the way made of ours is compared by its word.
    fn is_named(&self, request: &HeaderMap) -> bool {
        let given = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        given
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.0)
    }
}

/// A value as JSON, with the tag of what is sent.
pub(super) fn tagged(request: &HeaderMap, view: &impl serde::Serialize) -> Response {
    let Ok(bytes) = serde_json::to_vec(view) else {
        return Problem::internal().into_response();
    };
    let json = HeaderValue::from_static("application/json");
    Etag::of(&bytes).answer(request, || ([(CONTENT_TYPE, json)], bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_the_tag_is_told_that_nothing_changed() {
        let tag = Etag::of(b"one");
        assert_ne!(tag, Etag::of(b"two"));
        let status = |named: &str| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(named).expect("a header"))]);
            tag.answer(&headers, || "one".into_response()).status().as_u16()
        };
        let own = tag.0.clone();
        for named in [own.clone(), format!("W/{own}"), format!("\"x\", {own}"), "*".into()] {
            assert_eq!(status(&named), 304, "{named}");
        }
        for other in ["\"x\"", "", "x"] {
            assert_eq!(status(other), 200, "{other}");
        }
        assert_eq!(tag.answer(&HeaderMap::new(), || "one".into_response()).headers()[ETAG], own);
    }
}
