//! Stories as text: the same for the same run, so that a snapshot of it stands still.

use std::{fmt, time::Duration};

use piton_shared::{
    journal::{Entry, Place},
    text::cut,
};

use super::story::{Story, TryEnd, shown};

/// Bytes of a value in a line.
const VALUE_BYTES: usize = 200;

/// A journal as text, see [`Story::journal`].
#[derive(Clone, Copy)]
pub struct Journal<'a>(pub(super) &'a Story);

impl fmt::Display for Journal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(story) = self;
        let width = story.journal.iter().map(|entry| entry.key.as_str().len()).max().unwrap_or(0);
        for (index, entry) in story.journal.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let at = Span(entry.finished_at.since(story.started_at)).to_string();
            write!(f, "{:<4} {at:>8}  {:<width$}  ", place(entry.place), entry.key.as_str())?;
            row(entry, f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Journal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn place(place: Place) -> String {
    match place {
        Place::Own { number, .. } => number.to_string(),
        // Written by a scheduler.
        Place::Outside { number } => format!("+{number}"),
    }
}

fn row(entry: &Entry, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{} {}({})", entry.kind, entry.name, value(&entry.input))?;
    if entry.try_number > 1 {
        write!(f, " at try {}", entry.try_number)?;
    }
    match &entry.outcome {
        Ok(result) => write!(f, " = {}", value(result)),
        Err(failure) => write!(f, " failed: {failure}"),
    }
}

fn value(payload: &[u8]) -> String {
    cut(&shown(payload).to_string(), VALUE_BYTES)
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workflow, run_id, state, attempts, appends, .. } = self;
        writeln!(f, "run {run_id} of `{workflow}`({}) is {state} after {}", value(&self.input), Span(self.duration()))?;
        writeln!(f, "{attempts} attempts, {appends} appends, the journal:")?;
        writeln!(f, "{}", self.journal())?;
        writeln!(f, "the tries:")?;
        for tried in &self.tries {
            let began = Span(tried.started_at.since(self.started_at));
            write!(f, "{began:>8}  {} try {} ", tried.step, tried.number)?;
            match &tried.end {
                TryEnd::Returned { at } => writeln!(f, "returned at {}", Span(at.since(self.started_at)))?,
                TryEnd::Failed { at, failure } => {
                    writeln!(f, "failed at {}: {failure}", Span(at.since(self.started_at)))?;
                }
                TryEnd::Dropped => writeln!(f, "was dropped")?,
            }
        }
        Ok(())
    }
}

/// A time span in the two largest units it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span(pub(super) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        let text = match (days, hours, minutes) {
            (0, 0, 0) => format!("{}s", self.0.as_secs_f64()),
            (0, 0, minutes) => format!("{minutes}m{:02}s", seconds % 60),
            (0, hours, minutes) => format!("{hours}h{minutes:02}m"),
            (days, hours, _) => format!("{days}d{hours:02}h"),
        };
        f.pad(&text)
    }
}
