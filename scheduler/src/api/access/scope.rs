//! What a key may do, and what each route needs.

use std::{fmt, str::FromStr};

/// A permission of an API key. `admin` includes the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read whatever the org has, but for its keys.
    Read,
    /// Start runs: directly, as batches, by events, by triggering schedules.
    Start,
    /// Stop and resume runs; create, change and delete schedules and triggers.
    Operate,
    /// Create, list and revoke keys; create, change and delete webhooks and their secrets. Includes the other scopes.
    Admin,
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope: it is `read`, `start`, `operate` or `admin`")]
pub struct UnknownScope(pub String);

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Start, Self::Operate, Self::Admin];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Start => "start",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str() == word);
        known.ok_or_else(|| UnknownScope(word.chars().take(32).collect()))
    }
}

/// The scopes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// What a key may do when its maker names no scope: everything but administration.
    pub const DEFAULT: Self = Self(Scope::Read.bit() | Scope::Start.bit() | Scope::Operate.bit());
    /// Everything.
    pub const ALL: Self = Self(Self::DEFAULT.0 | Scope::Admin.bit());

    /// The scopes of these words.
    ///
    /// # Errors
    /// The first word that names none.
    pub fn read(words: &[impl AsRef<str>]) -> Result<Self, UnknownScope> {
        words.iter().map(|word| word.as_ref().parse::<Scope>()).collect()
    }

    /// Whether they allow what needs this scope.
    pub const fn allow(self, needed: Scope) -> bool {
        self.0 & (needed.bit() | Scope::Admin.bit()) != 0
    }

    /// Their words.
    pub fn words(self) -> Vec<&'static str> {
        Scope::ALL.into_iter().filter(|scope| self.0 & scope.bit() != 0).map(Scope::as_str).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

/// Routes by their paths, with methods.
type Routes = &'static [(&'static str, &'static [&'static str])];

/// The scope that each route needs. A route that is not listed is refused to every key.
const ROUTES: &[(Scope, Routes)] = &[
    (
        Scope::Read,
        &[
            ("/v1/runs", &["get"]),
            ("/v1/runs/{id}", &["get"]),
            ("/v1/runs/{id}/batches", &["get"]),
            ("/v1/runs/{id}/batches/{key}", &["get"]),
            ("/v1/runs/{id}/batches/{key}/results", &["get"]),
            ("/v1/runs/{id}/export", &["get"]),
            ("/v1/runs/{id}/journal", &["get"]),
            ("/v1/runs/{id}/progress", &["get"]),
            ("/v1/runs/{id}/state", &["get"]),
            ("/v1/batches/{id}", &["get"]),
            ("/v1/batches/{id}/results", &["get"]),
            ("/v1/definitions", &["get"]),
            ("/v1/definitions/{kind}/{name}", &["get"]),
            ("/v1/deliveries/{id}", &["get"]),
            ("/v1/events", &["get"]),
            ("/v1/events/{id}", &["get"]),
            ("/v1/schedules", &["get"]),
            ("/v1/schedules/{name}", &["get"]),
            ("/v1/schedules/{name}/firings", &["get"]),
            ("/v1/schedules/{name}/next", &["get"]),
            ("/v1/sessions/{session}/state", &["get"]),
            ("/v1/triggers", &["get"]),
            ("/v1/triggers/{id}", &["get"]),
            ("/v1/webhooks", &["get"]),
            ("/v1/webhooks/{id}", &["get"]),
            ("/v1/webhooks/{id}/deliveries", &["get"]),
            ("/v1/workers", &["get"]),
        ],
    ),
    (
        Scope::Start,
        &[
            ("/v1/runs", &["post"]),
            ("/v1/batches", &["post"]),
            ("/v1/events", &["post"]),
            ("/v1/events/{id}/replay", &["post"]),
            ("/v1/schedules/{name}/trigger", &["post"]),
        ],
    ),
    (
        Scope::Operate,
        &[
            ("/v1/runs/{id}/cancel", &["post"]),
            ("/v1/runs/{id}/kill", &["post"]),
            ("/v1/runs/{id}/pause", &["post"]),
            ("/v1/runs/{id}/resume", &["post"]),
            ("/v1/batches/{id}", &["delete"]),
            ("/v1/batches/{id}/cancel", &["post"]),
            ("/v1/schedules", &["post"]),
            ("/v1/schedules/{name}", &["patch", "delete"]),
            ("/v1/schedules/{name}/pause", &["post"]),
            ("/v1/schedules/{name}/resume", &["post"]),
            ("/v1/triggers", &["post"]),
            ("/v1/triggers/{id}", &["patch", "delete"]),
        ],
    ),
    (
        Scope::Admin,
        &[
            ("/v1/keys", &["get", "post"]),
            ("/v1/keys/{id}", &["delete"]),
            ("/v1/webhooks", &["post"]),
            ("/v1/webhooks/{id}", &["patch", "delete"]),
            ("/v1/webhooks/{id}/secrets", &["post"]),
            ("/v1/webhooks/{id}/secrets/{secret}", &["delete"]),
        ],
    ),
];

/// The scope that a route needs; none when the table lacks it. `HEAD` needs what `GET` needs.
pub(in crate::api) fn needed(method: &str, path: &str) -> Option<Scope> {
    let method = if method.eq_ignore_ascii_case("head") { "get" } else { method };
    let of = |(scope, routes): &(Scope, Routes)| {
        let found = routes
            .iter()
            .any(|(route, methods)| *route == path && methods.iter().any(|listed| listed.eq_ignore_ascii_case(method)));
        found.then_some(*scope)
    };
    ROUTES.iter().find_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_may_do_everything_and_others_what_they_were_given() {
        let reader = Scopes::read(&["read"]).expect("a scope");
        for scope in Scope::ALL {
            assert!(Scopes::ALL.allow(scope) && Scopes::read(&["admin"]).expect("a scope").allow(scope));
            assert_eq!(reader.allow(scope), scope == Scope::Read);
            assert_eq!(Scopes::DEFAULT.allow(scope), scope != Scope::Admin);
        }
        assert_eq!(Scopes::DEFAULT.words(), ["read", "start", "operate"]);
        assert_eq!(Scopes::read(&["read", "root"]), Err(UnknownScope("root".into())));
    }

    #[test]
    fn no_route_is_listed_twice() {
        let listed = ROUTES.iter().flat_map(|(_, routes)| routes.iter());
        let mut listed: Vec<_> = listed.flat_map(|(path, methods)| methods.iter().map(move |it| (path, it))).collect();
        let all = listed.len();
        listed.sort_unstable();
        listed.dedup();
        assert_eq!(listed.len(), all);
        assert_eq!(needed("HEAD", "/v1/runs"), Some(Scope::Read));
        assert_eq!(needed("PUT", "/v1/runs"), None);
    }
}
