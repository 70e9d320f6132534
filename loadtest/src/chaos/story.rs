//! What happened, as values: what workers wrote down, what callers were told, what was done to processes, what the database holds.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// One execution of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The run.
    pub run: String,
    /// The step's key within it.
    pub key: String,
    /// Its fencing token: the number of the publish, and of the attempt within it.
    pub token: (u32, u32),
    /// The worker's process.
    pub process: u32,
    /// The position in the run: a step begins only once the results of all lower stages are acknowledged.
    pub stage: u32,
    /// When it began.
    pub begun: Moment,
    /// How it left, as far as its process wrote it down.
    pub left: Left,
}

/// How an execution left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It returned.
    Returned(Moment),
    /// Its worker dropped it.
    Dropped(Moment),
    /// Nobody wrote it down: its process died with it.
    Unknown,
}

impl fmt::Display for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, key, token: (epoch, attempt), process, stage, begun, left } = self;
        write!(f, "{run} {key} token ({epoch}, {attempt}) process {process} stage {stage} begun {begun} ")?;
        match left {
            Left::Returned(at) => write!(f, "returned {at}"),
            Left::Dropped(at) => write!(f, "dropped {at}"),
            Left::Unknown => f.write_str("left no word"),
        }
    }
}

/// A process that was stopped by SIGSTOP and continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freeze {
    /// The process.
    pub process: u32,
    /// When it was stopped.
    pub from: Moment,
    /// When it was continued, or killed.
    pub until: Moment,
}

/// A run whose start was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The runs that answers to this one idempotency key named.
    pub runs: Vec<String>,
    /// What it does.
    pub kind: Kind,
    /// The states in which it may end.
    pub allowed: Vec<String>,
    /// Its end, as the caller was told it.
    pub ended: Option<Ended>,
    /// Orders that were confirmed.
    pub orders: Vec<Order>,
}

/// What a run does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Steps one after the other.
    Line,
    /// Steps beside each other between two others.
    Fan,
    /// A batch between two steps.
    Bulk {
        /// The stage of its items.
        stage: u32,
        /// How many of them may be under way.
        bound: u32,
    },
    /// A durable sleep between the first stage and the second.
    Doze {
        /// Its length in microseconds.
        micros: u64,
    },
    /// Adds one to a counter of its session.
    Count {
        /// The session.
        session: String,
    },
}

/// An end that a caller was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The state.
    pub state: String,
    /// When the answer had come.
    pub at: Moment,
}

/// An order that was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// No step begins from then on.
    Killed(Moment),
    /// No step begins between the confirmation and the request to resume.
    Paused {
        /// When the confirmation had come.
        from: Moment,
        /// When the resume was asked for.
        until: Moment,
    },
}

/// What the database holds in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Witness {
    /// Each run.
    pub runs: HashMap<String, WitnessRun>,
    /// The counter of each session.
    pub sessions: BTreeMap<String, u64>,
}

/// A run as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WitnessRun {
    /// The workflow.
    pub workflow: String,
    /// The state.
    pub state: String,
}

impl WitnessRun {
    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "completed" | "failed" | "cancelled" | "killed")
    }
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Story {
    /// Every execution that was written down.
    pub executions: Vec<Execution>,
    /// When each process died, of those that did.
    pub deaths: HashMap<u32, Moment>,
    /// Every freeze of a worker process.
    pub freezes: Vec<Freeze>,
    /// Every run whose start was acknowledged.
    pub started: Vec<Started>,
    /// What the database holds.
    pub witness: Witness,
}

impl Story {
    /// When an execution was over, for all that is known.
    pub fn over(&self, execution: &Execution) -> Moment {
        match execution.left {
            Left::Returned(at) | Left::Dropped(at) => at,
            Left::Unknown => self.deaths.get(&execution.process).copied().unwrap_or(Moment::NEVER),
        }
    }

    /// The freezes of a process.
    pub fn freezes_of(&self, process: u32) -> impl Iterator<Item = &Freeze> {
        self.freezes.iter().filter(move |freeze| freeze.process == process)
    }
}
