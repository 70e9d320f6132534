//! What workers say of their functions and workflows: inputs, results, what starts them.
//!
//! [`Definer`] takes it in, [`Definitions`] tells the doors of it, and a [`Form`] compares an input with its schema.

mod bounds;
mod definer;
mod fault;
mod form;
mod integer;
mod known;
mod signature;
mod words;

pub use definer::Definer;
pub use form::{Form, SchemaError};
pub use known::{AsOf, Definitions, Known};
pub use signature::signature;
