//! Events: accepted once, matched with triggers, turned into runs.

mod new_event;

pub use new_event::{Matching, NewEvent, Origin, PublishError, PublishedEvent, StartedRun};
