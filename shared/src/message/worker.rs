//! A worker's standing: registration, heartbeats, leaving.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{RunId, SchedulerId, WorkerId},
    journal::StepKey,
    message::wake::Control,
    name::{Build, Org, Queue},
    time::Timestamp,
};

/// A worker presents itself. Repeated with the same id it is answered the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Register {
    /// Chosen by the worker, fresh for every registration.
    pub worker: WorkerId,
    /// The tenant it works for.
    pub org: Org,
    /// For people: host and process unless told otherwise.
    pub name: String,
    /// The host it runs on.
    pub host: String,
    /// Its process id there.
    pub process: u32,
    /// The build of its code, if it says one.
    pub build: Option<Build>,
    /// The queues it listens on.
    pub queues: Vec<Queue>,
    /// Wire names of its workflows.
    pub workflows: Vec<String>,
    /// Wire names of its functions.
    pub functions: Vec<String>,
    /// Runs it holds at once.
    pub run_slots: u32,
    /// Functions it executes at once.
    pub step_slots: u32,
    /// The registration that this same process had before, if it had one: the end of its lease was no crash.
    #[serde(default)]
    pub previous: Option<WorkerId>,
}

/// A worker's registration is committed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// The scheduler that answered; the worker sends its appends there while it lives.
    pub scheduler: SchedulerId,
    /// How long the lease runs after each heartbeat, in milliseconds.
    pub lease_millis: u64,
    /// How often to send one, in milliseconds.
    pub heartbeat_millis: u64,
    /// Controls up to this version need not be applied: they are older than the worker.
    pub control_version: i64,
    /// The consumers to pull runs from: one a queue, and one for the queue and its build.
    pub consumers: Vec<String>,
    /// The consumers to pull dispatched work from, likewise.
    pub step_consumers: Vec<String>,
}

/// A worker lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Who.
    pub worker: WorkerId,
    /// Counts the heartbeats of this registration, from 1. A direct grant names the last one that was seen before it.
    #[serde(default)]
    pub number: u64,
    /// Whether it takes new work.
    pub intent: Intent,
    /// Runs it could take now.
    pub free_runs: u32,
    /// Functions it could start now.
    pub free_steps: u32,
    /// The newest control it has applied.
    pub control_applied: i64,
    /// Functions under way for longer than a heartbeat, the oldest first, bounded by the worker's slots.
    pub under_way: Vec<UnderWay>,
}

/// Whether a worker takes new work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// It does.
    Working,
    /// It finishes what it has and leaves.
    Draining,
    /// It is kept for one run that runs alone, and takes nothing else meanwhile.
    Solitary,
}

/// A function that takes its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnderWay {
    /// The run.
    pub run: RunId,
    /// The step.
    pub key: StepKey,
    /// Which try.
    pub try_number: u32,
    /// When it began.
    pub since: Timestamp,
    /// When the function last said that it is alive, if it does.
    pub beat_at: Option<Timestamp>,
    /// How far it is, from 0 to 1, if it says so.
    pub progress: Option<f64>,
    /// What it says of it.
    pub note: Option<String>,
}

/// What a heartbeat is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Standing {
    /// The lease is renewed.
    Renewed {
        /// Controls newer than the worker has applied.
        controls: Vec<Control>,
    },
    /// The lease had ended: drop everything and register under a new id.
    Ended,
}

/// A worker leaves for good; what it still holds is requeued without a strike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leave {
    /// Who.
    pub worker: WorkerId,
}
