//! What a workflow asks for.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    codec::{self, DecodeError},
    journal::{Kind, Payload, StepKey},
    message::{
        batch::{BatchItem, BatchTerms, ItemResult},
        read::More,
        state::{StateScope, StateValue},
    },
    name::Queue,
    retry::RetryPolicy,
};

/// Reads an input as today's type and writes it in its canonical form; see [`crate::codec::canonical_as`].
pub type Canonical = fn(&[u8]) -> Result<Payload, DecodeError>;

/// What the driver shall do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// The workflow waits for this call.
    Start(Call),
    /// Nobody waits for this call any more: the future was dropped, or the run cancelled. Its result is tolerated.
    Withdraw(StepKey),
    /// The next items of a batch, after [`Prompt::Items`].
    Items(Items),
    /// A value that [`Prompt::Value`] led to: to be written over the version it was computed from.
    Write(Write),
    /// Something is to be read that no row of the journal holds. Until it is supplied nothing else may be told.
    Fetch(Fetch),
}

/// What the driver tells an open call that is no row of the journal.
#[derive(Debug, Clone, PartialEq)]
pub enum Prompt {
    /// A batch shall hand over its items from this number on.
    Items {
        /// From 1.
        from: u32,
    },
    /// An update shall compute the new value from this one.
    Value(StateValue),
}

/// Items of a batch, in the order of their numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Items {
    /// The batch.
    pub key: StepKey,
    /// The number of the first of them, from 1.
    pub first: u32,
    /// The items: some, unless nothing follows.
    pub items: Vec<BatchItem>,
    /// Whether more follow.
    pub more: More,
}

/// A computed value of state.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The call.
    pub key: StepKey,
    /// The new value, or none to delete it.
    pub value: Option<Payload>,
    /// The version it was computed from.
    pub expected: i64,
}

/// Something to be read that no row of the journal holds, and that never changes once it can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Counts fetches of a machine.
    pub id: u64,
    /// The batch, which has ended.
    pub batch: StepKey,
    /// Results after this item, or zero.
    pub after: u32,
}

/// A page of a batch's results: the answer to a [`Fetch`].
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedResults {
    /// The results, in the order of their items, from the one after [`Fetch::after`] on.
    pub results: Vec<ItemResult>,
    /// Whether another page follows.
    pub more: More,
}

/// One call of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// A function is to be executed.
    Step(StepCall),
    /// A durable timer is to be set.
    Sleep(SleepCall),
    /// A function is to be executed for many items.
    Batch(BatchCall),
    /// The winner of a race is to be pinned.
    Race(RaceCall),
    /// State is to be read or written.
    State(StateCall),
}

impl Call {
    /// Names the call within its run.
    pub fn key(&self) -> &StepKey {
        match self {
            Self::Step(step) => &step.key,
            Self::Sleep(sleep) => &sleep.key,
            Self::Batch(batch) => &batch.key,
            Self::Race(race) => &race.key,
            Self::State(state) => &state.key,
        }
    }

    /// The kind of the row that answers it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Step(_) => Kind::Step,
            Self::Sleep(_) => Kind::Sleep,
            Self::Batch(_) => Kind::Batch,
            Self::Race(_) => Kind::Race,
            Self::State(_) => Kind::State,
        }
    }

    /// Whether it has an answer to this prompt.
    pub(super) fn takes(&self, prompt: &Prompt) -> bool {
        match (self, prompt) {
            (Self::Batch(_), Prompt::Items { .. }) => true,
            (Self::State(state), Prompt::Value(_)) => state.access == Access::Update,
            (Self::Step(_) | Self::Sleep(_) | Self::Batch(_) | Self::Race(_) | Self::State(_), _) => false,
        }
    }

    /// The name that the row that answers it carries: the function, or the timer's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Step(step) => &step.function,
            Self::Sleep(sleep) => &sleep.name,
            Self::Batch(batch) => &batch.terms.function,
            Self::Race(race) => &race.name,
            Self::State(state) => &state.name,
        }
    }
}

