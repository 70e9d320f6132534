//! Times and durations as text.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Span, SpanRelativeTo};
use piton_shared::time::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no duration: write seconds, or a text like `10s`, `1h 30m`, `3d`, `1w` or `PT10S`")]
pub struct NoDuration(String);

/// Reads `10`, `1.5`, `10s`, `1h 30m`, `3d`, `1w` or `PT10S`.
pub fn duration(text: &str) -> Result<Duration, NoDuration> {
    let no = || NoDuration(text.chars().take(64).collect());
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| no());
    }
    let signed = text.parse::<SignedDuration>().or_else(|_| {
        // Durations are counted and not looked up in a calendar: a day has 24 hours, a week seven of them, a month no length.
        text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
    });
    signed.map_err(|_| no())?.try_into().map_err(|_| no())
}

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time: write it as RFC 3339, like `2026-11-21T10:00:00Z`")]
pub struct NoTime(String);

/// Reads a time in RFC 3339.
pub fn moment(text: &str) -> Result<Timestamp, NoTime> {
    let time: jiff::Timestamp = text.parse().map_err(|_| NoTime(text.chars().take(64).collect()))?;
    Ok(Timestamp::from_micros(time.as_microsecond()))
}

/// A time, shown as RFC 3339 in UTC, always with six digits of the second, so that texts sort as times do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Rfc3339(Timestamp);

impl From<Timestamp> for Rfc3339 {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        // Beyond the year 9999 no such text exists: the last that there is says it best.
        let bound = if micros < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        write!(f, "{:.6}", jiff::Timestamp::from_microsecond(micros).unwrap_or(bound))
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in
            [("10", 10_000), ("0.25", 250), ("10s", 10_000), ("1h 30m", 5_400_000), ("PT10S", 10_000), ("250ms", 250)]
                .into_iter()
                .chain([("3d", 259_200_000), ("1w", 604_800_000), ("1d 12h", 129_600_000), ("P1DT1H", 90_000_000)])
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "ten", "-1", "-10s", "NaN", "inf", "1e300", "1 month", "1mo", "1y", "-3d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_read_as_they_are_shown() {
        let time = moment("2026-09-21T16:13:20.12+02:00").expect("a time");
        assert_eq!(Rfc3339::from(time).to_string(), "2026-09-21T14:13:20.120000Z");
        for bad in ["", "yesterday", "2026-09-21", "2026-09-21T10:00:00"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_sort_as_text() {
        let shown = |time| Rfc3339::from(time).to_string();
        assert_eq!(shown(Timestamp::EPOCH), "1970-01-01T00:00:00.000000Z");
        assert_eq!(shown(Timestamp::from_micros(1_790_000_000_120_000)), "2026-09-21T14:13:20.120000Z");
        assert!(shown(Timestamp::from_micros(i64::MAX)).starts_with("9999-12-30T22:00:00.9"));
    }
}
