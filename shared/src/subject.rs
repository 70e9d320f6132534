//! Every subject, stream and consumer of Piton: the one place that names them.
//!
//! `<prefix>.<kind>.…`: work lies in JetStream (`run`), everything else is core NATS. Two installations on one
//! server differ by their prefix.

use crate::{
    ids::{RunId, SchedulerId, WorkerId},
    message::dispatch::DispatchId,
    name::{Build, NameError, Org, Queue},
};

/// What a scheduler can be asked, one subject each, so that a slow kind never holds up another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// [`crate::message::worker::Register`]
    Register,
    /// [`crate::message::define::Define`]
    Define,
    /// [`crate::message::worker::Heartbeat`]
    Heartbeat,
    /// [`crate::message::worker::Leave`]
    Leave,
    /// [`crate::message::claim::Claim`]
    Claim,
    /// [`crate::message::claim::HandBack`]
    HandBack,
    /// [`crate::message::claim::Alone`]
    Alone,
    /// [`crate::message::append::Appends`]
    Append,
    /// [`crate::message::read::Read`]
    Read,
    /// [`crate::message::dispatch::ClaimSteps`]
    ClaimSteps,
    /// [`crate::message::dispatch::Finish`]
    Finish,
    /// [`crate::message::read::ReadStep`]
    ReadStep,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 12] = [
        Self::Register,
        Self::Define,
        Self::Heartbeat,
        Self::Leave,
        Self::Claim,
        Self::HandBack,
        Self::Alone,
        Self::Append,
        Self::Read,
        Self::ClaimSteps,
        Self::Finish,
        Self::ReadStep,
    ];

    /// Its token in subjects.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Define => "define",
            Self::Heartbeat => "heartbeat",
            Self::Leave => "leave",
            Self::Claim => "claim",
            Self::HandBack => "handback",
            Self::Alone => "alone",
            Self::Append => "append",
            Self::Read => "read",
            Self::ClaimSteps => "claimsteps",
            Self::Finish => "finish",
            Self::ReadStep => "readstep",
        }
    }
}

/// The names of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subjects {
    prefix: Queue,
}

impl Default for Subjects {
    fn default() -> Self {
        Self::new("piton").expect("a plain word is a valid prefix")
    }
}

impl Subjects {
    /// The queue group in which schedulers share what any of them may answer.
    pub const SCHEDULERS: &'static str = "schedulers";

    /// The names of the installation with this prefix: letters, digits, `_` and `-`.
    pub fn new(prefix: impl Into<String>) -> Result<Self, NameError> {
        Ok(Self { prefix: Queue::new(prefix.into())? })
    }

    /// A request that any scheduler answers.
    pub fn ask(&self, org: &Org, method: Method) -> String {
        format!("{}.ask.{}.{org}", self.prefix, method.as_str())
    }

    /// What schedulers subscribe to for [`Subjects::ask`].
    pub fn asks(&self, method: Method) -> String {
        format!("{}.ask.{}.*", self.prefix, method.as_str())
    }

    /// The same request to one scheduler.
    pub fn ask_at(&self, scheduler: SchedulerId, org: &Org, method: Method) -> String {
        format!("{}.at.{scheduler}.{}.{org}", self.prefix, method.as_str())
    }

    /// What a scheduler subscribes to for [`Subjects::ask_at`].
    pub fn asks_at(&self, scheduler: SchedulerId, method: Method) -> String {
        format!("{}.at.{scheduler}.{}.*", self.prefix, method.as_str())
    }

    /// Where whoever may use NATS publishes events for an org, as JSON; with a reply subject, the answer says that they are
    /// committed: `<prefix>.publish.<org>`.
    pub fn publish(&self, org: &Org) -> String {
        format!("{}.publish.{org}", self.prefix)
    }

    /// What schedulers subscribe to for [`Subjects::publish`].
    pub fn publishes(&self) -> String {
        format!("{}.publish.*", self.prefix)
    }

