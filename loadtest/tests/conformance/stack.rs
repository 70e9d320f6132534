//! What a case sees of the stack it runs on.

use piton::{
    BoxFuture, Failure,
    testing::{Parked, RunState},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::tally::Tally;

/// A way of running workflows.
pub(crate) trait Stack: Sync {
    /// Runs a workflow until it ends or parks.
    fn run(&self, start: Start) -> BoxFuture<'_, Told>;

    /// Publishes an event, and waits until what it started has ended or parked.
    fn publish(&self, event: Event) -> BoxFuture<'_, Heard>;

    /// What its functions count.
    fn tally(&self) -> &Tally;
}

/// A run to be started.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) workflow: &'static str,
    pub(crate) input: Value,
    pub(crate) key: Option<&'static str>,
    pub(crate) session: Option<&'static str>,
    /// What befalls it while this step is executed for the first time.
    pub(crate) fault: Option<(&'static str, Fault)>,
}

/// What may befall a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Cancel,
    Kill,
    Crash,
}

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) run: String,
    pub(crate) state: RunState,
    pub(crate) result: Option<Value>,
    pub(crate) failure: Option<Failure>,
    pub(crate) parked: Option<Parked>,
    /// The keys in its journal, in the order in which it was told them.
    pub(crate) keys: Vec<String>,
}

/// An event to be published.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) id: Option<&'static str>,
    pub(crate) data: Value,
}

/// What came of an event.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) is_new: bool,
    /// The runs by their workflows, in their order.
    pub(crate) runs: Vec<(String, Told)>,
    /// What was not started, and why.
    pub(crate) refused: Vec<(String, String)>,
}

impl Heard {
    pub(crate) fn started(&self) -> Vec<&str> {
        self.runs.iter().map(|(workflow, _)| workflow.as_str()).collect()
    }

    #[track_caller]
    pub(crate) fn run(&self, workflow: &str) -> &Told {
        let found = self.runs.iter().find(|(started, _)| started == workflow);
        &found.unwrap_or_else(|| panic!("`{workflow}` was not started: {self:?}")).1
    }
}

impl Start {
    pub(crate) fn of(workflow: &'static str, input: impl Serialize) -> Self {
        let input = serde_json::to_value(input).expect("an input of a test is plain");
        Self { workflow, input, key: None, session: None, fault: None }
    }

    pub(crate) fn key(self, key: &'static str) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(crate) fn session(self, session: &'static str) -> Self {
        Self { session: Some(session), ..self }
    }

    pub(crate) fn during(self, step: &'static str, fault: Fault) -> Self {
        Self { fault: Some((step, fault)), ..self }
    }
}

impl Told {
    /// What the workflow returned.
    #[track_caller]
    pub(crate) fn result<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.state, RunState::Completed, "{self:?}");
        serde_json::from_value(self.result.clone().unwrap_or_default()).expect("it is what the workflow returned")
    }

    /// The failure that it ended with.
    #[track_caller]
    pub(crate) fn failure(&self) -> &Failure {
        assert_eq!(self.state, RunState::Failed, "{self:?}");
        self.failure.as_ref().expect("a failed run says why")
    }

    /// Why it is parked.
    #[track_caller]
    pub(crate) fn parked(&self) -> &Parked {
        assert_eq!(self.state, RunState::Parked, "{self:?}");
        self.parked.as_ref().expect("a parked run says why")
    }
}
