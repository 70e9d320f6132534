// Compiled into the macros and into the crate `piton`, which reads durations from the environment: one rule.

use std::time::Duration;

/// Reads `250ms`, `30s`, `5m`, `2h`, `7d` or `2w`: a whole number and a unit, not zero.
///
/// The error is a sentence for whoever wrote the text.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    const EXAMPLES: &str = "write a whole number and a unit: `250ms`, `30s`, `5m`, `2h`, `7d`, `2w`";
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        "w" => 7 * 24 * 60 * 60 * 1000,
        _ => return Err(format!("`{text}` is no duration: {EXAMPLES}")),
    };
    if number.is_empty() {
        return Err(format!("`{text}` is no duration: {EXAMPLES}"));
    }
    let number: Option<u64> = number.parse().ok();
    match number.and_then(|number| number.checked_mul(millis)) {
        None => Err(format!("`{text}` is longer than can be counted")),
        Some(0) => Err(format!("`{text}` is no time at all: leave the option out for none")),
        Some(millis) => Ok(Duration::from_millis(millis)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_with_a_unit_are_read() {
        for (text, millis) in
            [("1ms", 1), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("7d", 604_800_000), ("1w", 604_800_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn the_rest_is_refused_with_a_sentence() {
        for text in ["", "30", "s", "30 s", "1.5s", "-1s", "30sec", "0s", "99999999999999999999s", "1e3s", "5M", "３s"]
        {
            assert!(parse(text).expect_err(text).starts_with(&format!("`{text}` is")), "{text}");
        }
    }
}
