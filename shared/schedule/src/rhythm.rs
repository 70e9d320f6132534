//! An expression in a time zone.

use croner::{Cron, JobType};
use jiff::{Timestamp as Instant, Zoned, tz::TimeZone};
use piton_shared::time::Timestamp;

use crate::{
    RhythmError,
    describe::describe,
    expression::{check, expression},
    zone::zone,
};

/// When something happens again and again. It has occurrences: one that never fires cannot be made.
///
/// ```
/// use piton_schedule::Rhythm;
///
/// let mornings = Rhythm::parse("0 9 * * 1-5", "Europe/Berlin")?;
/// assert_eq!(mornings.describe(), "At 09:00, on Monday, Tuesday, Wednesday, Thursday, and Friday.");
/// # Ok::<(), piton_schedule::RhythmError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rhythm {
    cron: Cron,
    zone: TimeZone,
    zone_name: String,
}

impl Rhythm {
    /// Reads an expression and the IANA name of a time zone.
    pub fn parse(expression_text: &str, time_zone: &str) -> Result<Self, RhythmError> {
        check(expression_text)?;
        Self::parse_stored(expression_text, time_zone)
    }

    /// Reads an expression that was accepted before, perhaps by a build that did not refuse what [`parse`](Self::parse)
    /// refuses today (`*/90` minutes): such a schedule goes on firing as it did, and its description says when.
    pub fn parse_stored(expression_text: &str, time_zone: &str) -> Result<Self, RhythmError> {
        let cron = expression(expression_text)?;
        let (zone, zone_name) = zone(time_zone)?;
        Ok(Self { cron, zone, zone_name })
    }

    /// The IANA name of its time zone, as the database writes it.
    pub fn time_zone(&self) -> &str {
        &self.zone_name
    }

    /// It in words: what fires, by the clocks of its zone.
    pub fn describe(&self) -> String {
        describe(&self.cron.pattern)
    }

    /// Whether it is fixed: what that means on days on which clocks change stands at the top of this crate.
    pub fn is_fixed(&self) -> bool {
        self.cron.determine_job_type() == JobType::FixedTime
    }

    /// The first occurrence after a point in time; none beyond the year 5000.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        // Occurrences are whole seconds: what is after this second's beginning and is none of it, is after the point.
        let second = after.as_micros().div_euclid(1_000_000);
        let from = Instant::from_second(second).ok().filter(|from| *from >= Instant::UNIX_EPOCH);
        let from = match from {
            Some(from) => from,
            None if second < 0 => Instant::UNIX_EPOCH,
            None => return None,
        };
        self.search(from).map(|found| Timestamp::from_micros(found.as_microsecond()))
    }

    /// Its occurrences after a point in time, in order.
    pub fn after(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        std::iter::successors(self.next_after(after), |last| self.next_after(*last))
    }

    /// A point in time as the clocks of its zone show it, with the zone's offset.
    pub fn local(&self, at: Timestamp) -> String {
        match Instant::from_microsecond(at.as_micros()) {
            Ok(at) => at.to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string(),
            Err(_) => at.to_string(),
        }
    }

    fn search(&self, from: Instant) -> Option<Instant> {
        let mut from = from.to_zoned(self.zone.clone());
        let mut inclusive = false;
        loop {
            if let Ok(found) = self.cron.find_next_occurrence(&from, inclusive) {
                return Some(found.timestamp());
            }
            // A gap of more than two hours is not looked through: what lies in it does not exist, and the search goes on
            // where the clocks do.
            (from, inclusive) = (self.past_gap(&from)?, true);
        }
    }

    /// The end of the next gap that is larger than what is looked through.
    fn past_gap(&self, from: &Zoned) -> Option<Zoned> {
        const LOOKED_THROUGH: i32 = 2 * 60 * 60;
        const CHANGES: usize = 400;
        let mut offset = from.offset().seconds();
        for change in self.zone.following(from.timestamp()).take(CHANGES) {
            let forward = change.offset().seconds() - offset;
            offset = change.offset().seconds();
            if forward > LOOKED_THROUGH {
                return Some(change.timestamp().to_zoned(self.zone.clone()));
            }
        }
        None
    }
}
