//! Whatever is asked: nothing panics, nothing spins, and occurrences are the same from wherever they are looked for.

#![expect(clippy::unwrap_used, reason = "what a test is given reads")]

use std::time::Duration;

use piton_schedule::{Due, Rhythm, Terms, due};
use piton_shared::{limits, time::Timestamp, trigger::CatchUp};
use proptest::prelude::*;

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Scoresbysund",
    "Pacific/Apia",
    "Africa/Cairo",
    "Asia/Kathmandu",
];

const EXPRESSIONS: [&str; 12] = [
    "* * * * * *",
    "* * * * *",
    "*/7 * * * *",
    "30 2 * * *",
    "30 1,2 * * *",
    "0 0 * * *",
    "0 9 * * 1-5",
    "0 0 29 2 *",
    "0 0 29 2 +MON",
    "*/30 * 0 1 1 *",
    "59 59 23 L * *",
    "0 12 15W * 5L",
];

const YEAR: i64 = 366 * 24 * 3600;

fn rhythms() -> impl Strategy<Value = Rhythm> {
    (0..EXPRESSIONS.len(), 0..ZONES.len())
        .prop_map(|(expression, zone)| Rhythm::parse(EXPRESSIONS[expression], ZONES[zone]).unwrap())
}

/// Seconds from 1970 to about 2100, often around changes of clocks.
fn seconds() -> impl Strategy<Value = i64> {
    // 25 October 2026 at 01:00 UTC, 29 March 2026, Lord Howe's October and April, Apia's lost day.
    let changes = [1_792_890_000, 1_774_746_000, 1_791_041_400, 1_775_314_800, 1_325_239_200];
    prop_oneof![0..130 * YEAR, (0..changes.len(), -9000_i64..9000).prop_map(move |(at, off)| changes[at] + off)]
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}", zone in "\\PC{0,20}") {
        drop(Rhythm::parse(&text, &zone));
        drop(Rhythm::parse(&text, "UTC").map(|rhythm| rhythm.next_after(at(1_800_000_000))));
    }

    #[test]
    fn any_fields_are_read_or_refused(fields in prop::collection::vec("[0-9*,/#LW?+A-Z-]{1,7}", 5..=6), from in seconds()) {
        if let Ok(rhythm) = Rhythm::parse(&fields.join(" "), "Europe/Berlin") {
            let found = rhythm.next_after(at(from));
            prop_assert!(found.is_some_and(|found| found > at(from)), "{fields:?} after {from}");
            prop_assert!(!rhythm.describe().is_empty());
        }
    }

    #[test]
    fn occurrences_are_the_same_from_wherever_one_looks(rhythm in rhythms(), from in seconds(), later in 0_i64..20_000) {
        let all: Vec<_> = rhythm.after(at(from)).take_while(|found| *found <= at(from + later) ).take(400).collect();
        prop_assert!(all.windows(2).all(|two| two[0] < two[1]));
        prop_assert!(all.iter().all(|found| found.as_micros() % 1_000_000 == 0));
        for (place, found) in all.iter().enumerate().take(40) {
            // A moment before it, it is the next; from itself on, the one behind it is.
            let before = Timestamp::from_micros(found.as_micros() - 1);
            prop_assert_eq!(rhythm.next_after(before), Some(*found));
            if let Some(next) = all.get(place + 1) {
                prop_assert_eq!(rhythm.next_after(*found), Some(*next));
                let between = Timestamp::from_micros(found.as_micros().midpoint(next.as_micros()));
                prop_assert_eq!(rhythm.next_after(between), Some(*next));
            }
        }
    }

    #[test]
    fn every_occurrence_is_accounted_for_once(
        rhythm in rhythms(),
        from in seconds(),
        outage in prop_oneof![0_i64..60, 0..100_000_i64, 0..20 * YEAR],
        watch in prop_oneof![Just(0_i64), 0_i64..100_000],
        jitter in prop_oneof![Just(0_u64), 1..200_000_u64],
        catch_up in prop_oneof![Just(CatchUp::Skip), Just(CatchUp::One), Just(CatchUp::All)],
    ) {
        let terms = Terms { rhythm: &rhythm, schedule: 42, jitter: Duration::from_millis(jitter), catch_up };
        let Some(first) = rhythm.next_after(at(from)) else { return Ok(()) };
        let now = at(from + outage);
        let watched = at(from + outage - watch);
        let Due { fire, missed, next } = due(&terms, first, now, watched);
        let next = next.expect("there is always another before the year 5000");
        prop_assert!(next.fire_at > now && next.fire_at >= next.occurrence);
        prop_assert!(next.fire_at == next.occurrence || next.fire_at.since(next.occurrence) < terms.jitter);
        prop_assert!(fire.len() <= limits::CATCH_UP);
        // What fires follows on what was missed, and the next follows on what fires, without a hole.
        let mut chain: Vec<_> = missed.iter().map(|missed| missed.last).collect();
        chain.extend(&fire);
        chain.push(next.occurrence);
        for two in chain.windows(2) {
            prop_assert_eq!(rhythm.next_after(two[0]), Some(two[1]));
        }
        prop_assert_eq!(missed.map_or(chain[0], |missed| missed.first), first);
        if let Some(missed) = missed {
            let counted = rhythm.after(Timestamp::from_micros(missed.first.as_micros() - 1));
            let counted = counted.take_while(|found| *found <= missed.last).take(limits::MISSED_COUNTED).count();
            prop_assert_eq!(missed.count, counted);
            match catch_up {
                CatchUp::Skip => {}
                CatchUp::One => prop_assert!(!fire.is_empty()),
                CatchUp::All => prop_assert_eq!(fire.len(), limits::CATCH_UP),
            }
        }
        // Nothing fires early, and what is on time fires whatever the policy is.
        for found in &fire {
            prop_assert!(*found <= now);
        }
    }
}

#[test]
fn times_beyond_every_calendar_are_no_trouble() {
    let rhythm = Rhythm::parse("* * * * *", "Europe/Berlin").unwrap();
    assert_eq!(rhythm.next_after(Timestamp::from_micros(i64::MAX)), None);
    assert_eq!(rhythm.next_after(at(253_402_000_000)), None);
    assert_eq!(rhythm.next_after(Timestamp::from_micros(i64::MIN)), Some(at(60)));
    assert!(!rhythm.local(Timestamp::from_micros(i64::MAX)).is_empty());
    let terms = Terms { rhythm: &rhythm, schedule: 1, jitter: Duration::ZERO, catch_up: CatchUp::All };
    let found = due(&terms, at(60), at(253_402_000_000), at(253_402_000_000));
    assert_eq!((found.fire.len() <= limits::CATCH_UP, found.next), (true, None));
}
