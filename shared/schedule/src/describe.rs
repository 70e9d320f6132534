//! A rhythm in words. The description is made from the values that fire, not from the text, so that it promises what happens:
//! a property test reads it back and compares it with the occurrences.

use croner::{CronComponent, CronPattern};

/// How croner marks a value: any such value, the last such weekday of a month, the weekday nearest a day.
const ANY: u8 = 1;
const LAST: u8 = 1 << 6;
const NEAREST: u8 = 1 << 7;
/// The first to the fifth weekday of a month.
const NTH: [(u8, &str); 5] = [(1 << 1, "1st"), (1 << 2, "2nd"), (1 << 3, "3rd"), (1 << 4, "4th"), (1 << 5, "5th")];

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
/// Times of day that are written out.
const TIMES: usize = 4;

pub(crate) fn describe(pattern: &CronPattern) -> String {
    let parts = [Some(time(pattern)), days(pattern), months(pattern)];
    format!("{}.", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// Which of the sixty seconds or minutes.
enum Sixtieths {
    Every,
    /// From 0 on, and to 60 without a rest.
    Step(u16),
    Some(Vec<u16>),
}

impl Sixtieths {
    fn of(component: &CronComponent) -> Self {
        let values = component.values();
        let count = u16::try_from(values.len()).unwrap_or(u16::MAX);
        let step = 60_u16.checked_div(count).unwrap_or(0);
        let is_even = values.iter().zip(0..).all(|(value, place)| *value == place * step) && step * count == 60;
        match count {
            60 => Self::Every,
            2.. if is_even => Self::Step(step),
            _ => Self::Some(values),
        }
    }

    fn is_zero(&self) -> bool {
        matches!(self, Self::Some(values) if values.as_slice() == [0])
    }
}

fn time(pattern: &CronPattern) -> String {
    let (second_values, minute_values, hours) =
        (pattern.seconds.values(), pattern.minutes.values(), pattern.hours.values());
    if let ([second], [minute]) = (second_values.as_slice(), minute_values.as_slice())
        && hours.len() <= TIMES
    {
        let seconds = if *second == 0 { String::new() } else { format!(":{second:02}") };
        let times: Vec<_> = hours.iter().map(|hour| format!("{hour:02}:{minute:02}{seconds}")).collect();
        return format!("At {}", list(&times));
    }
    let (seconds, minutes) = (Sixtieths::of(&pattern.seconds), Sixtieths::of(&pattern.minutes));
    let is_every_hour = hours.len() == 24;
    let past_hour = if is_every_hour { "past every hour".to_owned() } else { format!("past hour {}", numbers(&hours)) };
    let every = match &seconds {
        Sixtieths::Every => "Every second".to_owned(),
        Sixtieths::Step(step) => format!("At every {step} seconds"),
        Sixtieths::Some(values) => format!("At second {}", numbers(values)),
    };
    match (seconds.is_zero(), &minutes) {
        (true, Sixtieths::Every) if is_every_hour => "Every minute".to_owned(),
        (true, Sixtieths::Every) => format!("Every minute {past_hour}"),
        (true, Sixtieths::Step(step)) if is_every_hour => format!("At every {step} minutes"),
        (true, Sixtieths::Step(step)) => format!("At every {step} minutes {past_hour}"),
        (true, Sixtieths::Some(values)) => format!("At minute {} {past_hour}", numbers(values)),
        (false, Sixtieths::Every) if is_every_hour => match seconds {
            Sixtieths::Every | Sixtieths::Step(_) => every,
            Sixtieths::Some(_) => format!("{every} of every minute"),
        },
        (false, Sixtieths::Every) => format!("{every} of every minute {past_hour}"),
        (false, Sixtieths::Step(_) | Sixtieths::Some(_)) => {
            format!("{every} of minute {} {past_hour}", numbers(&minute_values))
        }
    }
}

/// Which days; none if all are.
fn days(pattern: &CronPattern) -> Option<String> {
    let of_month = days_of_month(&pattern.days).join(" or ");
    let of_week = days_of_week(&pattern.days_of_week).join(" or ");
    match (pattern.is_dom_wildcard(), pattern.is_dow_wildcard()) {
        (true, true) => None,
        (true, false) => Some(format!("on {of_week}")),
        (false, true) => Some(format!("on {of_month}")),
        (false, false) if pattern.matches_dom_and_dow() => Some(format!("on {of_month} if it is also {of_week}")),
        (false, false) => Some(format!("on {of_month} or {of_week}")),
    }
}

fn days_of_month(days: &CronComponent) -> Vec<String> {
    let some = |values: Vec<u16>| (!values.is_empty()).then_some(values);
    let any = some(days.values()).map(|values| format!("day {}", numbers(&values)));
    let last = days.is_feature_enabled(LAST).then(|| {
        // Both marks on the whole field are `LW`.
        let what = if days.is_feature_enabled(NEAREST) { "weekday" } else { "day" };
        format!("the last {what} of the month")
    });
    let nearest =
        some(days.get_set_values(NEAREST)).map(|values| format!("the weekday nearest day {}", numbers(&values)));
    [any, last, nearest].into_iter().flatten().collect()
}

fn days_of_week(days: &CronComponent) -> Vec<String> {
    let named = |bit| {
        let values = days.get_set_values(bit);
        let names: Vec<_> =
            values.iter().filter_map(|value| WEEKDAYS.get(usize::from(*value))).map(ToString::to_string).collect();
        (!names.is_empty()).then(|| list(&names))
    };
    let last = named(LAST).map(|names| format!("the last {names} of the month"));
    let nth = NTH.iter().filter_map(|(bit, nth)| Some(format!("the {nth} {} of the month", named(*bit)?)));
    named(ANY).into_iter().chain(nth).chain(last).collect()
}

/// Which months; none if all are.
fn months(pattern: &CronPattern) -> Option<String> {
    let values = pattern.months.values();
    let names: Vec<_> = values
        .iter()
        .filter_map(|month| MONTHS.get(usize::from(*month).checked_sub(1)?))
        .map(ToString::to_string)
        .collect();
    (names.len() < MONTHS.len()).then(|| format!("in {}", list(&names)))
}

/// Numbers in order; three and more that follow each other are a range.
fn numbers(values: &[u16]) -> String {
    let follow = |one: &u16, next: &u16| one + 1 == *next;
    let items: Vec<_> = values
        .chunk_by(follow)
        .flat_map(|run| match run {
            [first, _, .., last] => vec![format!("{first}-{last}")],
            few => few.iter().map(ToString::to_string).collect(),
        })
        .collect();
    list(&items)
}

fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [front @ .., last] => format!("{}, and {last}", front.join(", ")),
    }
}
