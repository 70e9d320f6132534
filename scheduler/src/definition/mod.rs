//! What workers say of their functions and workflows: inputs, results, what starts them.

mod definer;
mod known;

pub use definer::Definer;
pub use known::{Definitions, Known};
