//! What people are told: rhythms in words, and what is wrong with an expression.

use piton_schedule::Rhythm;

#[test]
fn a_rhythm_in_words() {
    let table = [
        ("0 9 * * 1-5", "At 09:00, on Monday, Tuesday, Wednesday, Thursday, and Friday."),
        ("*/15 * * * *", "At every 15 minutes."),
        ("@hourly", "At minute 0 past every hour."),
        ("@yearly", "At 00:00, on day 1, in January."),
        ("0 0 L * *", "At 00:00, on the last day of the month."),
        ("0 0 * * 5#2", "At 00:00, on the 2nd Friday of the month."),
        ("30 0 9 * * *", "At 09:00:30."),
        ("0 2,14 * * *", "At 02:00 and 14:00."),
        ("*/7 * * * *", "At minute 0, 7, 14, 21, 28, 35, 42, 49, and 56 past every hour."),
        ("*/15 9-17 * * *", "At every 15 minutes past hour 9-17."),
        ("* 0 * * *", "Every minute past hour 0."),
        ("* * * * * *", "Every second."),
        ("0,30 * * * * *", "At every 30 seconds."),
        ("5 */30 * * * *", "At second 5 of minute 0 and 30 past every hour."),
        ("0 0 1 1-6/2 *", "At 00:00, on day 1, in January, March, and May."),
        ("0 0 LW * *", "At 00:00, on the last weekday of the month."),
        (
            "0 0 L,15W * 5L",
            "At 00:00, on the last day of the month or the weekday nearest day 15 or the last Friday of the month.",
        ),
        ("0 0 13 * +5", "At 00:00, on day 13 if it is also Friday."),
    ];
    for (expression, words) in table {
        assert_eq!(Rhythm::parse(expression, "UTC").unwrap().describe(), words, "{expression}");
    }
}

#[test]
fn a_zone_is_known_by_its_name_in_any_case() {
    assert_eq!(Rhythm::parse("@daily", "europe/berlin").unwrap().time_zone(), "Europe/Berlin");
    assert_eq!(Rhythm::parse("@daily", "UTC").unwrap().time_zone(), "UTC");
}

#[test]
fn what_is_wrong_is_named() {
    let long = "1,".repeat(200);
    let table = [
        ("", "UTC", "the expression is empty: write five fields, as in `0 9 * * 1-5`, or a word such as `@daily`"),
        (long.as_str(), "UTC", "the expression has 400 bytes, at most 256 are read"),
        (
            "* * * *",
            "UTC",
            "the expression has 4 fields: write five (minute, hour, day of month, month, day of week), or six with the second first",
        ),
        (
            "0 0 0 1 1 * 2027",
            "UTC",
            "the expression has 7 fields: write five (minute, hour, day of month, month, day of week), or six with the second first",
        ),
        (
            "@reboot",
            "UTC",
            "`@reboot` is not known: there are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly; every other rhythm is written in fields",
        ),
        (
            "60 * * * *",
            "UTC",
            "the minute `60` cannot be read: it takes 0-59, `*`, lists, ranges and steps, as in `*/15`",
        ),
        (
            "*/0 * * * *",
            "UTC",
            "the minute `*/0` cannot be read: it takes 0-59, `*`, lists, ranges and steps, as in `*/15`",
        ),
        ("0 , * * *", "UTC", "the hour `,` cannot be read: it takes 0-23, `*`, lists, ranges and steps, as in `9-17`"),
        (
            "0 0 * FOO *",
            "UTC",
            "the month `FOO` cannot be read: it takes 1-12 or JAN-DEC, `*`, lists, ranges and steps",
        ),
        ("0 0 31 2 *", "UTC", "`0 0 31 2 *` never fires: no date has that day and month"),
        ("0 0 30 FEB +MON", "UTC", "`0 0 30 FEB +MON` never fires: no date has that day and month"),
        ("@daily", "Berlin", "there is no time zone `Berlin`: did you mean `Europe/Berlin`?"),
        ("@daily", "New York", "there is no time zone `New York`: did you mean `America/New_York`?"),
        (
            "@daily",
            "Mars/Olympus",
            "there is no time zone `Mars/Olympus`: write an IANA name such as `Europe/Berlin`, or `UTC`",
        ),
        (
            "*/90 * * * *",
            "UTC",
            "the minute `*/90` means its first value alone, because its step leads out of its range: the largest step that works is 59",
        ),
        (
            "0,0-30/45 * * * *",
            "UTC",
            "the minute `0-30/45` means its first value alone, because its step leads out of its range: the largest step that works is 30",
        ),
        (
            "0 */36 * * *",
            "UTC",
            "the hour `*/36` means its first value alone, because its step leads out of its range: the largest step that works is 23",
        ),
        (
            "0 0 1 */13 *",
            "UTC",
            "the month `*/13` means its first value alone, because its step leads out of its range: the largest step that works is 11",
        ),
        (
            "0 0 * * */7",
            "UTC",
            "the day of week `*/7` means its first value alone, because its step leads out of its range: the largest step that works is 6",
        ),
        (
            "0 0 5-5/2 * *",
            "UTC",
            "the day of month `5-5/2` means its first value alone, because its step leads out of its range: leave the step out",
        ),
        (
            "0 0 * * L",
            "UTC",
            "the day of week `L` cannot be read: it takes 0-7 or SUN-SAT (0 and 7 are Sunday), `*`, lists, ranges and steps, `5#2` (the second Friday), `5L` (the last Friday)",
        ),
        (
            "@daily",
            "GMT+2",
            "there is no time zone `GMT+2`: 2 h ahead of UTC is `Etc/GMT-2` all year, with the sign inverted, as POSIX has it; a place such as `Europe/Berlin` follows its summer time too",
        ),
        (
            "@daily",
            "utc-05:00",
            "there is no time zone `utc-05:00`: 5 h behind UTC is `Etc/GMT+5` all year, with the sign inverted, as POSIX has it; a place such as `Europe/Berlin` follows its summer time too",
        ),
        (
            "@daily",
            "+0530",
            "there is no time zone `+0530`: write a place whose clocks show it, such as `Asia/Kolkata`, or `UTC`",
        ),
        ("@daily", "", "there is no time zone ``: write an IANA name such as `Europe/Berlin`, or `UTC`"),
    ];
    for (expression, zone, said) in table {
        assert_eq!(Rhythm::parse(expression, zone).unwrap_err().to_string(), said, "{expression} in {zone}");
    }
}

#[test]
fn what_would_be_taken_for_something_else_is_refused() {
    for bad in [
        "0 0 15W5 * *",
        "0 0 LW3 * *",
        "0 0 L,LW * *",
        "0 0 1 JAN1 *",
        "0 0 1 1JAN *",
        "0 0 * * SUN1",
        "0 0 * * 5#2L",
        "0 0 * * 1,L",
        "0 0 1 * L",
        "0 0 * * 0-7/7",
    ] {
        assert!(Rhythm::parse(bad, "UTC").is_err(), "{bad}");
    }
    for good in
        ["0 0 1 jan-MAR,oct *", "0 0 * * fri-SUN", "0 0 ? * 1-5#2", "0 0 1 * +MON", "0 0 * * 5#L", "*/59 * * * *"]
    {
        assert!(Rhythm::parse(good, "UTC").is_ok(), "{good}");
    }
}

#[test]
fn what_was_accepted_before_goes_on_and_says_what_it_does() {
    let stored = Rhythm::parse_stored("*/90 */36 * * *", "UTC").unwrap();
    assert_eq!(stored.describe(), "At 00:00.");
}
