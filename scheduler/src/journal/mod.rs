//! Results become durable: appends of many workers, one commit.

mod apart;
mod commit;
mod road;
mod verdict;

pub use apart::any_goes_apart;
pub use commit::{AppendJob, Committer, Outcome};
