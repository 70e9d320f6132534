//! What an attribute defines, as traits that the rest of the crate works with.

use std::{any::Any, time::Duration};

use piton_shared::{
    codec::{self, DecodeError, EncodeError},
    journal::Payload,
    name::Queue,
    replay::StepOptions,
    retry::RetryPolicy,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    BoxFuture, FunctionContext, Result, WorkflowContext,
    describe::Description,
    registry::Registration,
    resource::{Need, Resources},
};

/// A value that can be journaled: an input or a result.
///
/// Every owned type that serde can write and read is one. It is stored as MessagePack of what JSON can
/// represent; see [`codec`] for what is refused when it is encoded.
// Serde's traits stand below the implementation and not above the trait: so the compiler names this trait with
// the words here, and not theirs with the list of all that implements them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be journaled",
    label = "not an owned value that serde can write and read",
    note = "inputs and results derive `serde::Serialize` and `serde::Deserialize`, borrow nothing and are `Send`"
)]
pub trait Journaled: Sized + Send + 'static {
    /// Writes it.
    #[doc(hidden)]
    fn encode(&self) -> Result<Payload, EncodeError>;

    /// Reads it.
    #[doc(hidden)]
    fn decode(payload: &[u8]) -> Result<Self, DecodeError>;

    /// Reads it and writes it in the one form that can be compared.
    #[doc(hidden)]
    fn canonical(payload: &[u8]) -> Result<Payload, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Journaled for T {
    fn encode(&self) -> Result<Payload, EncodeError> {
        codec::encode(self)
    }

    fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(payload)
    }

    fn canonical(payload: &[u8]) -> Result<Payload, DecodeError> {
        codec::canonical_as::<T>(payload)
    }
}

/// What functions and workflows have in common. Implemented by the attributes only.
pub trait Definition: Sized + Send + Sync + 'static {
    /// The name on the wire.
    const NAME: &'static str;
    /// Nothing, the one input, or a struct with a field per input.
    type Input: Journaled;
    /// The value of a success.
    type Output: Journaled;

    #[doc(hidden)]
    fn registration() -> Registration;

    /// What it says of itself.
    #[doc(hidden)]
    fn describe() -> Description;

    /// The input as it is written where it is called: nothing, the one value, or a tuple.
    #[doc(hidden)]
    fn arguments(input: Self::Input) -> Arguments;
}

/// A definition's arguments, of a type that only its caller knows: the definition itself is opaque to everybody else.
pub type Arguments = Box<dyn Any + Send>;

/// A unit of side effects: what [`#[function]`](macro@crate::function) defines.
#[diagnostic::on_unimplemented(
    message = "a function is called here, and this is a workflow",
    label = "this is a workflow",
    note = "call a `#[function]`; a workflow is started as a run of its own"
)]
pub trait Function: Definition {
    #[doc(hidden)]
    const DEFAULTS: Defaults;

    #[doc(hidden)]
    fn needs() -> Vec<Need>;

    #[doc(hidden)]
    fn call(
        context: FunctionContext,
        resources: Resources,
        input: Self::Input,
    ) -> BoxFuture<'static, Result<Self::Output>>;
}

/// A durable orchestrator: what [`#[workflow]`](macro@crate::workflow) defines.
#[diagnostic::on_unimplemented(
    message = "a workflow is expected, and this is a function",
    label = "this is a function",
    note = "call a function from a workflow: `ctx.step(call).await`"
)]
pub trait Workflow: Definition {
    #[doc(hidden)]
    fn call(context: WorkflowContext, input: Self::Input) -> BoxFuture<'static, Result<Self::Output>>;
}

/// What stands in the brackets of `#[function(…)]`: it holds where a call says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Defaults {
    max_tries: Option<u32>,
    timeout: Option<Duration>,
    try_timeout: Option<Duration>,
    queue: Option<&'static str>,
}

impl Defaults {
    /// Nothing is said.
    pub const NONE: Self = Self { max_tries: None, timeout: None, try_timeout: None, queue: None };

    /// Tries, the first included.
    #[must_use]
    pub const fn max_tries(mut self, tries: u32) -> Self {
        self.max_tries = Some(tries);
        self
    }

    /// Milliseconds for all tries together.
    #[must_use]
    pub const fn timeout_millis(mut self, millis: u64) -> Self {
        self.timeout = Some(Duration::from_millis(millis));
        self
    }

    /// Milliseconds for one try.
    #[must_use]
    pub const fn try_timeout_millis(mut self, millis: u64) -> Self {
        self.try_timeout = Some(Duration::from_millis(millis));
        self
    }

    /// Where it runs.
    #[must_use]
    pub const fn queue(mut self, queue: &'static str) -> Self {
        self.queue = Some(queue);
        self
    }

    /// The same as options of a step.
    pub fn options(self) -> StepOptions {
        StepOptions {
            timeout: self.timeout,
            try_timeout: self.try_timeout,
            retry: self.max_tries.map(|tries| RetryPolicy::default().max_tries(tries)),
            queue: self.queue.map(|queue| Queue::new(queue).expect("the attribute checked the name")),
        }
    }
}
