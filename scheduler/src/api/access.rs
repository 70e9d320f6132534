//! Who may ask, and for which org.

mod known;
mod scope;

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{
        HeaderMap,
        header::{AUTHORIZATION, HOST, ORIGIN},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use piton_shared::{ids::KeyId, name::Org};

use super::{code::Code, problem::Problem, routes::Door, secret::Secret};
use crate::store::OrgState;

use known::Known;
pub(super) use known::{KeyUses, KnownKeys};
pub(super) use scope::needed;
pub use scope::{Scope, Scopes, UnknownScope};

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever has an API key; the key says for which org.
    Keys,
    /// Everybody on this machine, for the default org. Only for a listener on a loopback address; web pages of other
    /// origins are refused all the same.
    OpenOnLoopback,
}

/// An open door on an address that others reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{address} is reachable from other machines, and a scheduler without API keys may only listen on 127.0.0.1 or [::1]"
)]
pub struct NotLoopback {
    /// The address of the listener.
    pub address: SocketAddr,
}

impl Access {
    /// Refuses an open door on an address that others reach.
    pub fn check(self, address: SocketAddr) -> Result<(), NotLoopback> {
        match self {
            Self::OpenOnLoopback if !address.ip().is_loopback() => Err(NotLoopback { address }),
            Self::Keys | Self::OpenOnLoopback => Ok(()),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) org: Org,
}

/// The key that a request came with; none on an open door.
#[derive(Debug, Clone)]
pub(super) struct Presented(Option<(KeyId, Secret)>);

impl Presented {
    /// The key's id.
    pub(super) fn key(&self) -> Option<KeyId> {
        self.0.as_ref().map(|(key, _)| *key)
    }
}

/// Lets a request pass to the routes behind it when it may, and tells them whose it is.
pub(super) async fn admit(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let admitted = match door.access {
        Access::Keys => {
            let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
            let needed = needed(request.method().as_str(), route);
            by_key(request.headers(), needed, &door).await
        }
        Access::OpenOnLoopback => from_here(request.headers()).map(|caller| (caller, Presented(None))),
    };
    match admitted {
        Ok((caller, presented)) => {
            tracing::Span::current().record("org", caller.org.as_str());
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(presented);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn by_key(headers: &HeaderMap, needed: Option<Scope>, door: &Door) -> Result<(Caller, Presented), Problem> {
    let given = headers
        .get(AUTHORIZATION)
        .ok_or_else(|| unauthorized("the request has no API key; send `Authorization: Bearer pk_…`"))?;
    let secret = given
        .to_str()
        .ok()
        .and_then(bearer)
        .and_then(Secret::read)
        .ok_or_else(|| unauthorized("the Authorization header has no API key; it looks like `Bearer pk_…`"))?;
    let known = good(door, &secret).await?;
    if !needed.is_some_and(|needed| known.scopes.allow(needed)) {
        return Err(insufficient(known.scopes, needed));
    }
    let presented = Presented(Some((known.key, secret)));
    Ok((Caller { org: known.org }, presented))
}

/// The key as it is now, if it is good.
async fn good(door: &Door, secret: &Secret) -> Result<Known, Problem> {
    let known = door.in_time(door.keys.find(door.engine.store(), secret)).await?;
    let known = known.ok_or_else(|| unauthorized("the API key is unknown or was revoked"))?;
    if known.has_expired() {
        return Err(unauthorized("the API key has expired; create another one"));
    }
    match known.org_state {
        OrgState::Enabled => Ok(known),
        OrgState::Disabled => Err(org_disabled(&known.org)),
    }
}

impl Door {
    /// Checks that a request which is answered for a while may still be.
    pub(super) async fn still_admits(&self, presented: &Presented) -> Result<(), Problem> {
        match &presented.0 {
            Some((_, secret)) => good(self, secret).await.map(drop),
            None => Ok(()),
        }
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

pub(super) fn org_disabled(org: &Org) -> Problem {
    Problem::new(
        Code::OrgDisabled,
        format!("the org `{org}` is disabled; whoever runs this installation can enable it"),
    )
}

fn insufficient(has: Scopes, needed: Option<Scope>) -> Problem {
    let needed = needed.map_or("another", Scope::as_str);
    let detail = format!("the API key has the scopes {}, and this request needs `{needed}`", has.words().join(", "));
    Problem::new(Code::InsufficientScope, detail).with("scope", needed)
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(Code::Unauthorized, detail)
}

/// An open door is for programs and people on this machine. A web page that is open in their browser is neither:
/// it would come with its own origin, or with a name of its own that it made resolve to this machine.
fn from_here(headers: &HeaderMap) -> Result<Caller, Problem> {
    let local = |value: &axum::http::HeaderValue, strip: fn(&str) -> &str| {
        value.to_str().is_ok_and(|text| is_loopback(strip(text)))
    };
    let host = headers.get(HOST).is_none_or(|host| local(host, |text| text));
    let origin = headers
        .get(ORIGIN)
        .is_none_or(|origin| local(origin, |text| text.split_once("://").map_or(text, |(_, rest)| rest)));
    if host && origin {
        Ok(Caller { org: Org::DEFAULT })
    } else {
        Err(Problem::new(
            Code::ForeignOrigin,
            "this scheduler runs without API keys and serves only requests to 127.0.0.1, [::1] or localhost that no web page of another origin makes; use `piton serve` with keys for others",
        ))
    }
}

/// Whether a host, with or without a port, is this machine by one of its own names.
fn is_loopback(authority: &str) -> bool {
    if let Ok(address) = authority.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|c| c.is_ascii_digit()) => host,
        Some(_) | None => authority,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn open_doors_are_for_loopback_only() {
        let open =
            |address: &str| Access::OpenOnLoopback.check(address.parse().expect("the tests' addresses are good"));
        assert!(open("127.0.0.1:1").is_ok() && open("[::1]:1").is_ok());
        assert!(open("0.0.0.0:1").is_err() && open("10.0.0.1:1").is_err());
        assert!(Access::Keys.check(([0, 0, 0, 0], 1).into()).is_ok());
    }

    #[test]
    fn web_pages_of_others_are_not_from_here() {
        let from = |host: &str, origin: Option<&str>| {
            let header = |text: &str| HeaderValue::from_str(text).expect("a header");
            let mut headers = HeaderMap::from_iter([(HOST, header(host))]);
            headers.extend(origin.map(|origin| (ORIGIN, header(origin))));
            from_here(&headers).is_ok()
        };
        for good in ["127.0.0.1:7070", "localhost:7070", "LOCALHOST", "[::1]:7070", "127.0.0.1", "[::1]"] {
            assert!(from(good, None), "{good}");
        }
        assert!(from("localhost:7070", Some("http://localhost:3000")));
        assert!(!from("evil.example:7070", None));
        assert!(!from("localhost.evil.example", None));
        assert!(!from("127.0.0.1:7070", Some("https://evil.example")));
        assert!(!from("127.0.0.1:7070", Some("null")));
    }

    #[test]
    fn bearers_are_read() {
        assert_eq!(bearer("Bearer x"), Some("x"));
        assert_eq!(bearer("bearer  x "), Some("x"));
        assert_eq!(bearer("Basic x"), None);
    }
}
