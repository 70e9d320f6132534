//! Every subject, stream and consumer of Piton: the one place that names them.
//!
//! `<prefix>.<kind>.…`: work lies in JetStream (`run`, `step`), everything else is core NATS. Two installations on one
//! server differ by their prefix. Every subject that a worker uses names its org, so that the permissions of NATS can
//! confine it: `deploy/nats.conf` shows them.

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

    /// Where a worker hears what it did not ask for: `<prefix>.worker.<org>.<worker>`.
    pub fn worker(&self, org: &Org, worker: WorkerId) -> String {
        self.of_worker("worker", org, worker)
    }

    /// Where a worker is asked what it holds: `<prefix>.holding.<org>.<worker>`.
    pub fn holding(&self, org: &Org, worker: WorkerId) -> String {
        self.of_worker("holding", org, worker)
    }

    /// Workers built before subjects named the org listen without it; their ids say so.
    fn of_worker(&self, kind: &str, org: &Org, worker: WorkerId) -> String {
        if worker.names_its_org() {
            format!("{}.{kind}.{org}.{worker}", self.prefix)
        } else {
            format!("{}.{kind}.{worker}", self.prefix)
        }
    }

    /// The prefix of the subjects on which the workers of an org receive answers: `<prefix>.inbox.<org>`.
    pub fn inbox(&self, org: &Org) -> String {
        format!("{}.inbox.{org}", self.prefix)
    }

    /// The prefix of the subjects on which the workers of an org answer what schedulers ask them: `<prefix>.answer.<org>`.
    ///
    /// Workers publish nowhere else, whatever reply subject a question names: NATS checks what a client publishes, and
    /// not which reply subject the client puts into a message.
    pub fn answers(&self, org: &Org) -> String {
        format!("{}.answer.{org}", self.prefix)
    }

    /// The prefix of the subjects on which schedulers receive answers, other than those of workers: `<prefix>.schedulers`.
    pub fn own_inbox(&self) -> String {
        format!("{}.schedulers", self.prefix)
    }

    /// Whether a scheduler answers on this subject a request that came for an org. A scheduler may publish anywhere, and who
    /// asks chooses where the answer goes: to an inbox of its own, never to a stream, another org or the server.
    pub fn may_answer(&self, org: &Org, reply: &str) -> bool {
        let within = |prefix: &str| reply.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
        reply.starts_with("_INBOX") || within(&self.inbox(org))
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
    fn a_worker_is_reached_under_its_org() {
        let (subjects, org) = (Subjects::default(), Org::new("acme").expect("a name"));
        let worker = WorkerId::fresh(1, [0; 10]);
        assert_eq!(subjects.worker(&org, worker), format!("piton.worker.acme.{worker}"));
        assert_eq!(subjects.holding(&org, worker), format!("piton.holding.acme.{worker}"));
        let before = WorkerId::new(crate::ids::uuid_v7(1, [0; 10]));
        assert_eq!(subjects.worker(&org, before), format!("piton.worker.{before}"));
    }

    #[test]
    fn answers_go_to_inboxes_only() {
        let (subjects, org) = (Subjects::default(), Org::new("acme").expect("a name"));
        for (reply, allowed) in [
            ("_INBOX.abc.1", true),
            ("_INBOX_acme.abc", true),
            ("piton.inbox.acme.abc.1", true),
            ("piton.inbox.acme2.abc", false),
            ("piton.inbox.other.abc", false),
            ("piton.ask.leave.other", false),
            ("piton.answer.acme.abc.1", false),
            ("piton.schedulers.x.1", false),
            ("piton.run.other.default.any.x", false),
            ("$JS.API.STREAM.PURGE.piton-runs", false),
        ] {
            assert_eq!(subjects.may_answer(&org, reply), allowed, "{reply}");
        }
    }

    #[test]
    fn a_prefix_is_one_token() {
        assert!(Subjects::new("a.b").is_err());
    }
}
