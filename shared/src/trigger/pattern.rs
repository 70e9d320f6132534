//! Names of events, and patterns of them.
//!
//! A name is made of segments with dots between them: `user.signed_up`. A segment has ASCII letters, digits, `_`, `-`, and
//! also `/` and `:`, since other systems publish names such as `app/user.created`; only the dot separates. In a pattern the
//! segment `*` stands for any one segment, and `**`, as the last, for one or more. Upper and lower case differ.

use std::{fmt, str::FromStr};

use crate::limits::EVENT_NAME_BYTES;

/// What a name of an event, or a pattern of such names, may not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing was given.
    #[error("may not be empty")]
    Empty,
    /// Longer than [`EVENT_NAME_BYTES`].
    #[error("may have {EVENT_NAME_BYTES} bytes, this one has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// Two dots in a row, or one at an end.
    #[error("has an empty segment: dots stand between segments, as in `user.signed_up`")]
    EmptySegment,
    /// A character that has no place in it.
    #[error("has {character:?}: segments are made of letters, digits, `_`, `-`, `/` and `:`, with dots between them")]
    Character {
        /// The first that is not allowed.
        character: char,
    },
    /// A star where a name is wanted.
    #[error("has a `*`: that is for patterns, and this is the name of one event")]
    Star,
    /// A star beside something else.
    #[error("has `{segment}`: a star is a whole segment, `*` for any one and a last `**` for one or more")]
    PartOfSegment {
        /// The segment.
        segment: String,
    },
    /// `**` before the end.
    #[error("has `**` before its end: only the last segment may be `**`")]
    RestBeforeEnd,
}

/// Whether an event can have this name.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_name(name: &str) -> Result<(), PatternError> {
    check_whole(name)?;
    name.split('.').try_for_each(|segment| match segment {
        "" => Err(PatternError::EmptySegment),
        star if star.contains('*') => Err(PatternError::Star),
        other => check_segment(other),
    })
}

fn check_whole(text: &str) -> Result<(), PatternError> {
    if text.is_empty() {
        return Err(PatternError::Empty);
    }
    if text.len() > EVENT_NAME_BYTES {
        return Err(PatternError::TooLong { bytes: text.len() });
    }
    Ok(())
}

fn check_segment(segment: &str) -> Result<(), PatternError> {
    match segment.chars().find(|c| !c.is_ascii_alphanumeric() && !"_-/:".contains(*c)) {
        Some(character) => Err(PatternError::Character { character }),
        None => Ok(()),
    }
}

/// Which names of events are meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamePattern(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Segment {
    /// This one.
    Exactly(String),
    /// Any one.
    AnyOne,
    /// One or more, to the end.
    Rest,
}

