//! Logs on standard error.

use std::{env, io, io::IsTerminal as _, str::FromStr};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::FilterExt as _,
    fmt::{self, MakeWriter, format::JsonFields},
    registry::LookupSpan,
};

use crate::{json_lines::JsonLines, repeats::Repeats, setup::TelemetryError};

/// What is logged unless `PITON_LOG` says otherwise: the NATS client tells every reconnect, and so do we.
pub(crate) const DEFAULT_FILTER: &str = "info,async_nats=warn";

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people; coloured on a terminal, unless `NO_COLOR` is set.
    #[default]
    Text,
    /// One object a line; fields of the spans around an event (`run`, `step`, `org`, …) stand beside its own.
    Json,
}

impl FromStr for LogFormat {
    type Err = TelemetryError;

    fn from_str(text: &str) -> Result<Self, TelemetryError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(TelemetryError::Format(text.to_owned())),
        }
    }
}

/// The layer that writes to standard error.
pub(crate) fn to_stderr<S>(format: LogFormat, filter: &str) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let coloured = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    layer(format, filter, io::stderr, coloured)
}

pub(crate) fn layer<S, W>(
    format: LogFormat,
    filter: &str,
    writer: W,
    coloured: bool,
) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Clone + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| TelemetryError::Filter { filter: filter.to_owned(), reason: error.to_string() })?;
    let filter = filter.and(Repeats::new(format, writer.clone()));
    Ok(match format {
        LogFormat::Text => fmt::layer().with_writer(writer).with_ansi(coloured).with_filter(filter).boxed(),
        LogFormat::Json => fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines::default())
            .with_writer(writer)
            .with_ansi(false)
            .with_filter(filter)
            .boxed(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Collects what is written.
    #[derive(Clone, Default)]
    pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panics").write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("nobody panics").clone()).expect("text")
        }
    }

    fn logged(format: LogFormat, filter: &str, what: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = layer(format, filter, move || writer.clone(), false).expect("a filter");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), what);
        lines.text()
    }

    #[test]
    fn json_lines_have_the_fields_of_their_spans_beside_their_own() {
        let text = logged(LogFormat::Json, "info", || {
            let run = tracing::info_span!("run", org = "default", run = "r1", step = tracing::field::Empty);
            let _run = run.enter();
            run.record("step", "a/b#1");
            let step = tracing::info_span!("try", attempts = 2, run = "r2");
            let _step = step.enter();
            tracing::info!(rows = 3, ok = true, "appended \"it\"");
            tracing::debug!("not asked for");
        });
        let mut lines =
            text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("one object a line"));
        let mut line = lines.next().expect("a line");
        assert!(lines.next().is_none());
        let time = line.as_object_mut().and_then(|fields| fields.remove("timestamp"));
        assert!(time.and_then(|time| Some(time.as_str()?.ends_with('Z'))).unwrap_or_default());
        assert_eq!(
            line,
            serde_json::json!({
                "level": "INFO", "target": "piton_telemetry::logs::tests",
                "message": "appended \"it\"", "span": "try", "org": "default", "run": "r2",
                "step": "a/b#1", "attempts": 2, "rows": 3, "ok": true,
            })
        );
    }

    #[test]
    fn what_is_said_again_and_again_is_not_written_again_and_again() {
        let text = logged(LogFormat::Text, "info", || {
            for number in 0..1000 {
                tracing::warn!(number, "Postgres is away");
                tracing::info!(number, "news");
                tracing::warn!(run = number, "parked");
                tracing::warn!(target: "shop", number, "a user's own");
            }
        });
        let lines = |of: &str| text.lines().filter(|line| line.contains(of)).count();
        assert_eq!((lines("Postgres is away"), lines("are left out and counted"), lines("news")), (5, 1, 1000));
        assert_eq!((lines("parked"), lines("a user's own")), (1000, 1000));
    }

    #[test]
    fn text_is_for_people() {
        let text = logged(LogFormat::Text, "info", || {
            tracing::info!(run = "r1", "started");
        });
        assert!(text.contains("started run=\"r1\""), "{text}");
        assert!(!text.contains('\u{1b}'), "no colours in a pipe");
    }

    #[test]
    fn wrong_settings_are_named() {
        let layer = layer::<tracing_subscriber::Registry, _>(LogFormat::Text, "a=b=c", io::sink, false);
        assert!(layer.err().expect("refused").to_string().contains("a=b=c"));
        assert!("yaml".parse::<LogFormat>().expect_err("refused").to_string().contains("yaml"));
    }
}
