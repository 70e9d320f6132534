//! The parameters after the `?`: read one by one, unknown ones refused.

use std::time::Duration;

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use piton_shared::limits;
use uuid::Uuid;

use super::{code::Code, problem::Problem, time};

/// Parameters that were not read yet.
#[derive(Debug)]
pub(super) struct Parameters {
    left: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(left) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| Problem::new(Code::InvalidParameter, error.body_text()))?;
        Ok(Self::new(left))
    }
}

impl Parameters {
    fn new(left: Vec<(String, String)>) -> Self {
        Self { left, known: Vec::new() }
    }

    /// A parameter, if it is there.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        self.known.push(name);
        let mut found = None;
        let mut index = 0;
        while index < self.left.len() {
            if self.left[index].0 == name {
                if found.is_some() {
                    return Err(wrong(name, "appears twice"));
                }
                found = Some(self.left.remove(index).1);
            } else {
                index += 1;
            }
        }
        Ok(found)
    }

    /// A parameter that has to pass a check, if it is there.
    pub(super) fn checked<T, E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        check: impl FnOnce(String) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        self.text(name)?.map(|text| check(text).map_err(|error| wrong(name, error))).transpose()
    }

    /// How long the caller wants to wait; cut to [`limits::REQUEST_WAIT`].
    pub(super) fn wait(&mut self) -> Result<Option<Duration>, Problem> {
        let wait = self.checked("wait", |text| time::duration(&text))?;
        Ok(wait.map(|wait| wait.min(limits::REQUEST_WAIT)))
    }

    /// Rows of a page: from 1 to `most`, [`limits::PAGE_DEFAULT`] when not said.
    pub(super) fn limit(&mut self, most: u32) -> Result<u32, Problem> {
        let limit = self.checked("limit", |text| match text.parse::<u32>() {
            Ok(rows) if (1..=most).contains(&rows) => Ok(rows),
            Ok(_) | Err(_) => {
                Err(format!("must be a number from 1 to {most}, not `{}`", text.chars().take(32).collect::<String>()))
            }
        })?;
        Ok(limit.unwrap_or(limits::PAGE_DEFAULT.min(most)))
    }

    /// Ends the reading: parameters that nobody asked for are refused.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) if self.known.is_empty() => {
                Err(wrong(name, "is unknown; this address takes no parameters"))
            }
            Some((name, _)) => Err(wrong(name, format!("is unknown; this address takes {}", self.known.join(", ")))),
        }
    }
}

/// A cursor that is an id: what `next_cursor` named.
pub(super) fn id_cursor(text: &str) -> Result<Uuid, &'static str> {
    let whole = text.len() == 32;
    text.parse().ok().filter(|_| whole).ok_or("is no cursor of this list; take it from `next_cursor` unchanged")
}

/// A cursor that is the last name of a page, which may have any characters that a name can have, line breaks too.
pub(super) fn check_cursor(text: String, bytes: usize) -> Result<String, &'static str> {
    let fits = (1..=bytes).contains(&text.len()) && !text.contains('\0');
    fits.then_some(text).ok_or("is no cursor of this list; take it from `next_cursor` unchanged")
}

pub(super) fn wrong(name: &str, detail: impl std::fmt::Display) -> Problem {
    let name: String = name.chars().take(64).collect();
    Problem::new(Code::InvalidParameter, format!("the parameter `{name}`: {detail}")).with("parameter", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        Parameters::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn limits_and_waits_are_bounded() {
        assert_eq!(parameters(&[]).limit(500).expect("a default"), limits::PAGE_DEFAULT);
        for bad in ["0", "501", "x", "-1", ""] {
            assert!(parameters(&[("limit", bad)]).limit(500).is_err(), "{bad}");
        }
        let cut = parameters(&[("wait", "1h")]).wait().expect("a duration");
        assert_eq!(cut, Some(limits::REQUEST_WAIT));
    }

    #[test]
    fn twice_and_unknown_are_refused() {
        assert!(parameters(&[("limit", "1"), ("limit", "2")]).limit(500).is_err());
        let mut unknown = parameters(&[("limt", "1")]);
        assert!(unknown.limit(500).is_ok());
        assert!(unknown.finish().is_err());
    }
}
