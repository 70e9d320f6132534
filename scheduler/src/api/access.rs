//! Who may ask, and for which org.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap,
        header::{AUTHORIZATION, HOST, ORIGIN},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use piton_shared::name::Org;

use super::{
    code::Code,
    limits,
    problem::Problem,
    routes::Door,
    secret::{Secret, same},
};
use crate::store::{Store, StoreError};

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

/// Keys that were seen to be good a moment ago, by the hash of the whole key.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownKeys(Arc<Mutex<HashMap<[u8; 32], Known>>>);

/// Whose a key is, and when that was seen.
type Known = (Org, Instant);

impl KnownKeys {
    fn recall(&self, hash: &[u8; 32]) -> Option<Org> {
        let known = self.0.lock();
        let (org, seen) = known.get(hash)?;
        (seen.elapsed() < limits::KEY_MEMORY).then(|| org.clone())
    }

    fn remember(&self, hash: [u8; 32], org: Org) {
        let mut known = self.0.lock();
        if known.len() >= limits::KEYS_REMEMBERED {
            known.retain(|_, (_, seen)| seen.elapsed() < limits::KEY_MEMORY);
        }
        if known.len() < limits::KEYS_REMEMBERED {
            known.insert(hash, (org, Instant::now()));
        }
    }
}

/// Lets a request pass to the routes behind it when it may, and tells them whose it is.
pub(super) async fn admit(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let caller = match door.access {
        Access::Keys => by_key(request.headers(), door.engine.store(), &door.keys).await,
        Access::OpenOnLoopback => from_here(request.headers()),
    };
    match caller {
        Ok(caller) => {
            tracing::Span::current().record("org", caller.org.as_str());
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn by_key(headers: &HeaderMap, store: &Store, keys: &KnownKeys) -> Result<Caller, Problem> {
    let given = headers
        .get(AUTHORIZATION)
        .ok_or_else(|| unauthorized("the request has no API key; send `Authorization: Bearer pk_…`"))?;
    let secret = given
        .to_str()
        .ok()
        .and_then(bearer)
        .and_then(Secret::read)
        .ok_or_else(|| unauthorized("the Authorization header has no API key; it looks like `Bearer pk_…`"))?;
    if let Some(org) = keys.recall(&secret.hash()) {
        return Ok(Caller { org });
    }
    let org = look_up(store, &secret).await?.ok_or_else(|| unauthorized("the API key is unknown or was revoked"))?;
    keys.remember(secret.hash(), org.clone());
    Ok(Caller { org })
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

async fn look_up(store: &Store, secret: &Secret) -> Result<Option<Org>, StoreError> {
    let found = store.key_find(secret.prefix()).await?;
    Ok(found.filter(|key| same(&key.hash, &secret.hash())).map(|key| key.org))
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

    #[test]
    fn known_keys_are_bounded() {
        let keys = KnownKeys::default();
        for number in 0..=limits::KEYS_REMEMBERED {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_le_bytes());
            keys.remember(hash, Org::DEFAULT);
        }
        assert_eq!(keys.0.lock().len(), limits::KEYS_REMEMBERED);
        assert_eq!(keys.recall(&[0; 32]), Some(Org::DEFAULT));
    }
}