    /// Where a worker hears what it did not ask for.
    pub fn worker(&self, worker: WorkerId) -> String {
        format!("{}.worker.{worker}", self.prefix)
    }

    /// Where a worker is asked what it holds.
    pub fn holding(&self, worker: WorkerId) -> String {
        format!("{}.holding.{worker}", self.prefix)
    }

    /// Where schedulers tell each other which runs ended.
    pub fn ended(&self) -> String {
        format!("{}.ended", self.prefix)
    }

    /// The stream of run tasks.
    pub fn run_stream(&self) -> String {
        format!("{}-runs", self.prefix)
    }

    /// What the stream of run tasks holds.
    pub fn run_stream_subjects(&self) -> String {
        format!("{}.run.>", self.prefix)
    }

    /// The task of one run: `<prefix>.run.<org>.<queue>.<build or any>.<run>`.
    pub fn run(&self, org: &Org, queue: &Queue, build: Option<&Build>, run: RunId) -> String {
        format!("{}.run.{org}.{queue}.{}.{run}", self.prefix, build_token(build))
    }

    /// The durable consumer of a queue, or of a queue and a build.
    pub fn run_consumer(org: &Org, queue: &Queue, build: Option<&Build>) -> String {
        // Names may hold `-` and `_`; the separator may not be either, or two consumers could share a name.
        format!("run={org}={queue}={}", build_token(build))
    }

    /// The one filter of that consumer.
    pub fn run_consumer_filter(&self, org: &Org, queue: &Queue, build: Option<&Build>) -> String {
        format!("{}.run.{org}.{queue}.{}.*", self.prefix, build_token(build))
    }

    /// The stream of dispatched work.
    pub fn step_stream(&self) -> String {
        format!("{}-steps", self.prefix)
    }

    /// What the stream of dispatched work holds.
    pub fn step_stream_subjects(&self) -> String {
        format!("{}.step.>", self.prefix)
    }

    /// The task of one piece of dispatched work: `<prefix>.step.<org>.<queue>.<build or any>.<work>`.
    pub fn step(&self, org: &Org, queue: &Queue, build: Option<&Build>, dispatch: &DispatchId) -> String {
        format!("{}.step.{org}.{queue}.{}.{}", self.prefix, build_token(build), dispatch.token())
    }

    /// The durable consumer of a queue's dispatched work, or of a queue and a build.
    pub fn step_consumer(org: &Org, queue: &Queue, build: Option<&Build>) -> String {
        format!("step={org}={queue}={}", build_token(build))
    }

    /// The one filter of that consumer.
    pub fn step_consumer_filter(&self, org: &Org, queue: &Queue, build: Option<&Build>) -> String {
        format!("{}.step.{org}.{queue}.{}.*", self.prefix, build_token(build))
    }
}

fn build_token(build: Option<&Build>) -> &str {
    build.map_or("any", Build::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_task_matches_the_filter_of_its_consumer_only() {
        let subjects = Subjects::default();
        let build = Build::new("b1").expect("valid");
        let run = RunId::new(crate::ids::uuid_v7(1, [0; 10]));
        let task = subjects.run(&Org::DEFAULT, &Queue::DEFAULT, Some(&build), run);
        assert_eq!(task, format!("piton.run.default.default.b1.{run}"));
        let filter = subjects.run_consumer_filter(&Org::DEFAULT, &Queue::DEFAULT, Some(&build));
        assert_eq!(task.strip_prefix(filter.trim_end_matches('*')), Some(&*run.to_string()));
        let any = subjects.run_consumer_filter(&Org::DEFAULT, &Queue::DEFAULT, None);
        assert!(!task.starts_with(any.trim_end_matches('*')));
    }

    #[test]
    fn a_prefix_is_one_token() {
        assert!(Subjects::new("a.b").is_err());
    }
}
