//! What dispatched work came to becomes durable: ends of many workers, one commit.

mod commit;

pub(crate) use commit::wrong;
pub use commit::{FinishJob, Finisher, Outcome};
