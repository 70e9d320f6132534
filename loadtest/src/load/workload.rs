//! What is asked for.

use serde::Serialize;

/// What a load consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// Runs of five sequential steps that do nothing.
    #[value(name = "W1", alias = "w1")]
    W1,
    /// The same, meant for one caller.
    #[value(name = "W2", alias = "w2")]
    W2,
    /// Runs that fan out over many items that do nothing, a bounded number at once, and collect the results.
    #[value(name = "W3", alias = "w3")]
    W3,
    /// Runs of one step that does nothing.
    #[value(name = "W4", alias = "w4")]
    W4,
    /// Events, each of which starts a run of one step by a declared trigger.
    #[value(name = "W5", alias = "w5", alias = "events")]
    W5,
    /// Signed webhooks (Standard Webhooks), each of which starts a run of one step by a declared trigger.
    #[value(name = "W6", alias = "w6", alias = "webhooks")]
    W6,
    /// Schedules of every second, each firing of which starts a run of one step.
    #[value(name = "W7", alias = "w7", alias = "schedules")]
    W7,
}

/// How wide a run of [`Workload::W3`] fans out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fan {
    /// Items of one run.
    pub items: u32,
    /// Items under way at once.
    pub at_once: u32,
}

impl Workload {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
            Self::W3 => "W3",
            Self::W4 => "W4",
            Self::W5 => "W5",
            Self::W6 => "W6",
            Self::W7 => "W7",
        }
    }

    /// What is counted by the second.
    pub fn counted(self) -> &'static str {
        match self {
            Self::W1 | Self::W2 | Self::W3 | Self::W4 => "runs",
            Self::W5 => "events",
            Self::W6 => "deliveries",
            Self::W7 => "firings",
        }
    }

    /// What is timed: a run from the request to its end, a request until it is answered, how late a schedule fires.
    pub fn timed(self) -> &'static str {
        match self {
            Self::W1 | Self::W2 | Self::W3 | Self::W4 => "run",
            Self::W5 => "accepted",
            Self::W6 => "answered",
            Self::W7 => "late",
        }
    }

    /// Steps of one of its runs.
    pub fn steps(self, fan: Fan) -> u64 {
        match self {
            Self::W1 | Self::W2 => 5,
            Self::W3 => fan.items.into(),
            Self::W4 | Self::W5 | Self::W6 | Self::W7 => 1,
        }
    }

    /// Callers of a closed loop if none are asked for; each of W5 has this many events of its own under way.
    pub fn in_flight(self, batch: u32) -> usize {
        match self {
            Self::W1 | Self::W4 => 200,
            Self::W2 | Self::W3 => 1,
            Self::W5 => (200 / batch.max(1) as usize).max(1),
            // A scheduler takes 128 deliveries at once and puts off the others.
            Self::W6 => 64,
            Self::W7 => 0,
        }
    }

    /// Whether it has to look into the database to know what happened.
    pub fn needs_database(self) -> bool {
        match self {
            Self::W1 | Self::W2 | Self::W3 | Self::W4 | Self::W5 => false,
            Self::W6 | Self::W7 => true,
        }
    }
}
