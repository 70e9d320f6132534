//! Firings that are put off, so that not everything begins at the full hour.

use std::time::Duration;

use piton_shared::time::Timestamp;

use crate::Rhythm;

/// When an occurrence of a schedule fires: at its own time, or later by less than `jitter`, and before the next occurrence.
/// Derived from the schedule's id and the occurrence, so that every scheduler comes to the same time.
pub fn fire_at(rhythm: &Rhythm, schedule: u128, jitter: Duration, occurrence: Timestamp) -> Timestamp {
    if jitter.is_zero() {
        return occurrence;
    }
    let room = rhythm.next_after(occurrence).map_or(jitter, |next| jitter.min(next.since(occurrence)));
    let millis = u64::try_from(room.as_millis()).unwrap_or(u64::MAX).max(1);
    let chance = mixed(mixed(schedule as u64) ^ mixed((schedule >> 64) as u64) ^ occurrence.as_micros() as u64);
    occurrence.plus(Duration::from_millis(chance % millis))
}

/// Spreads a number over all numbers (the last step of splitmix64).
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_by_the_jitter_and_by_the_next_occurrence_and_spread_between() {
        let rhythm = Rhythm::parse("* * * * *", "UTC").unwrap();
        for jitter in [Duration::ZERO, Duration::from_millis(1), Duration::from_secs(20), Duration::from_hours(3)] {
            let most = jitter.min(Duration::from_mins(1));
            let mut latest = Duration::ZERO;
            for occurrence in rhythm.after(Timestamp::EPOCH).take(200) {
                let at = fire_at(&rhythm, 7 << 64 | 9, jitter, occurrence);
                assert_eq!(at, fire_at(&rhythm, 7 << 64 | 9, jitter, occurrence));
                assert!(at >= occurrence && (jitter.is_zero() || at.since(occurrence) < most), "{jitter:?}");
                latest = latest.max(at.since(occurrence));
            }
            assert!(latest * 10 >= most * 9 || most < Duration::from_millis(10), "{jitter:?} reaches only {latest:?}");
        }
    }

    #[test]
    fn schedules_differ() {
        let rhythm = Rhythm::parse("@daily", "UTC").unwrap();
        let occurrence = rhythm.next_after(Timestamp::EPOCH).unwrap();
        let at = |id| fire_at(&rhythm, id, Duration::from_hours(1), occurrence);
        assert_ne!(at(1), at(2));
        assert_ne!(at(1 << 64), at(2 << 64));
    }
}