/// A function is to be executed.
#[derive(Debug, Clone)]
pub struct StepCall {
    /// Names the call within its run.
    pub key: StepKey,
    /// The function's wire name.
    pub function: Cow<'static, str>,
    /// What it is called with.
    pub input: Payload,
    /// How it is executed. Never compared with what was recorded.
    pub options: StepOptions,
    /// Brings inputs of this call into a form that can be compared.
    pub canonical: Canonical,
    /// Where it is executed.
    pub road: Road,
}

/// Where a step is executed. Never compared: a build may choose another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Road {
    /// Where the run is held: it is one of a sequence.
    #[default]
    Here,
    /// Wherever there is room: it is one of a fan-out.
    Away,
}

impl Road {
    /// Away stays away.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Here, Self::Here) => Self::Here,
            (Self::Away, _) | (_, Self::Away) => Self::Away,
        }
    }
}

/// All but [`StepCall::canonical`], which has no equality that could be relied on.
impl PartialEq for StepCall {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
            && self.function == other.function
            && self.input == other.input
            && self.options == other.options
            && self.road == other.road
    }
}

/// How a step is executed. Every option has a default and may change between builds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepOptions {
    /// How long all tries together may take. Defaults to no bound.
    pub timeout: Option<Duration>,
    /// How long one try may take. Defaults to no bound.
    pub try_timeout: Option<Duration>,
    /// When it is tried again. Defaults to the function's own policy, then to [`RetryPolicy::default`].
    pub retry: Option<RetryPolicy>,
    /// Which workers execute it. Defaults to the one that holds the run.
    pub queue: Option<Queue>,
}

/// A durable timer is to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SleepCall {
    /// Names the call within its run.
    pub key: StepKey,
    /// The timer's name.
    pub name: Cow<'static, str>,
    /// How long from when it is set. Like an option it is not compared: a timer that was set stays as it was.
    pub duration: Duration,
}

/// A function is to be executed for many items. The items themselves are asked for with [`Prompt::Items`]. Answered by a
/// row from outside whose value is a [`BatchSummary`](crate::message::batch::BatchSummary).
#[derive(Debug, Clone, PartialEq)]
pub struct BatchCall {
    /// Names the call within its run.
    pub key: StepKey,
    /// What is executed and how; only the function is compared with what was recorded.
    pub terms: BatchTerms,
}

/// The winner of a race is to be pinned. Answered by an own row whose value is the winner, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaceCall {
    /// Names the call within its run.
    pub key: StepKey,
    /// The race's name.
    pub name: Cow<'static, str>,
    /// Which branch was first, from 0: what the row's input holds, and is compared with.
    pub winner: u32,
}

impl RaceCall {
    /// What stands in the row as its input.
    pub fn input(&self) -> Payload {
        codec::encode(&self.winner).expect("a number always encodes")
    }
}

/// State is to be read or written. Answered by an own row whose value is a map with `value` and `version`; see
/// [`crate::codec::versioned`].
#[derive(Debug, Clone, PartialEq)]
pub struct StateCall {
    /// Names the call within its run.
    pub key: StepKey,
    /// What the row is called: `get`, `set`, `delete`, `update`.
    pub name: Cow<'static, str>,
    /// Whose state.
    pub scope: StateScope,
    /// The value's name; with the scope it is the row's input, and is compared.
    pub of: String,
    /// What is done.
    pub access: Access,
}

impl StateCall {
    /// What stands in the row as its input: the scope and the name.
    pub fn input(&self) -> Payload {
        codec::encode(&(self.scope, &self.of)).expect("two words always encode")
    }
}

/// What is done with state.
#[derive(Debug, Clone, PartialEq)]
pub enum Access {
    /// It is read.
    Get,
    /// It is written, whatever stands there; none deletes it.
    Set(Option<Payload>),
    /// It is written if it still has this version. If not, nothing is written and the row says what stands there instead:
    /// [`codec::contested`].
    SetIf {
        /// The new value.
        value: Option<Payload>,
        /// The version that must stand there.
        expected: i64,
    },
    /// It is computed anew from what stands there, as often as somebody else was faster; see [`Prompt::Value`].
    Update,
}
