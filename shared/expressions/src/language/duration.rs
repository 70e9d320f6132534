//! Durations as texts: `1h30m`, `1.5s`, `-20ms`.

use std::fmt::Write as _;

const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The duration of a text in whole hours, minutes, seconds and nanoseconds, each of which the library reads exactly.
pub(super) fn in_parts(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "is no duration, which has numbers with units: `1h30m`, `1.5s`, `20ms`";
    const LARGE: &str = "is out of the range of durations, which end at about 292 years";
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok("0s".to_owned());
    }
    if rest.is_empty() {
        return Err(WRONG);
    }
    let mut nanos = 0_i128;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(WRONG);
        }
        // Of two units the longer one is meant: `ms` is no `m`.
        let unit = UNITS.iter().filter(|(unit, _)| after.starts_with(unit)).max_by_key(|(unit, _)| unit.len());
        let (unit, each) = unit.ok_or(WRONG)?;
        rest = after.get(unit.len()..).unwrap_or("");
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| LARGE)? };
        // More digits than that are below a nanosecond of every unit.
        let fraction = fraction.get(..15).unwrap_or(fraction);
        let scale = 10_i128.pow(u32::try_from(fraction.len()).map_err(|_| LARGE)?);
        let below: i128 = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| LARGE)? };
        let part = whole.checked_mul(*each).ok_or(LARGE)?;
        nanos = nanos.checked_add(part).and_then(|sum| sum.checked_add(below * each / scale)).ok_or(LARGE)?;
        if nanos > i128::from(i64::MAX) {
            return Err(LARGE);
        }
    }
    let mut parts = sign.to_owned();
    for (unit, each) in [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ns", 1)] {
        write!(parts, "{}{unit}", nanos / each).expect("text grows");
        nanos %= each;
    }
    Ok(parts)
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}
