//! Events: accepted once, matched with triggers, turned into runs.
//!
//! `commit` accepts what is published at a time in one commit, each with the debt of matching it, and hands it on. `matching` is
//! a loop beside it in which orgs take turns (`turns`): a turn (`look`) computes for a bounded time what events come to
//! (`slice`), and writes what is computed in one transaction, which takes the debt (`write`). A sweep brings what is owed. What
//! an event comes to is decided by [`crate::trigger`].

mod commit;
mod look;
mod matching;
mod nats;
mod new_event;
mod slice;
mod turns;
mod view;
mod write;

pub use commit::{Acceptor, EventHandle};
pub use look::{KEPT, Looker};
pub use matching::{EventMatching, MatchingHandle};
pub use nats::NatsDoor;
pub use new_event::{Matching, NewEvent, Origin, PublishError, PublishedEvent, StartedRun};
pub use view::{brought, facts};
