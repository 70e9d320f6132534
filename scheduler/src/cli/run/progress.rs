//! A line that says how a run goes on, while somebody waits for it.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{
    follow::Event,
    screen::{Form, Screen, released, text},
};

/// How often the line moves.
const TICK: Duration = Duration::from_millis(120);

/// Where progress is shown: on standard error, since what a command is for goes to standard output.
pub(super) enum Progress {
    /// One line of a terminal that changes.
    Line { bar: ProgressBar, calls: u32, state: String },
    /// A line for each event, where no terminal is.
    Lines(Screen),
    /// Nothing.
    Quiet,
}

impl Progress {
    /// For those who wait and print nothing else.
    pub(super) fn of_waiting(screen: Screen) -> Self {
        match screen.form {
            Form::People if std::io::stderr().is_terminal() => Self::line(),
            Form::People => Self::Lines(screen),
            Form::Json => Self::Quiet,
        }
    }

    /// For those who print each event themselves.
    pub(super) fn beside(screen: Screen) -> Self {
        match screen.form {
            Form::People if std::io::stderr().is_terminal() => Self::line(),
            Form::People | Form::Json => Self::Quiet,
        }
    }

    fn line() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.enable_steady_tick(TICK);
        Self::Line { bar, calls: 0, state: String::new() }
    }

    /// Shows what an event changes, of which the data is held.
    pub(super) fn told(&mut self, event: &Event, line: impl FnOnce(Screen) -> String) {
        match self {
            Self::Line { bar, calls, state } => {
                match &*event.name {
                    "state" => text(&event.data, "state").clone_into(state),
                    "step" => *calls += 1,
                    _ => {}
                }
                bar.set_message(released(&message(state, *calls, text(&event.data, "key"))));
            }
            Self::Lines(screen) => {
                // Nobody is left to be told that nobody reads.
                let _ = writeln!(std::io::stderr(), "{}", released(&line(*screen)));
            }
            Self::Quiet => {}
        }
    }

    /// Prints beside the line, which moves out of the way.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match self {
            Self::Line { bar, .. } => bar.suspend(print),
            Self::Lines(_) | Self::Quiet => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Self::Line { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

fn message(state: &str, calls: u32, last: &str) -> String {
    let calls = match calls {
        0 => return state.to_owned(),
        1 => "1 call".to_owned(),
        many => format!("{many} calls"),
    };
    if last.is_empty() { format!("{state}, {calls}") } else { format!("{state}, {calls}, last {last}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_where_it_stands_and_what_came_last() {
        assert_eq!(message("queued", 0, ""), "queued");
        assert_eq!(message("running", 1, "charge#1"), "running, 1 call, last charge#1");
        assert_eq!(message("suspended", 12, ""), "suspended, 12 calls");
    }
}
