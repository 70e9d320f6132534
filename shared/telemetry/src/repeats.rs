//! What is said again and again is written a few times and then counted.

use std::{
    collections::HashMap,
    fmt,
    io::Write as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::{
    Event, Level, Metadata, Subscriber, callsite::Identifier, level_filters::LevelFilter, subscriber::Interest,
};
use tracing_subscriber::{
    fmt::{
        MakeWriter,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    layer::{Context, Filter},
};

use crate::logs::LogFormat;

/// How often a warning of one place in the code is written within a [`SPAN`].
const WRITTEN: u64 = 5;
const FIRST_LEFT_OUT: u64 = WRITTEN + 1;
/// The time in which they are counted.
const SPAN: Duration = Duration::from_secs(10);

/// Keeps our own warnings and errors of one place in the code from flooding the log: while a server is away every loop has
/// something to say, many times a second. The first line that is left out is stood for by one that says so; before the first that is
/// written again stands how many were left out. Lines that name a run or a worker are no repeats of each other, and what users
/// log is theirs: both are always written.
pub(crate) struct Repeats<W> {
    format: LogFormat,
    writer: W,
    places: Mutex<HashMap<Identifier, Place>>,
}

struct Place {
    since: Instant,
    said: u64,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// It is written, after so many that were not.
    Written { left_out: u64 },
    /// It is the first that is only counted.
    FirstLeftOut,
    /// It is counted.
    Counted,
}

impl<W> Repeats<W> {
    pub(crate) fn new(format: LogFormat, writer: W) -> Self {
        Self { format, writer, places: Mutex::default() }
    }

    fn line(&self, place: Identifier, now: Instant) -> Line {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.entry(place).or_insert(Place { since: now, said: 0 });
        let mut left_out = 0;
        if now.duration_since(place.since) >= SPAN {
            left_out = place.said.saturating_sub(WRITTEN);
            *place = Place { since: now, said: 0 };
        }
        place.said += 1;
        match place.said {
            ..=WRITTEN => Line::Written { left_out },
            FIRST_LEFT_OUT => Line::FirstLeftOut,
            _ => Line::Counted,
        }
    }
}

impl<W: for<'w> MakeWriter<'w>> Repeats<W> {
    fn tell(&self, about: &Metadata<'_>, message: &str, left_out: Option<u64>) {
        let mut now = String::new();
        // A time that cannot be written is left out.
        SystemTime.format_time(&mut Writer::new(&mut now)).ok();
        let (level, target) = (about.level(), about.target());
        let line = match (self.format, left_out) {
            (LogFormat::Text, None) => format!("{now} {level:>5} {target}: {message}"),
            (LogFormat::Text, Some(left_out)) => format!("{now} {level:>5} {target}: {message} left_out={left_out}"),
            (LogFormat::Json, left_out) => serde_json::json!({
                "timestamp": now, "level": level.as_str(), "target": target, "message": message, "left_out": left_out,
            })
            .to_string(),
        };
        // Nor is there anything to be done about a log that cannot be written.
        writeln!(self.writer.make_writer(), "{line}").ok();
    }
}

impl<W> fmt::Debug for Repeats<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeats").finish_non_exhaustive()
    }
}

impl<S: Subscriber, W: for<'w> MakeWriter<'w>> Filter<S> for Repeats<W> {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    // Without these two every span and event would be asked about again each time, also those that the level leaves out.
    fn callsite_enabled(&self, about: &'static Metadata<'static>) -> Interest {
        if may_repeat(about) { Interest::sometimes() } else { Interest::always() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let about = event.metadata();
        if !may_repeat(about) {
            return true;
        }
        match self.line(about.callsite(), Instant::now()) {
            Line::Written { left_out: 0 } => true,
            Line::Written { left_out } => {
                self.tell(about, "lines like the next one were left out", Some(left_out));
                true
            }
            Line::FirstLeftOut => {
                self.tell(about, "more lines like the last one of this place are left out and counted", None);
                false
            }
            Line::Counted => false,
        }
    }
}

fn may_repeat(about: &Metadata<'_>) -> bool {
    let ours = ["piton", "sqlx", "async_nats"].iter().any(|prefix| about.target().starts_with(prefix));
    let of_one = ["run", "worker"].iter().any(|name| about.fields().field(name).is_some());
    about.is_event() && ours && !of_one && *about.level() <= Level::WARN
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::callsite::{Callsite, DefaultCallsite};

    fn place() -> Identifier {
        static PLACE: DefaultCallsite = {
            static ABOUT: Metadata<'static> = tracing::metadata! {
                name: "place", target: "test", level: Level::WARN,
                fields: &[], callsite: &PLACE, kind: tracing::metadata::Kind::EVENT
            };
            DefaultCallsite::new(&ABOUT)
        };
        PLACE.metadata().callsite()
    }

    #[test]
    fn a_flood_is_written_a_few_times_and_counted() {
        let repeats = Repeats::new(LogFormat::Text, std::io::sink);
        let began = Instant::now();
        let lines: Vec<_> = (0..100).map(|_| repeats.line(place(), began)).collect();
        let count = |wanted: Line| lines.iter().filter(|line| **line == wanted).count() as u64;
        assert_eq!((count(Line::Written { left_out: 0 }), count(Line::FirstLeftOut)), (WRITTEN, 1));
        assert_eq!(repeats.line(place(), began + SPAN), Line::Written { left_out: 100 - WRITTEN });
        assert_eq!(repeats.line(place(), began + SPAN), Line::Written { left_out: 0 });
    }
}
