//! Schedules and what they fired.

mod declare;
mod fire;
mod firing;
mod read;
mod watch;
mod write;

use std::time::Duration;

use piton_schedule::{Next, Rhythm, RhythmError, Terms};
use piton_shared::{
    ids::RunId,
    journal::Payload,
    limits,
    name::{Build, Org, Queue},
    time::Timestamp,
    trigger::{CatchUp, Overlap},
};
use uuid::Uuid;

pub use declare::{declare, names};
pub use fire::{DueSchedule, LockedSchedules, Moved, Superseded};
pub use firing::{Firing, FiringRow, Outcome};
pub use watch::Watch;
pub use write::{Changed, Created};

/// What a schedule is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The workflow that it starts.
    pub workflow: String,
    /// The queue its runs are published to.
    pub queue: Queue,
    /// The build its runs are bound to.
    pub build: Option<Build>,
    /// When, as a cron expression that was read before.
    pub expression: String,
    /// The IANA name of its time zone.
    pub time_zone: String,
    /// What happens when it fires while its last run goes on.
    pub overlap: Overlap,
    /// What happens to firings that were missed.
    pub catch_up: CatchUp,
    /// The longest time by which a firing is put off.
    pub jitter: Duration,
    /// The input of its runs.
    pub input: Payload,
    /// Words to find its runs by; none holds a comma.
    pub tags: Vec<String>,
}

impl Plan {
    /// Its rhythm. What cannot be read was written by a build that knows other expressions or time zones.
    pub fn rhythm(&self) -> Result<Rhythm, RhythmError> {
        Rhythm::parse_stored(&self.expression, &self.time_zone)
    }

    /// When it fires.
    pub fn terms<'a>(&self, schedule: Uuid, rhythm: &'a Rhythm) -> Terms<'a> {
        let jitter = self.jitter.min(limits::JITTER);
        Terms { rhythm, schedule: schedule.as_u128(), jitter, catch_up: self.catch_up }
    }

    /// Its first occurrence after a point in time.
    pub fn next_after(&self, schedule: Uuid, after: Timestamp) -> Option<Next> {
        let rhythm = self.rhythm().ok()?;
        self.terms(schedule, &rhythm).next_after(after)
    }
}

/// Who made a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleOrigin {
    /// It is declared beside its workflow.
    Declared,
    /// Somebody made it by the API.
    Api,
}

impl ScheduleOrigin {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Api => "api",
        }
    }
}

/// Whether a schedule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleState {
    /// It does.
    Active,
    /// It does not until it is resumed.
    Paused,
}

impl ScheduleState {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }
}

/// A schedule as it stands.
#[derive(Debug, Clone)]
pub struct ScheduleRow {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub org: Org,
    /// Its name, one of its kind in the org.
    pub name: String,
    /// What it does.
    pub plan: Plan,
    /// Who made it.
    pub origin: ScheduleOrigin,
    /// Whether it fires.
    pub state: ScheduleState,
    /// Since when it does not.
    pub paused_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// The first occurrence that nobody has looked at, and when it fires.
    pub next: Option<Next>,
    /// The last occurrence that was looked at.
    pub last_at: Option<Timestamp>,
    /// The occurrence that waits for the end of the last run.
    pub waiting_at: Option<Timestamp>,
    /// The last run that its rhythm has started.
    pub last_run: Option<RunId>,
    /// The database's time when this was read.
    pub now: Timestamp,
}
