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
        ("@daily", "", "there is no time zone ``: write an IANA name such as `Europe/Berlin`, or `UTC`"),
    ];
    for (expression, zone, said) in table {
        assert_eq!(Rhythm::parse(expression, zone).unwrap_err().to_string(), said, "{expression} in {zone}");
    }
}
