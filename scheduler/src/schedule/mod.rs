//! Schedules: runs that the clock starts.
//!
//! What is due, and what an overlap comes to, is computed in [`piton_schedule`]. Here it is done: in one transaction that
//! locks the schedules, inserts the runs and moves the schedules on.

mod check;
mod decide;
mod fire;

use std::sync::Arc;

use tokio::sync::Notify;

pub use check::check;
pub use fire::ScheduleLoop;

/// Tells the loop of this scheduler that a schedule was made or changed. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Schedules {
    changed: Arc<Notify>,
}

impl Schedules {
    /// One was made or changed: its next firing may be sooner than any that is known.
    pub fn changed(&self) {
        self.changed.notify_one();
    }

    /// The tag that every run of a schedule has.
    pub fn tag(name: &str) -> String {
        format!("schedule:{name}")
    }
}
