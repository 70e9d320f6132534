//! What is due after an outage, by the policies.

#![expect(clippy::unwrap_used, reason = "what a test is given reads")]

use std::time::Duration;

use piton_schedule::{Rhythm, Terms, due};
use piton_shared::{time::Timestamp, trigger::CatchUp};

fn at(text: &str) -> Timestamp {
    let text = format!("2026-06-01T{text}Z");
    Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn clock(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.as_micros()).unwrap().strftime("%H:%M:%S").to_string()
}

/// What fires, then what was missed, then what is next.
fn found(expression: &str, catch_up: CatchUp, next: &str, now: &str) -> String {
    watched(expression, catch_up, next, now, now)
}

/// The same where a scheduler has been looking since some time.
fn watched(expression: &str, catch_up: CatchUp, next: &str, now: &str, since: &str) -> String {
    let rhythm = Rhythm::parse(expression, "UTC").unwrap();
    let terms = Terms { rhythm: &rhythm, schedule: 1, jitter: Duration::ZERO, catch_up };
    let due = due(&terms, at(next), at(now), at(since));
    let fire: Vec<_> = due.fire.into_iter().map(clock).collect();
    let missed = due.missed.map_or_else(String::new, |missed| {
        format!(" missed {} from {} to {}", missed.count, clock(missed.first), clock(missed.last))
    });
    format!("{}{missed} next {}", fire.join(" "), due.next.map_or_else(String::new, |next| clock(next.occurrence)))
}

#[test]
fn policies_after_an_outage() {
    use CatchUp::{All, One, Skip};
    let table = [
        // Not due yet, due now, a moment late.
        ("*/10 * * * *", Skip, "09:00:00", "08:59:59.999999", " next 09:00:00"),
        ("*/10 * * * *", Skip, "09:00:00", "09:00:00", "09:00:00 next 09:10:00"),
        ("*/10 * * * *", Skip, "09:00:00", "09:00:10", "09:00:00 next 09:10:00"),
        // Late by more than the grace.
        ("*/10 * * * *", Skip, "09:00:00", "09:00:10.000001", " missed 1 from 09:00:00 to 09:00:00 next 09:10:00"),
        ("*/10 * * * *", One, "09:00:00", "09:05:00", "09:00:00 next 09:10:00"),
        ("*/10 * * * *", All, "09:00:00", "09:05:00", "09:00:00 next 09:10:00"),
        // Several are missed and none is on time.
        ("*/10 * * * *", Skip, "09:00:00", "09:35:00", " missed 4 from 09:00:00 to 09:30:00 next 09:40:00"),
        ("*/10 * * * *", One, "09:00:00", "09:35:00", "09:30:00 missed 3 from 09:00:00 to 09:20:00 next 09:40:00"),
        ("*/10 * * * *", All, "09:00:00", "09:35:00", "09:00:00 09:10:00 09:20:00 09:30:00 next 09:40:00"),
        // Several are missed and one is on time: it stands for all with `One`.
        ("*/10 * * * *", Skip, "09:00:00", "09:20:05", "09:20:00 missed 2 from 09:00:00 to 09:10:00 next 09:30:00"),
        ("*/10 * * * *", One, "09:00:00", "09:20:05", "09:20:00 missed 2 from 09:00:00 to 09:10:00 next 09:30:00"),
        // A moment's delay loses nothing of a fast rhythm.
        ("* * * * * *", Skip, "09:00:00", "09:00:03", "09:00:00 09:00:01 09:00:02 09:00:03 next 09:00:04"),
    ];
    for (expression, catch_up, next, now, expected) in table {
        assert_eq!(found(expression, catch_up, next, now), expected, "{expression} {catch_up:?} at {now}");
    }
}

/// Missed means that no scheduler was looking: one that is slow fires late and leaves nothing out.
#[test]
fn what_fell_due_under_a_watch_is_late_and_not_missed() {
    use CatchUp::{All, One, Skip};
    let table = [
        // 10,000 schedules are due in one minute, and this one's turn comes half a minute later.
        (Skip, "09:00:00", "09:00:30", "08:00:00", "09:00:00 next 09:10:00"),
        (One, "09:00:00", "09:00:30", "08:00:00", "09:00:00 next 09:10:00"),
        (All, "09:00:00", "09:00:30", "08:00:00", "09:00:00 next 09:10:00"),
        // So slow that the next is due as well.
        (Skip, "09:00:00", "09:11:00", "08:00:00", "09:00:00 09:10:00 next 09:20:00"),
        (One, "09:00:00", "09:11:00", "08:00:00", "09:00:00 09:10:00 next 09:20:00"),
        // The watch began after an outage: what fell due in its grace is on time, what is older was missed.
        (
            Skip,
            "09:00:00",
            "09:20:40",
            "09:10:10",
            "09:10:00 09:20:00 missed 1 from 09:00:00 to 09:00:00 next 09:30:00",
        ),
        (Skip, "09:00:00", "09:20:40", "09:10:11", "09:20:00 missed 2 from 09:00:00 to 09:10:00 next 09:30:00"),
        (One, "09:00:00", "09:09:00", "09:08:00", "09:00:00 next 09:10:00"),
        // Another clock than the one that says what is due: the watch begins now.
        (Skip, "09:00:00", "09:00:10", "09:30:00", "09:00:00 next 09:10:00"),
    ];
    for (catch_up, next, now, since, expected) in table {
        let said = watched("*/10 * * * *", catch_up, next, now, since);
        assert_eq!(said, expected, "{catch_up:?} at {now}, watched since {since}");
    }
    let bounded = watched("* * * * * *", Skip, "09:00:00", "09:05:00", "08:00:00");
    assert!(bounded.starts_with("09:03:21 ") && bounded.contains(" missed 201 from 09:00:00 to 09:03:20"), "{bounded}");
}

#[test]
fn a_long_outage_of_a_fast_rhythm_is_counted_up_to_a_bound() {
    let text = found("* * * * * *", CatchUp::All, "00:00:00", "12:00:00");
    assert!(text.starts_with("11:58:21 11:58:22 "), "{text}");
    assert!(text.ends_with("12:00:00 missed 1000 from 00:00:00 to 11:58:20 next 12:00:01"), "{text}");
}
