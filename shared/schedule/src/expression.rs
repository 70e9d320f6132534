//! Reading expressions.

use std::fmt;

use croner::{
    Cron, Weekday,
    parser::{CronParser, Seconds, Year},
};
use piton_shared::limits;

use crate::{RhythmError, written};

/// The calendar repeats itself after so many years, days of the week included.
const CALENDAR: i32 = 400;

/// A field of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Second of a minute.
    Second,
    /// Minute of an hour.
    Minute,
    /// Hour of a day.
    Hour,
    /// Day of a month.
    Day,
    /// Month of a year.
    Month,
    /// Day of a week.
    Weekday,
}

impl Field {
    /// In the order in which they are written.
    const ALL: [Self; 6] = [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Month, Self::Weekday];

    /// What can stand there.
    pub(crate) const fn takes(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "0-59, `*`, lists, ranges and steps, as in `*/15`",
            Self::Hour => "0-23, `*`, lists, ranges and steps, as in `9-17`",
            Self::Day => {
                "1-31, `*`, lists, ranges and steps, `L` (the last), `15W` (the weekday nearest the 15th), `LW` (the last weekday)"
            }
            Self::Month => "1-12 or JAN-DEC, `*`, lists, ranges and steps",
            Self::Weekday => {
                "0-7 or SUN-SAT (0 and 7 are Sunday), `*`, lists, ranges and steps, `5#2` (the second Friday), `5L` (the last Friday)"
            }
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day of month",
            Self::Month => "month",
            Self::Weekday => "day of week",
        })
    }
}

/// Refuses an expression whose fields do not mean what they say.
pub(crate) fn check(text: &str) -> Result<(), RhythmError> {
    let (named, fields) = fields(text)?;
    named.iter().zip(&fields).try_for_each(|(field, text)| written::check(*field, text))
}

/// Reads an expression; the one that comes back has occurrences.
pub(crate) fn expression(text: &str) -> Result<Cron, RhythmError> {
    let (named, fields) = fields(text)?;
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    // Each alone first, so that it can be said which one is wrong.
    for (place, (field, text)) in named.iter().zip(&fields).enumerate() {
        let mut alone = vec!["*"; fields.len()];
        alone[place] = text;
        let read = parser.parse(&alone.join(" ")).ok().filter(|cron| !is_empty(cron));
        if read.is_none() || text.split(',').any(str::is_empty) {
            return Err(RhythmError::Field { field: *field, text: (*text).to_owned() });
        }
    }
    let cron = parser.parse(&fields.join(" ")).map_err(|_| RhythmError::Fields(fields.len()))?;
    if has_day(&cron) { Ok(cron) } else { Err(RhythmError::Never(text.trim().to_owned())) }
}

/// The fields of an expression, and what each of them is.
fn fields(text: &str) -> Result<(&'static [Field], Vec<&str>), RhythmError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(RhythmError::Empty);
    }
    if text.len() > limits::CRON_BYTES {
        return Err(RhythmError::TooLong { bytes: text.len(), most: limits::CRON_BYTES });
    }
    let fields: Vec<&str> = if text.starts_with('@') { word(text)? } else { text }.split_whitespace().collect();
    match fields.len() {
        5 => Ok((&Field::ALL[1..], fields)),
        6 => Ok((&Field::ALL, fields)),
        other => Err(RhythmError::Fields(other)),
    }
}

fn word(text: &str) -> Result<&'static str, RhythmError> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => return Err(RhythmError::Word(text.to_owned())),
    })
}

/// Whether a field names nothing at all; a search for it would not end in reasonable time.
fn is_empty(cron: &Cron) -> bool {
    let it = &cron.pattern;
    let times = [&it.seconds, &it.minutes, &it.hours, &it.months];
    let days = [&it.days, &it.days_of_week];
    times.iter().any(|field| field.values().is_empty())
        || days.iter().any(|field| field.values().is_empty() && !field.has_modifiers())
}

/// Whether any date of the calendar is one of its days.
fn has_day(cron: &Cron) -> bool {
    // The first of January of 2000 was a Saturday.
    let mut weekday = Weekday::Saturday;
    for year in 2000..2000 + CALENDAR {
        for month in 1..=12 {
            let days = croner::time::days_in_month(year, month);
            if cron.pattern.month_match(month).unwrap_or(false) {
                for day in 1..=days {
                    let shifted = weekday.shift(day as i32 - 1);
                    if cron.pattern.day_match(year, month, day, shifted).unwrap_or(false) {
                        return true;
                    }
                }
            }
            weekday = weekday.shift(days as i32);
        }
    }
    false
}
