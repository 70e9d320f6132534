//! What a description promises is what fires: it is read back, word by word, and compared with a thousand occurrences.

#![expect(clippy::unwrap_used, reason = "what a test is given reads")]

use jiff::{
    ToSpan,
    civil::{Date, DateTime, Weekday},
};
use piton_schedule::Rhythm;
use piton_shared::time::Timestamp;
use proptest::prelude::*;

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Occurrences that are compared, and the days in which they are looked for.
const COMPARED: usize = 1000;
const DAYS: i64 = 12 * 366;

fn list(text: &str) -> Vec<String> {
    text.replace(", and ", ", ").replace(" and ", ", ").split(", ").map(ToOwned::to_owned).collect()
}

fn numbers(text: &str) -> Vec<i8> {
    let read = |text: &str| text.parse::<i8>().unwrap_or_else(|_| panic!("no number: {text}"));
    let item = |item: String| match item.split_once('-') {
        Some((from, to)) => (read(from)..=read(to)).collect::<Vec<_>>(),
        None => vec![read(&item)],
    };
    list(text).into_iter().flat_map(item).collect()
}

fn every(step: i8) -> Vec<i8> {
    (0..60).filter(|at| at % step == 0).collect()
}

fn all(below: i8) -> Vec<i8> {
    (0..below).collect()
}

/// The times of a day, in order.
fn times(text: &str) -> Vec<(i8, i8, i8)> {
    let at = text.strip_prefix("At ").unwrap_or(text);
    if at.contains(':') {
        let time = |text: String| {
            let parts: Vec<i8> = text.split(':').map(|part| part.parse().unwrap()).collect();
            (parts[0], parts[1], parts.get(2).copied().unwrap_or(0))
        };
        return list(at).into_iter().map(time).collect();
    }
    let (at, hours) = match at.split_once(" past ") {
        Some((at, "every hour")) => (at, all(24)),
        Some((at, hours)) => (at, numbers(hours.strip_prefix("hour ").unwrap())),
        None => (at, all(24)),
    };
    let minutes_of = |text: &str| match text {
        "every minute" | "Every minute" => all(60),
        text => match text.strip_prefix("minute ") {
            Some(minutes) => numbers(minutes),
            None => {
                every(text.strip_prefix("every ").and_then(|it| it.strip_suffix(" minutes")).unwrap().parse().unwrap())
            }
        },
    };
    let seconds_of = |text: &str| match text {
        "Every second" => all(60),
        text => match text.strip_prefix("second ") {
            Some(seconds) => numbers(seconds),
            None => {
                every(text.strip_prefix("every ").and_then(|it| it.strip_suffix(" seconds")).unwrap().parse().unwrap())
            }
        },
    };
    let (seconds, minutes) = match at.split_once(" of ") {
        Some((seconds, minutes)) => (seconds_of(seconds), minutes_of(minutes)),
        None if at.contains("second") => (seconds_of(at), all(60)),
        None => (vec![0], minutes_of(at)),
    };
    let mut times = Vec::new();
    for hour in &hours {
        for minute in &minutes {
            times.extend(seconds.iter().map(|second| (*hour, *minute, *second)));
        }
    }
    times
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn name(date: Date) -> &'static str {
    WEEKDAYS[usize::try_from(date.weekday().to_sunday_zero_offset()).unwrap()]
}

/// Whether one of the alternatives holds on a date.
fn is_day(text: &str, date: Date) -> bool {
    text.split(" or ").any(|one| {
        if let Some(days) = one.strip_prefix("day ") {
            return numbers(days).contains(&date.day());
        }
        if let Some(days) = one.strip_prefix("the weekday nearest day ") {
            // Within the month: a day that it does not have names none.
            let near = |day: i8| {
                let day = Date::new(date.year(), date.month(), day).ok()?;
                let nearest = [0, -1, 1, -2, 2].map(|off| day.checked_add(i64::from(off).days()).unwrap());
                nearest.into_iter().find(|near| near.month() == day.month() && !is_weekend(*near))
            };
            return numbers(days).into_iter().any(|day| near(day) == Some(date));
        }
        match one {
            "the last day of the month" => return date == date.last_of_month(),
            "the last weekday of the month" => {
                let last = (0..3).map(|back| date.last_of_month().checked_sub(i64::from(back).days()).unwrap());
                return last.into_iter().find(|day| !is_weekend(*day)) == Some(date);
            }
            _ => {}
        }
        let Some(nth) = one.strip_prefix("the ").and_then(|it| it.strip_suffix(" of the month")) else {
            let names = list(one);
            assert!(names.iter().all(|name| WEEKDAYS.contains(&&**name)), "not read: {one}");
            return names.contains(&name(date).to_owned());
        };
        let (nth, names) = nth.split_once(' ').unwrap();
        let is_nth = match nth {
            "last" => date.day() + 7 > date.days_in_month(),
            nth => nth[..1].parse::<i8>().unwrap() == (date.day() - 1) / 7 + 1,
        };
        is_nth && list(names).contains(&name(date).to_owned())
    })
}

