//! What may be written in a field. The parser reads more than has a meaning: `L` for a day of the week that never comes,
//! `15W5` as `15W`, `JAN1` as November, and a step that leaves its range at once.

use crate::{RhythmError, expression::Field};

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// Checks that a field, which the parser has read, means what it says.
pub(crate) fn check(field: Field, text: &str) -> Result<(), RhythmError> {
    let written = text.to_ascii_uppercase();
    let written = if field == Field::Weekday { written.strip_prefix('+').unwrap_or(&written) } else { &written };
    let parts: Vec<_> = written.split(',').collect();
    let unread = || RhythmError::Field { field, text: text.to_owned() };
    for part in &parts {
        match item(field, part).ok_or_else(unread)? {
            Item::Sound => {}
            Item::StepsOut { largest } => {
                return Err(RhythmError::Step { field, text: (*part).to_owned(), largest });
            }
        }
    }
    // The parser keeps one mark for the whole field, and the second of these takes the first one's meaning.
    if field == Field::Day && parts.contains(&"L") && parts.contains(&"LW") { Err(unread()) } else { Ok(()) }
}

enum Item {
    Sound,
    /// Its step leads out of its range at once.
    StepsOut {
        largest: Option<u16>,
    },
}

/// One of the parts between commas; none if it has no meaning.
fn item(field: Field, part: &str) -> Option<Item> {
    let (base, step) = match part.split_once('/') {
        Some((base, step)) => (base, Some(number(step)?)),
        None => (part, None),
    };
    let has_any_day = matches!(field, Field::Day | Field::Weekday);
    let span = if base == "*" || (base == "?" && has_any_day) {
        field.last() - field.first()
    } else if let Some((from, to)) = base.split_once('-') {
        let to =
            if step.is_none() && field == Field::Weekday { to.split_once('#').map_or(to, |(to, _)| to) } else { to };
        let (from, to) = (value(field, from)?, value(field, to)?);
        // A range to Sunday ends with 7, and from Sunday on that is Sunday again.
        let to = if to == 0 && from > 0 && field == Field::Weekday { 7 } else { to };
        to.checked_sub(from)?.min(field.last() - field.first())
    } else {
        let is_sound = step.is_none() && (value(field, base).is_some() || is_special(field, base));
        return is_sound.then_some(Item::Sound);
    };
    match step {
        Some(step) if step > span => Some(Item::StepsOut { largest: (span > 0).then_some(span) }),
        Some(_) | None => Some(Item::Sound),
    }
}

/// `L`, `LW` and `15W`; `5L`, `5#L` and `5#2`.
fn is_special(field: Field, text: &str) -> bool {
    match field {
        Field::Day => text == "L" || text == "LW" || text.strip_suffix('W').is_some_and(|day| number(day).is_some()),
        Field::Weekday => match text.split_once('#') {
            Some((day, nth)) => value(field, day).is_some() && matches!(nth, "1" | "2" | "3" | "4" | "5" | "L"),
            None => text.strip_suffix('L').is_some_and(|day| value(field, day).is_some()),
        },
        Field::Second | Field::Minute | Field::Hour | Field::Month => false,
    }
}

fn value(field: Field, text: &str) -> Option<u16> {
    let named = |names: &[&str]| names.iter().position(|name| *name == text).and_then(|at| u16::try_from(at).ok());
    let name = match field {
        Field::Weekday => named(&WEEKDAYS),
        Field::Month => named(&MONTHS).map(|at| at + 1),
        Field::Second | Field::Minute | Field::Hour | Field::Day => None,
    };
    name.or_else(|| number(text))
}

fn number(text: &str) -> Option<u16> {
    let is_number = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

impl Field {
    const fn first(self) -> u16 {
        match self {
            Self::Second | Self::Minute | Self::Hour | Self::Weekday => 0,
            Self::Day | Self::Month => 1,
        }
    }

    /// The last value that is not the first again: Sunday is 7 too.
    const fn last(self) -> u16 {
        match self {
            Self::Second | Self::Minute => 59,
            Self::Hour => 23,
            Self::Day => 31,
            Self::Month => 12,
            Self::Weekday => 6,
        }
    }
}
