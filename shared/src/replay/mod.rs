//! The replay machine: a workflow as a pure function of its input and its journal.
//!
//! [`Machine`] keeps the workflow's future. It is told journal rows one at a time, in their order, and polls to a
//! standstill after each; what the workflow then waits for comes out as [`Request`]s. It reads no clock, draws no
//! random number, spawns nothing and knows no runtime, so the same rows always lead to the same requests.
//!
//! The road of a call: [`Scope`] gives it a key, [`Durable`] asks for it when it is first polled, the ledger keeps it
//! until a row answers it (`mismatch` compares the two), and the [`Machine`] hands out and takes in.

mod alarm;
mod call;
mod derive;
mod durable;
mod ledger;
mod machine;
mod mismatch;
mod scope;
mod turn;

pub use call::{
    Access, BatchCall, Call, Canonical, Fetch, Items, Prompt, RaceCall, Request, Road, SleepCall, StateCall, StepCall,
    StepOptions, Write,
};
pub use durable::Durable;
pub use machine::{BoxFuture, Machine};
pub use scope::Scope;
pub use turn::{DeliveryError, Told, Turn};

#[cfg(test)]
mod tests;
