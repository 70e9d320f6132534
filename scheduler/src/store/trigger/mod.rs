//! Triggers, as they are kept. Every change of an org's draws the next version under the lock of the org's row.

mod active;
mod change;
mod declare;
mod row;

pub use active::OrgTriggers;
pub(super) use active::active;
pub(super) use change::next_version;
pub use change::{Change, Changed, NewTrigger};
pub use declare::declare;
pub use row::{Listens, Source, TriggerRow, TriggerState};