/// What a description promises after a time.
fn promised(description: &str, after: DateTime) -> Vec<DateTime> {
    let text = description.strip_suffix('.').unwrap();
    let (text, months) = match text.split_once(", in ") {
        Some((text, months)) => (text, list(months)),
        None => (text, MONTHS.map(ToOwned::to_owned).to_vec()),
    };
    let (text, days) = text.split_once(", on ").map_or((text, None), |(text, days)| (text, Some(days)));
    let times = times(text);
    let is_in = |date: Date| {
        months.contains(&MONTHS[usize::try_from(date.month()).unwrap() - 1].to_owned())
            && days.is_none_or(|days| match days.split_once(" if it is also ") {
                Some((one, other)) => is_day(one, date) && is_day(other, date),
                None => is_day(days, date),
            })
    };
    let dates = (0..DAYS).map(|days| after.date().checked_add(days.days()).unwrap()).filter(|date| is_in(*date));
    dates
        .flat_map(|date| times.iter().map(move |(hour, minute, second)| date.at(*hour, *minute, *second, 0)))
        .filter(|at| *at > after)
        .take(COMPARED)
        .collect()
}

/// Compares a description with what fires; false for what is no expression.
fn check(expression: &str) -> bool {
    let Ok(rhythm) = Rhythm::parse(expression, "UTC") else { return false };
    let after = jiff::civil::date(2026, 11, 29).at(23, 59, 30, 0);
    let from = Timestamp::from_micros(after.in_tz("UTC").unwrap().timestamp().as_microsecond());
    let description = rhythm.describe();
    let promised = promised(&description, after);
    let civil =
        |at: Timestamp| jiff::Timestamp::from_microsecond(at.as_micros()).unwrap().in_tz("UTC").unwrap().datetime();
    let fires: Vec<_> = rhythm.after(from).take(promised.len().max(1)).map(civil).collect();
    if promised.is_empty() {
        let far = |at: &DateTime| i64::from((at.date() - after.date()).get_days()) >= DAYS - 1;
        assert!(fires.first().is_none_or(far), "{expression}: {description}");
    }
    let differs = promised.iter().zip(&fires).find(|(promised, fires)| promised != fires);
    assert_eq!(differs, None, "{expression}: {description}");
    true
}

#[test]
fn descriptions_of_known_traps_are_what_fires() {
    for expression in [
        "* * * * *",
        "*/7 * * * *",
        "*/45 * * * *",
        "0 */5 * * *",
        "*/15 9-17 * * 1-5",
        "0 0 1 1-6/2 *",
        "0 0 1 */5 *",
        "0 0 LW * *",
        "0 0 L,15W,1W * *",
        "0 0 31W * *",
        "0 0 * * 5L",
        "0 0 * * 1#1,5#5,3L",
        "0 0 13 * 5",
        "0 0 13 * +5",
        "0 0 1-7,L * +1,5L",
        "0 0 */2 * 1",
        "0 0 * * */2",
        "0 0 * * 5-7",
        "*/7 */13 */5 * * *",
        "*/20 * 3 * * *",
        "5,10 * * * * *",
        "5 */30 * * * *",
        "* 5 * * * *",
        "0 0,12 * * *",
        "30 1-23/2 * * *",
    ] {
        assert!(check(expression), "{expression}");
    }
}

fn field(from: i8, to: i8, special: &'static [&'static str]) -> BoxedStrategy<String> {
    let number = from..=to;
    let range = (from..=to, from..=to).prop_map(|(one, two)| format!("{}-{}", one.min(two), one.max(two)));
    let step = |base: BoxedStrategy<String>| (base, 1_i8..40).prop_map(|(base, step)| format!("{base}/{step}"));
    let mut items = vec![
        number.prop_map(|number| number.to_string()).boxed(),
        range.clone().boxed(),
        step(range.boxed()).boxed(),
        step(Just("*".to_owned()).boxed()).boxed(),
    ];
    if !special.is_empty() {
        items.push(prop::sample::select(special).prop_map(ToOwned::to_owned).boxed());
    }
    let listed = prop::collection::vec(prop::strategy::Union::new(items), 1..4).prop_map(|items| items.join(","));
    prop_oneof![2 => Just("*".to_owned()), 5 => listed].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_global_rejects: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_described_is_what_fires(
        second in prop_oneof![3 => Just(String::new()), 1 => field(0, 59, &[])],
        minute in field(0, 59, &[]),
        hour in field(0, 23, &[]),
        day in field(1, 31, &["L", "LW", "1W", "15W", "31W"]),
        month in field(1, 12, &["JAN", "JUN"]),
        weekday in prop_oneof![2 => field(0, 7, &["5L", "5#2", "0#5", "MON"]), 1 => field(0, 7, &["5L", "1#1"]).prop_map(|it| format!("+{it}"))],
    ) {
        prop_assume!(check(format!("{second} {minute} {hour} {day} {month} {weekday}").trim()));
    }
}
