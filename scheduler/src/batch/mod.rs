//! Batches: what each does next, and doing it.

mod course;
mod plan;
mod releases;
mod start;
mod turns;

pub use course::{Course, course};
pub use plan::{Plan, plan};
pub use releases::{Releases, Releasing};
pub use start::BatchStarts;
pub use turns::Turns;
