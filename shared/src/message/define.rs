//! A worker says what its definitions look like: their inputs, their results, what starts them.

use serde::{Deserialize, Serialize};

use crate::{
    message::read::More,
    name::{Build, Org, Queue},
    time::Timestamp,
    trigger::Trigger,
};

/// Some of a worker's definitions, sent before it registers. Repeated it changes nothing.
///
/// What starts a workflow is said whole: triggers that an earlier process declared and this one does not are gone
/// once this is committed. A process that started before the one which declared last changes no triggers, so that an old
/// worker which registers anew in the middle of a deploy takes nothing back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Define {
    /// The tenant.
    pub org: Org,
    /// The build of the worker's code, if it says one.
    pub build: Option<Build>,
    /// Where runs go that the triggers start: the first queue of the worker.
    pub queue: Queue,
    /// When the worker's process started, by its own clock.
    pub since: Timestamp,
    /// At most [`crate::limits::DEFINITIONS_PAGE`] of them.
    pub definitions: Vec<Definition>,
    /// Whether another page follows.
    pub more: More,
}

/// The definitions are committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defined {}

/// What a worker says of a function or a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Which of the two.
    pub kind: DefinitionKind,
    /// The name on the wire.
    pub name: String,
    /// What its documentation says, for people.
    pub description: String,
    /// Its inputs, in the order in which they are written. None: its input is null. One: its input is that bare value.
    /// Several: an object with a member each.
    pub parameters: Vec<Parameter>,
    /// The JSON Schema of its input as it is on the wire, as JSON text. At most [`crate::limits::SCHEMA_BYTES`].
    pub input_schema: String,
    /// The JSON Schema of its result.
    pub output_schema: String,
    /// What starts it. Functions have none.
    pub triggers: Vec<Trigger>,
}

/// A function or a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefinitionKind {
    /// A unit of side effects.
    Function,
    /// A durable orchestrator.
    Workflow,
}

impl DefinitionKind {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Function, Self::Workflow];

    /// The word used in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Workflow => "workflow",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One input of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name on the wire.
    pub name: String,
    /// Whether it may be left out.
    pub presence: Presence,
    /// Its JSON Schema, as JSON text; `true` where its type does not say one.
    pub schema: String,
}

/// Whether an input may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It has to be there.
    Required,
    /// It has a default.
    Optional,
}
