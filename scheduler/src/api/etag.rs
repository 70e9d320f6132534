//! Entity tags: who has an answer already is told so, in place of the answer; who changes what it has seen is told when that
//! stands no more.

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::{code::Code, problem::Problem};

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
        let given = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut response = if given.flat_map(tags).any(|tag| self.is(tag)) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            answer()
        };
        response.headers_mut().insert(ETAG, tag);
        response
    }

    /// Weak tags count as well: what a cache on the way made of ours is compared by its word.
    fn is(&self, tag: &str) -> bool {
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.0
    }
}

fn tags(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim)
}

/// What the caller of a change has seen, if it wants nothing done to what is newer: `If-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen(Option<Vec<String>>);

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

impl Seen {
    fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut seen = None;
        for value in headers.get_all(IF_MATCH) {
            let seen: &mut Vec<String> = seen.get_or_insert_default();
            for tag in tags(value.to_str().unwrap_or_default()) {
                let word = tag.strip_prefix("W/").unwrap_or(tag);
                if word != "*" && !(word.len() > 1 && word.starts_with('"') && word.ends_with('"')) {
                    let detail = "the header If-Match is no entity tag: take it from the header `ETag` of an answer, with its quotes";
                    return Err(Problem::new(Code::InvalidHeader, detail).with("header", "If-Match"));
                }
                seen.push(tag.to_owned());
            }
        }
        Ok(Self(seen))
    }

    /// Lets a change pass unless the caller has seen something else than this, which is how it is shown now.
    pub(super) async fn admits(&self, view: impl AsyncFnOnce() -> Result<Vec<u8>, Problem>) -> Result<(), Problem> {
        let Some(seen) = &self.0 else {
            return Ok(());
        };
        let now = Etag::of(&view().await?);
        if seen.iter().any(|tag| now.is(tag)) {
            return Ok(());
        }
        let detail = "it does not stand any more as `If-Match` has it; nothing was done: get it again, and decide anew";
        Err(Problem::new(Code::ChangedMeanwhile, detail))
    }
}

/// A value as JSON, with the tag of what is sent.
pub(super) fn tagged(request: &HeaderMap, view: &impl serde::Serialize) -> Response {
    let bytes = match written(view) {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let json = HeaderValue::from_static("application/json");
    Etag::of(&bytes).answer(request, || ([(CONTENT_TYPE, json)], bytes).into_response())
}

/// A value as it is sent, of which the tag is made.
pub(super) fn written(view: &impl serde::Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(view).map_err(|_| Problem::internal())
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

    #[tokio::test]
    async fn a_change_passes_where_the_caller_has_seen_what_is_there() {
        let seen = |named: &[&str]| {
            let value = |named: &&str| (IF_MATCH, HeaderValue::from_str(named).expect("a header"));
            Seen::read(&named.iter().map(value).collect())
        };
        let admits = async |named: &[&str]| seen(named).expect("tags").admits(async || Ok(b"one".to_vec())).await;
        let own = Etag::of(b"one").0;
        let (weak, among) = (format!("W/{own}"), format!("\"x\", {own}"));
        for named in [&[][..], &[&*own], &["*"], &[&*weak], &["\"x\"", &*own], &[&*among]] {
            assert!(admits(named).await.is_ok(), "{named:?}");
        }
        assert_eq!(admits(&["\"x\""]).await.expect_err("stale").code(), Code::ChangedMeanwhile);
        for bad in ["", "x", "\"", &own[1..], "\"a\",b"] {
            assert_eq!(seen(&[bad]).expect_err("no tag").code(), Code::InvalidHeader, "{bad}");
        }
    }
}