impl NamePattern {
    /// Whether a name is one of those that are meant.
    pub fn matches(&self, name: &str) -> bool {
        let mut segments = name.split('.');
        for wanted in &self.0 {
            let Some(segment) = segments.next() else {
                return false;
            };
            match wanted {
                Segment::Exactly(this) if this == segment => {}
                Segment::Exactly(_) => return false,
                Segment::AnyOne => {}
                Segment::Rest => return true,
            }
        }
        segments.next().is_none()
    }
}

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        check_whole(text)?;
        let mut segments = text.split('.').peekable();
        let mut read = Vec::new();
        while let Some(segment) = segments.next() {
            read.push(match segment {
                "" => return Err(PatternError::EmptySegment),
                "*" => Segment::AnyOne,
                "**" if segments.peek().is_some() => return Err(PatternError::RestBeforeEnd),
                "**" => Segment::Rest,
                star if star.contains('*') => {
                    return Err(PatternError::PartOfSegment { segment: star.to_owned() });
                }
                exact => {
                    check_segment(exact)?;
                    Segment::Exactly(exact.to_owned())
                }
            });
        }
        Ok(Self(read))
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(".")?;
            }
            f.write_str(match segment {
                Segment::Exactly(segment) => segment,
                Segment::AnyOne => "*",
                Segment::Rest => "**",
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        pattern.parse::<NamePattern>().expect("a pattern").matches(name)
    }

    #[test]
    fn patterns_match_segment_by_segment() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("user.created", &["user.created"], &["user", "user.created.x", "User.created", "x.user.created"]),
            ("user.*", &["user.created", "user.a/b:c"], &["user", "user.created.eu", "order.created"]),
            ("*.created", &["user.created"], &["created", "a.b.created"]),
            ("user.**", &["user.created", "user.created.eu"], &["user", "order.x"]),
            ("*", &["user"], &["user.created"]),
            ("**", &["user", "user.created.eu"], &[]),
            ("a.*.c.**", &["a.b.c.d", "a.x.c.d.e"], &["a.b.c", "a.c.d"]),
            ("app/user.created", &["app/user.created"], &["app.user.created"]),
        ];
        for (pattern, those, not_those) in table {
            for name in *those {
                assert!(matches(pattern, name), "{pattern} means {name}");
            }
            for name in *not_those {
                assert!(!matches(pattern, name), "{pattern} does not mean {name}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let long = "x".repeat(EVENT_NAME_BYTES + 1);
        let character = |character| PatternError::Character { character };
        for (name, wrong) in [
            ("", PatternError::Empty),
            (&*long, PatternError::TooLong { bytes: EVENT_NAME_BYTES + 1 }),
            (".a", PatternError::EmptySegment),
            ("a.", PatternError::EmptySegment),
            ("a..b", PatternError::EmptySegment),
            ("a b", character(' ')),
            ("ä", character('ä')),
            ("a.*", PatternError::Star),
        ] {
            assert_eq!(check_name(name), Err(wrong), "{name}");
        }
        let part = |segment: &str| PatternError::PartOfSegment { segment: segment.to_owned() };
        for (pattern, wrong) in [
            ("", PatternError::Empty),
            ("a.**.b", PatternError::RestBeforeEnd),
            ("us*", part("us*")),
            ("***", part("***")),
            ("a.?", character('?')),
        ] {
            assert_eq!(pattern.parse::<NamePattern>(), Err(wrong), "{pattern}");
        }
        reads(&PatternError::RestBeforeEnd, "has `**` before its end: only the last segment may be `**`");
        reads(
            &character(' '),
            "has ' ': segments are made of letters, digits, `_`, `-`, `/` and `:`, with dots between them",
        );
    }

    fn reads(error: &PatternError, said: &str) {
        assert_eq!(error.to_string(), said);
    }

    proptest! {
        #[test]
        fn a_name_is_a_pattern_of_itself(name in "[a-z_/:0-9-]{1,6}(\\.[a-zA-Z0-9]{1,6}){0,4}") {
            check_name(&name).expect("a name");
            let pattern: NamePattern = name.parse().expect("a pattern");
            prop_assert!(pattern.matches(&name));
            prop_assert_eq!(pattern.to_string(), name);
        }

        #[test]
        fn stars_mean_what_they_stand_for(segments in prop::collection::vec("[a-z]{1,4}", 1..6), star in any::<prop::sample::Index>()) {
            let name = segments.join(".");
            let place = star.index(segments.len());
            let mut one = segments.clone();
            one[place] = "*".into();
            prop_assert!(matches(&one.join("."), &name));
            let rest = [&segments[..place], &["**".to_owned()]].concat().join(".");
            prop_assert!(matches(&rest, &name));
            let longer = format!("{name}.more");
            prop_assert!(!matches(&one.join("."), &longer));
            prop_assert!(matches(&rest, &longer));
        }

        #[test]
        fn nothing_panics(text in ".{0,40}", name in ".{0,40}") {
            drop(check_name(&text));
            if let Ok(pattern) = text.parse::<NamePattern>() {
                pattern.matches(&name);
            }
        }
    }
}
