//! Why nothing was published, and why a schedule does not fire.

use piton_shared::{codec::EncodeError, limits::CALLER_KEY_BYTES, trigger::PatternError};
use piton_webhook::{Meaningless, Refusal, Unreadable};

/// Why an event was not accepted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PublishError {
    /// No event can have this name.
    #[error("the name `{name}` {wrong}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        wrong: PatternError,
    },
    /// No event can have this id.
    #[error("the id of an event has 1 to {CALLER_KEY_BYTES} bytes without control characters")]
    Id,
    /// What it is about cannot be stored.
    #[error("the data cannot be stored: {0}")]
    Data(EncodeError),
    /// Nobody by this name sends webhooks.
    #[error("there is no provider `{word}`: there are stripe, github, slack, standard and hmac")]
    Provider {
        /// What was asked for.
        word: String,
    },
    /// The delivery's body does not read.
    #[error("{0}")]
    Unreadable(Unreadable),
    /// The delivery does not say what it is about.
    #[error("the delivery says nothing: {0}")]
    Meaningless(Meaningless),
    /// The delivery says something else than the test.
    #[error("the delivery was to have the {what} `{said}`, and has {has}: {provider} has it in the body")]
    Otherwise {
        /// Whose.
        provider: &'static str,
        /// What is meant.
        what: &'static str,
        /// What was said of it.
        said: String,
        /// What it has.
        has: String,
    },
    /// The delivery is one that a server answers by itself, and no event.
    #[error("the server answers this delivery by itself, and publishes nothing: it is a {0}")]
    NoEvent(&'static str),
    /// It cannot be signed as its provider would.
    #[error("the delivery cannot be signed: {0}")]
    Unsigned(Refusal),
    /// A scheduler would not take what this workflow declares.
    #[error("workflow `{workflow}` declares what no scheduler takes: {problem}")]
    Trigger {
        /// Its wire name.
        workflow: String,
        /// What is wrong.
        problem: String,
    },
    /// The machine has no thread left to evaluate expressions on.
    #[error("the expressions of triggers could not be evaluated: the machine has no thread left")]
    Busy,
}

/// Why a schedule does not fire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FireError {
    /// None of the engine's workflows declares it.
    #[error("no registered workflow declares a schedule `{name}`: there {}", listed(.known))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Those that are declared.
        known: Vec<String>,
    },
    /// Two workflows declare it; a scheduler takes it of one of them only.
    #[error("the schedule `{name}` is declared by {}: a schedule has one workflow", .workflows.join(" and "))]
    Twice {
        /// Its name.
        name: String,
        /// Their wire names.
        workflows: Vec<String>,
    },
    /// Its expression or its time zone cannot be read.
    #[error("the schedule `{name}` cannot be read: {wrong}")]
    Rhythm {
        /// Its name.
        name: String,
        /// What is wrong.
        wrong: piton_schedule::RhythmError,
    },
    /// It has no occurrence after the engine's time.
    #[error("the schedule `{name}` fires no more")]
    Over {
        /// Its name.
        name: String,
    },
    /// The workflow does not take its input. No scheduler takes such a declaration.
    #[error("the input of its schedule `{name}` does not fit: {wrong}")]
    Input {
        /// Its name.
        name: String,
        /// What is wrong.
        wrong: String,
    },
}

fn listed(known: &[String]) -> String {
    match known {
        [] => "is none; declare one with `#[workflow(triggers(cron(…)))]`, and register the workflow".to_owned(),
        some => format!("are `{}`", some.join("`, `")),
    }
}
