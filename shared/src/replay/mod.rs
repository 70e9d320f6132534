//! The replay machine: a workflow as a pure function of its input and its journal.
//!
//! [`Machine`] keeps the workflow's future. It is told journal rows one at a time, in their order, and polls to a
//! standstill after each; what the workflow then waits for comes out as [`Request`]s. It reads no clock, draws no
//! random number, spawns nothing and knows no runtime, so the same rows always lead to the same requests.
//!
//! The road of a call: [`Scope`] gives it a key, [`Durable`] asks for it when it is first polled, the ledger keeps it
//! until a row answers it (`mismatch` compares the two), and the [`Machine`] hands out and takes in.
//!
//! Some calls are asked for more while they are open: a batch hands over its items, an update computes a value
//! ([`Machine::prompt`]). What a batch came to is read without a row ([`Machine::supply`]), and nothing is told meanwhile.

mod alarm;
mod batch;
mod call;
mod core;
mod derive;
mod durable;
mod fetch;
mod fetches;
mod ledger;
mod machine;
mod mismatch;
mod open;
mod poll;
mod replaying;
mod scope;
mod state;
mod tell;
mod turn;
mod verbs;

pub use batch::{BatchEnd, Batched, ItemSource};
pub use call::{
    Access, BatchCall, Call, Canonical, Fetch, FetchedResults, Items, Prompt, RaceCall, Request, Road, SleepCall,
    StateCall, StepCall, StepOptions, Write,
};
pub use durable::{Decode, Durable};
pub use fetch::Fetching;
pub use machine::{BoxFuture, Machine};
pub use replaying::{Replayed, Stopped};
pub use scope::Scope;
pub use state::{Compute, Uncomputed, Updated};
pub use turn::{DeliveryError, Told, Turn};
pub use verbs::Race;

#[cfg(test)]
mod tests;
