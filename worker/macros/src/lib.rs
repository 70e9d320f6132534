//! The attributes of Piton: [`macro@function`] and [`macro@workflow`].
//!
//! They turn `async fn name(context, resources, inputs…) -> Result<T>` into
//! `fn name(inputs…) -> Call<impl Function<Output = T>>`, which makes an inert, typed call: calling a
//! function makes a call, as calling an `async fn` makes a future. The body moves inside, spans intact, beside
//! the definition it belongs to. Use them through the crate `piton`; nothing here names any other crate.

mod definition;
mod describe;
mod duration;
mod gather;
mod inputs;
mod options;
mod parameter;
mod triggers;

use proc_macro::TokenStream;
use quote::ToTokens;
use syn::Error;

/// Which of the two attributes it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    Workflow,
}

impl Kind {
    /// The attribute's name.
    fn word(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Workflow => "workflow",
        }
    }

    /// The context type of its body.
    fn context(self) -> &'static str {
        match self {
            Self::Function => "FunctionContext",
            Self::Workflow => "WorkflowContext",
        }
    }
}

/// Makes an `async fn` a function: a unit of side effects, whose result is journaled when a workflow calls it.
///
/// Parameters, in any order: at most one `ctx: &FunctionContext`, any number of `Resource<T>`, and up to 12
/// inputs, which are owned values that `serde` can write and read. It returns a `Result` whose error is any
/// error, or `Failure`. The name that remains is a plain `fn` that takes the inputs and makes a `Call`.
///
/// One input is journaled as its bare value, several as an object with a field per parameter, so the names of
/// several parameters are part of what is stored. `#[serde(default)]` and its like may stand on a parameter
/// when there are several.
///
/// # Options
///
/// | option | means | default |
/// | --- | --- | --- |
/// | `name = "billing.charge_card"` | the name in journals and in the API; letters, digits, `_`, `-`, `.` | the function's own |
/// | `retries = 5` | tries after the first | 4 |
/// | `max_tries = 6` | the same, counted with the first | 5 |
/// | `timeout = "30s"` | for the step: all tries and the waits between them | none |
/// | `try_timeout = "5s"` | for one try | none |
/// | `queue = "gpu"` | which workers may run it | whatever worker holds the run |
/// | `crate = "piton"` | where the crate `piton` is found, if it was renamed | `::piton` |
///
/// Durations are a number and `ms`, `s`, `m`, `h` or `d`. What is set on a call wins over what is set here.
#[proc_macro_attribute]
pub fn function(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand(Kind::Function, attribute, item)
}

/// Makes an `async fn` a workflow: a durable orchestrator, whose run survives crashes, deploys and long waits.
///
/// It takes `ctx: &WorkflowContext` and up to 12 inputs, and returns a `Result`. It is replayed from its
/// journal, so it must be a pure function of its input and of what its context gives: no clock, no randomness,
/// no input or output and no `.await` but on what `ctx` offers. Effects belong into a `#[function]`, and so do
/// resources.
///
/// # Options
///
/// | option | means | default |
/// | --- | --- | --- |
/// | `name = "order.fulfil"` | the name in journals and in the API; letters, digits, `_`, `-`, `.` | the function's own |
/// | `triggers(event("user.signed_up"), webhook("stripe"), cron("0 9 * * *"))` | what starts it by itself: see `piton::triggers` | only requests |
/// | `crate = "piton"` | where the crate `piton` is found, if it was renamed | `::piton` |
#[proc_macro_attribute]
pub fn workflow(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand(Kind::Workflow, attribute, item)
}

/// What `piton::gather!` expands to.
#[doc(hidden)]
#[proc_macro]
pub fn gather(input: TokenStream) -> TokenStream {
    gather::expand(input.into()).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(kind: Kind, attribute: TokenStream, item: TokenStream) -> TokenStream {
    definition::expand(kind, attribute.into(), item.into())
        .unwrap_or_else(|error| error.into_compile_error().into_token_stream())
        .into()
}
