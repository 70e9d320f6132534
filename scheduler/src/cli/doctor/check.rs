//! One line of the doctor's report.

use serde::Serialize;

use crate::cli::screen::Screen;

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Ok,
    Problem,
    /// Not looked at, or not needed by everybody.
    Note,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) verdict: Verdict,
    pub(super) found: String,
    pub(super) advice: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    pub(super) fn problem(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Problem, found: found.into(), advice: Some(advice.into()) }
    }

    pub(super) fn note(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Note, ..Self::problem(name, found, advice) }
    }
}

pub(super) fn shown(screen: Screen, checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { name, verdict, found, advice } in checks {
        let word = match verdict {
            Verdict::Ok => "ok",
            Verdict::Problem => "problem",
            Verdict::Note => "note",
        };
        // Padded before it is coloured: colours have no width.
        let pad = " ".repeat(8_usize.saturating_sub(word.len()));
        text.extend([screen.state(word), format!("{pad} {name:<18} {found}\n")]);
        if let Some(advice) = advice {
            text.extend([" ".repeat(28), screen.dim(advice), "\n".into()]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn each_check_is_a_line_and_a_problem_says_what_to_do() {
        let checks = [
            Check::ok("piton", "version 0.1.0"),
            Check::problem("schema", "3 migrations are missing", "run `piton migrate`"),
            Check::note("NATS", "not looked at", "set PITON_NATS_URL"),
        ];
        insta::assert_snapshot!(shown(PLAIN, &checks));
    }
}
