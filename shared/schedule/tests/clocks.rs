//! Days on which the clocks change, zone by zone: what is said of them at the top of the crate.

#![expect(clippy::unwrap_used, reason = "what a test is given reads")]

use piton_schedule::Rhythm;
use piton_shared::time::Timestamp;

fn at(text: &str) -> Timestamp {
    Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

/// The first occurrences after a point, as UTC.
fn fires(zone: &str, expression: &str, after: &str, count: usize) -> String {
    let rhythm = Rhythm::parse(expression, zone).unwrap();
    let found = rhythm.after(at(after)).take(count);
    let utc =
        |at: Timestamp| jiff::Timestamp::from_microsecond(at.as_micros()).unwrap().strftime("%d %H:%M").to_string();
    found.map(utc).collect::<Vec<_>>().join(", ")
}

struct Row(&'static str, &'static str, &'static str, &'static str);

const TABLE: &[Row] = &[
    // Berlin goes from 02:00 to 03:00 on 29 March 2026, at 01:00 UTC. A fixed time in the gap moves to its end, once.
    Row("Europe/Berlin", "30 2 * * *", "2026-03-28T00:00:00Z", "28 01:30, 29 01:00, 30 00:30"),
    Row("Europe/Berlin", "0 2 * * *", "2026-03-28T12:00:00Z", "29 01:00, 30 00:00"),
    Row("Europe/Berlin", "0 3 * * *", "2026-03-28T12:00:00Z", "29 01:00, 30 01:00"),
    Row("Europe/Berlin", "0 30 2 * * *", "2026-03-28T12:00:00Z", "29 01:00, 30 00:30"),
    // An interval leaves out what does not exist.
    Row("Europe/Berlin", "0,30 * * * *", "2026-03-29T00:00:00Z", "29 00:30, 29 01:00, 29 01:30"),
    Row("Europe/Berlin", "30 2,14 * * *", "2026-03-28T12:00:00Z", "28 13:30, 29 12:30, 30 00:30"),
    Row("Europe/Berlin", "*/20 2 * * *", "2026-03-28T12:00:00Z", "30 00:00, 30 00:20, 30 00:40"),
    // It goes back from 03:00 to 02:00 on 25 October 2026, at 01:00 UTC. A fixed time fires the first time only.
    Row("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "25 00:30, 26 01:30, 27 01:30"),
    // Asked in the second of the two hours, it is over for that day.
    Row("Europe/Berlin", "30 2 * * *", "2026-10-25T01:10:00Z", "26 01:30, 27 01:30"),
    // An interval fires in both.
    Row("Europe/Berlin", "30 2,14 * * *", "2026-10-24T18:00:00Z", "25 00:30, 25 01:30, 25 13:30, 26 01:30"),
    Row("Europe/Berlin", "0,30 * * * *", "2026-10-24T23:30:00Z", "25 00:00, 25 00:30, 25 01:00, 25 01:30, 25 02:00"),
    Row("Europe/Berlin", "0 9 * * *", "2026-10-24T00:00:00Z", "24 07:00, 25 08:00"),
    // New York: 8 March 2026 at 07:00 UTC, and 1 November 2026 at 06:00 UTC.
    Row("America/New_York", "30 2 * * *", "2026-03-07T12:00:00Z", "08 07:00, 09 06:30"),
    Row("America/New_York", "*/30 2 * * *", "2026-03-07T12:00:00Z", "09 06:00, 09 06:30"),
    Row("America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", "01 05:30, 02 06:30"),
    Row("America/New_York", "*/30 1 * * *", "2026-10-31T12:00:00Z", "01 05:00, 01 05:30, 01 06:00, 01 06:30, 02 06:00"),
    // Lord Howe changes by half an hour: from 02:00 to 02:30 on 4 October 2026 at 15:30 UTC of the 3rd; back from 02:00
    // to 01:30 on 5 April 2026 at 15:00 UTC of the 4th.
    Row("Australia/Lord_Howe", "15 2 * * *", "2026-10-02T16:00:00Z", "03 15:30, 04 15:15"),
    Row("Australia/Lord_Howe", "*/15 2 * * *", "2026-10-03T12:00:00Z", "03 15:30, 03 15:45, 04 15:00"),
    Row("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z", "04 14:45, 05 15:15"),
    Row(
        "Australia/Lord_Howe",
        "*/15 1 * * *",
        "2026-04-04T13:50:00Z",
        "04 14:00, 04 14:15, 04 14:30, 04 14:45, 04 15:00, 04 15:15, 05 14:30",
    ),
    // The gap of Scoresbysund ends at midnight: what it holds of Saturday fires on Sunday only if Sundays are meant too.
    Row("America/Scoresbysund", "30 23 * * *", "2026-03-28T12:00:00Z", "29 01:00, 30 00:30"),
    Row("America/Scoresbysund", "30 23 * * 6", "2026-03-28T12:00:00Z", "05 00:30"),
    // Cairo's clocks leave out the hour after midnight.
    Row("Africa/Cairo", "@daily", "2026-04-23T12:00:00Z", "23 22:00, 24 21:00"),
    // Apia left out 30 December 2011 as a whole.
    Row("Pacific/Apia", "0 10 * * *", "2011-12-28T21:00:00Z", "29 20:00, 30 20:00, 31 20:00"),
    Row("Pacific/Apia", "0 0 * * *", "2011-12-28T21:00:00Z", "29 10:00, 30 10:00, 31 10:00"),
    Row("Pacific/Apia", "0 */12 * * *", "2011-12-29T20:30:00Z", "29 22:00, 30 10:00, 30 22:00"),
    // UTC has no such days.
    Row("UTC", "30 2 * * *", "2026-03-28T12:00:00Z", "29 02:30, 30 02:30"),
    Row("UTC", "*/20 2 * * *", "2026-10-24T12:00:00Z", "25 02:00, 25 02:20, 25 02:40, 26 02:00"),
];

#[test]
fn clocks_change() {
    for Row(zone, expression, after, expected) in TABLE {
        let count = expected.split(',').count();
        assert_eq!(fires(zone, expression, after, count), *expected, "{expression} in {zone} after {after}");
    }
}

#[test]
fn days_of_months_and_weeks() {
    let table = [
        ("0 0 L * *", "28 00:00, 31 00:00, 30 00:00"),
        ("0 0 LW * *", "27 00:00, 31 00:00, 30 00:00"),
        ("0 0 15W * *", "16 00:00, 16 00:00, 15 00:00"),
        ("0 0 * * 5#2", "13 00:00, 13 00:00, 10 00:00"),
        ("0 0 * * FRIL", "27 00:00, 27 00:00, 24 00:00"),
        ("0 0 1 FEB-APR *", "01 00:00, 01 00:00, 01 00:00"),
        ("0 0 13 * FRI", "06 00:00, 13 00:00, 20 00:00"),
        ("0 0 13 * +FRI", "13 00:00, 13 00:00, 13 00:00"),
        ("0 0 * * 7", "01 00:00, 08 00:00, 15 00:00"),
        ("@weekly", "01 00:00, 08 00:00, 15 00:00"),
        ("@midnight", "01 00:00, 02 00:00, 03 00:00"),
        ("*/30 * * * * *", "00:00:00, 00:00:30, 00:01:00"),
        // The next leap day.
        ("0 0 29 2 *", "29 00:00, 29 00:00, 29 00:00"),
    ];
    for (expression, expected) in table {
        let rhythm = Rhythm::parse(expression, "UTC").unwrap();
        let found = rhythm.after(at("2026-01-31T23:59:59Z")).take(3);
        let form = if expression.split_whitespace().count() == 6 { "%H:%M:%S" } else { "%d %H:%M" };
        let utc = |at: Timestamp| jiff::Timestamp::from_microsecond(at.as_micros()).unwrap().strftime(form).to_string();
        assert_eq!(found.map(utc).collect::<Vec<_>>().join(", "), expected, "{expression}");
    }
}
