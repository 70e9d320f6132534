//! Names that people give and that travel in subjects and keys.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::limits;

/// What a name may not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a name may not be empty")]
    Empty,
    /// Longer than [`limits::NAME_BYTES`].
    #[error("a name may have {max} bytes, this one has {bytes}", max = limits::NAME_BYTES)]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A character that subjects or step keys give a meaning of their own.
    #[error(
        "`{name}` has {character:?}: a name is made of letters, digits, `_` and `-`, and of `.` between them where a dot is allowed"
    )]
    Character {
        /// The refused name.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// A segment of a path that every client and proxy takes for another one.
    #[error("`{name}` cannot be a name: in an address `.` and `..` stand for other places")]
    Dots {
        /// The refused name.
        name: String,
    },
    /// The word that means "whatever build" in subjects.
    #[error("`any` cannot name a build: it stands for every build")]
    Any,
}

fn check(name: &str, allowed: impl Fn(char) -> bool) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > limits::NAME_BYTES {
        return Err(NameError::TooLong { bytes: name.len() });
    }
    match name.chars().find(|c| !allowed(*c)) {
        Some(character) => Err(NameError::Character { name: name.to_owned(), character }),
        None => Ok(()),
    }
}

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Cow<'static, str>);

        impl $name {
            /// Checks and wraps a name: one token of a NATS subject.
            pub fn new(name: impl Into<Cow<'static, str>>) -> Result<Self, NameError> {
                let name = name.into();
                check(&name, plain)?;
                Ok(Self(name))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into_owned()
            }
        }
    };
}

token! {
    /// A tenant. Every row and every subject carries one.
    Org
}
token! {
    /// A queue of work that workers listen on.
    Queue
}

impl Org {
    /// The org of a stack that was never told another.
    pub const DEFAULT: Self = Self(Cow::Borrowed("default"));
}

impl Queue {
    /// The queue of workflows and workers that name none.
    pub const DEFAULT: Self = Self(Cow::Borrowed("default"));
}

/// The build of a worker that a run is bound to, or none: whoever listens on the queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Build(String);

impl Build {
    /// Checks and wraps a build's name; `any` is refused.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        check(&name, plain)?;
        if name == "any" {
            return Err(NameError::Any);
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Build {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl From<Build> for String {
    fn from(build: Build) -> Self {
        build.0
    }
}

/// Checks the wire name of a workflow or function, or a name given to a step: letters, digits, `_`, `-`, `.`,
/// at most [`limits::NAME_BYTES`] bytes. `/`, `#` and `~` belong to step keys.
pub fn check_definition(name: &str) -> Result<(), NameError> {
    check_segment(name)?;
    check(name, |c| plain(c) || c == '.')
}

/// Checks that a name can be one segment of a path: it is not empty, `.` or `..`, which clients resolve before they ask,
/// however they are encoded. Whatever is named in an address passes this.
pub fn check_segment(name: &str) -> Result<(), NameError> {
    match name {
        "" => Err(NameError::Empty),
        "." | ".." => Err(NameError::Dots { name: name.to_owned() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_stay_one_token_a_name() {
        for bad in ["", "a.b", "a*", "a>", "a b", "a/b", "ü"] {
            assert!(Queue::new(bad.to_owned()).is_err(), "{bad:?} is refused");
        }
        assert!(Queue::new("gpu-large_2").is_ok());
        assert_eq!(Build::new("any"), Err(NameError::Any));
        assert!(matches!(Org::new("x".repeat(limits::NAME_BYTES + 1)), Err(NameError::TooLong { .. })));
    }

    #[test]
    fn definitions_may_have_dots_and_nothing_that_keys_use() {
        assert_eq!(check_definition("billing.charge_card"), Ok(()));
        for reachable in ["...", ".a", "a..b"] {
            assert_eq!(check_definition(reachable), Ok(()), "{reachable}");
        }
        for dots in [".", ".."] {
            assert!(matches!(check_definition(dots), Err(NameError::Dots { .. })), "{dots} is refused");
        }
        for bad in ["a/b", "a#1", "a~2"] {
            assert!(matches!(check_definition(bad), Err(NameError::Character { .. })), "{bad} is refused");
        }
    }

    #[test]
    fn a_name_that_arrives_is_checked() {
        assert!(serde_json::from_str::<Queue>("\"a.b\"").is_err());
    }
}
