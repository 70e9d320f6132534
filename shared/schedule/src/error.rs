//! What can be wrong with a rhythm, said so that it can be put right.

use crate::expression::Field;

/// Why an expression and a time zone make no rhythm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RhythmError {
    /// There is nothing to read.
    #[error("the expression is empty: write five fields, as in `0 9 * * 1-5`, or a word such as `@daily`")]
    Empty,
    /// It is longer than any expression has to be.
    #[error("the expression has {bytes} bytes, at most {most} are read")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// It has too few or too many fields.
    #[error(
        "the expression has {0} fields: write five (minute, hour, day of month, month, day of week), or six with the \
         second first"
    )]
    Fields(usize),
    /// A word that is not known.
    #[error(
        "`{0}` is not known: there are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly; every other \
         rhythm is written in fields"
    )]
    Word(String),
    /// A field cannot be read.
    #[error("the {field} `{text}` cannot be read: it takes {takes}", takes = field.takes())]
    Field {
        /// Which.
        field: Field,
        /// What stands there.
        text: String,
    },
    /// No day is one of its days.
    #[error("`{0}` never fires: no date has that day and month")]
    Never(String),
    /// The time zone is not known.
    #[error("there is no time zone `{name}`{}", suggestion(.close))]
    Zone {
        /// What was asked for.
        name: String,
        /// Names that end alike.
        close: Vec<String>,
    },
}

impl RhythmError {
    /// Whether the time zone is at fault, and not the expression.
    pub const fn blames(&self) -> Blame {
        match self {
            Self::Zone { .. } => Blame::Zone,
            Self::Empty
            | Self::TooLong { .. }
            | Self::Fields(_)
            | Self::Word(_)
            | Self::Field { .. }
            | Self::Never(_) => Blame::Expression,
        }
    }
}

/// Which of the two parts of a rhythm is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The expression.
    Expression,
    /// The time zone.
    Zone,
}

fn suggestion(close: &[String]) -> String {
    if close.is_empty() {
        return ": write an IANA name such as `Europe/Berlin`, or `UTC`".into();
    }
    let close: Vec<_> = close.iter().map(|name| format!("`{name}`")).collect();
    format!(": did you mean {}?", close.join(" or "))
}
