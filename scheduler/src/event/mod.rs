//! Events: accepted once, matched with triggers, turned into runs.
//!
//! `commit` accepts what is published at a time in one commit, each with the debt of matching it, and has it looked at at once;
//! `look` decides what events come to and writes that in one transaction, which takes the debt; a sweep has what is owed looked
//! at by whoever comes to it. What an event comes to is decided by [`crate::trigger`].

mod commit;
mod look;
mod nats;
mod new_event;
mod view;

pub use commit::{Acceptor, EventHandle};
pub use look::{Looked, Looker};
pub use nats::NatsDoor;
pub use new_event::{Matching, NewEvent, Origin, PublishError, PublishedEvent, StartedRun};
pub use view::{brought, facts};
