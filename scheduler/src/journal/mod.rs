//! Results become durable: appends of many workers, one commit.

mod commit;
mod verdict;

pub use commit::{AppendJob, Committer, Outcome};
