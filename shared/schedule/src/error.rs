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
    /// A step that leads out of its range at once.
    #[error("the {field} `{text}` means its first value alone, because its step leads out of its range: {}", cure(*.largest))]
    Step {
        /// Which.
        field: Field,
        /// The part with the step.
        text: String,
        /// The largest step that does not, if there is one.
        largest: Option<u16>,
    },
    /// No day is one of its days.
    #[error("`{0}` never fires: no date has that day and month")]
    Never(String),
    /// The time zone is not known.
    #[error("there is no time zone `{name}`{}", suggestion(name, .close))]
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
            | Self::Step { .. }
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

fn cure(largest: Option<u16>) -> String {
    largest.map_or_else(|| "leave the step out".into(), |largest| format!("the largest step that works is {largest}"))
}

fn suggestion(name: &str, close: &[String]) -> String {
    if let Some(offset) = offset(name) {
        return offset;
    }
    if close.is_empty() {
        return ": write an IANA name such as `Europe/Berlin`, or `UTC`".into();
    }
    let close: Vec<_> = close.iter().map(|name| format!("`{name}`")).collect();
    format!(": did you mean {}?", close.join(" or "))
}

/// What to write in place of an offset from UTC, such as `GMT+2`. The zones for whole hours have the sign of POSIX, which counts to
/// the west.
fn offset(name: &str) -> Option<String> {
    let upper = name.trim().to_ascii_uppercase();
    let after = ["ETC/GMT", "ETC/UTC", "GMT", "UTC", "Z"].iter().find_map(|start| upper.strip_prefix(start));
    let text = after.unwrap_or(&upper);
    let (sign, digits) = (text.get(..1)?, text.get(1..)?);
    let (hours, minutes) = digits.split_once(':').unwrap_or(match digits.len() {
        4 => digits.split_at_checked(2)?,
        _ => (digits, "0"),
    });
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let (side, inverted, most) = match sign {
        "+" => ("ahead of", '-', 14),
        "-" => ("behind", '+', 12),
        _ => return None,
    };
    if minutes > 0 || hours == 0 || hours > most {
        return Some(": write a place whose clocks show it, such as `Asia/Kolkata`, or `UTC`".into());
    }
    Some(format!(
        ": {hours} h {side} UTC is `Etc/GMT{inverted}{hours}` all year, with the sign inverted, as POSIX has it; a place such as \
         `Europe/Berlin` follows its summer time too"
    ))
}
