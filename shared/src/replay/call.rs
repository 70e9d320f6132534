//! What a workflow asks for.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    codec::DecodeError,
    journal::{Kind, Payload, StepKey},
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
}

/// One call of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// A function is to be executed.
    Step(StepCall),
    /// A durable timer is to be set.
    Sleep(SleepCall),
}

impl Call {
    /// Names the call within its run.
    pub fn key(&self) -> &StepKey {
        match self {
            Self::Step(step) => &step.key,
            Self::Sleep(sleep) => &sleep.key,
        }
    }

    /// The kind of the row that answers it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Step(_) => Kind::Step,
            Self::Sleep(_) => Kind::Sleep,
        }
    }

    /// The name that the row that answers it carries: the function, or the timer's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Step(step) => &step.function,
            Self::Sleep(sleep) => &sleep.name,
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
}

/// All but [`StepCall::canonical`], which has no equality that could be relied on.
impl PartialEq for StepCall {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
            && self.function == other.function
            && self.input == other.input
            && self.options == other.options
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
