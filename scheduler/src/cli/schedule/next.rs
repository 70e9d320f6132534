//! `piton schedule next`

use piton_schedule::{Blame, Rhythm};
use piton_shared::{limits::FIRINGS_AHEAD, time::Timestamp};
use serde_json::{Value, json};

use super::path;
use crate::{
    api::time::Rfc3339,
    cli::{
        CliError, Console, Exit,
        screen::{Screen, items, second, text},
    },
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Upcoming {
    /// An expression, as in `"0 9 * * 1-5"` or `@daily`; or the name of a schedule.
    what: String,
    /// The IANA name of the time zone that the expression means.
    #[arg(long = "tz", value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// How many.
    #[arg(short = 'n', long = "count", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=FIRINGS_AHEAD as i64), value_name = "N")]
    count: u32,
}

impl Upcoming {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let answer = if self.is_expression() {
            let now = Timestamp::from_micros(jiff::Timestamp::now().as_microsecond());
            self.computed(now)?
        } else {
            let path = format!("{}/next?count={}", path(&self.what), self.count);
            console.client()?.get(&path).await?
        };
        console.screen.show(&answer, coming)?;
        Ok(Exit::Done)
    }

    /// No name has a space, a star or an `@`.
    fn is_expression(&self) -> bool {
        self.what.is_empty() || self.what.contains([' ', '*', '@'])
    }

    fn computed(&self, now: Timestamp) -> Result<Value, CliError> {
        let rhythm = Rhythm::parse(&self.what, &self.time_zone).map_err(|error| {
            const ORDER: &str = "minute, hour, day of month, month, day of week";
            let said = CliError::caused(Exit::Usage, &error);
            match error.blames() {
                Blame::Expression if said.text().contains(ORDER) => said,
                Blame::Expression => said.advise(format!("fields stand in the order {ORDER}")),
                Blame::Zone => said.advise("--tz says the time zone"),
            }
        })?;
        let next: Vec<_> = rhythm
            .after(now)
            .take(self.count as usize)
            .map(|at| {
                let utc = Rfc3339::from(at);
                json!({ "occurrence": utc, "fires_at": utc, "local": rhythm.local(at) })
            })
            .collect();
        Ok(json!({
            "expression": self.what,
            "description": rhythm.describe(),
            "time_zone": rhythm.time_zone(),
            "next": next,
        }))
    }
}

fn coming(screen: Screen, answer: &Value) -> String {
    let rows: Vec<_> = items(answer, "next")
        .iter()
        .map(|next| vec![text(next, "local").to_owned(), second(text(next, "fires_at"))])
        .collect();
    let mut shown = match text(answer, "description") {
        "" => String::new(),
        words => format!("{} {}\n", screen.bold(words), screen.dim(text(answer, "time_zone"))),
    };
    if rows.is_empty() {
        shown.push_str("it does not fire: it is paused, or its times are over\n");
    } else {
        shown.push_str(&screen.table(&["LOCAL", "UTC"], rows));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    fn next(what: &str, time_zone: &str) -> Result<String, CliError> {
        let asked = Upcoming { what: what.into(), time_zone: time_zone.into(), count: 3 };
        assert!(asked.is_expression());
        // The day before the clocks of Berlin change.
        asked.computed(Timestamp::from_micros(1_774_650_000_000_000)).map(|answer| coming(PLAIN, &answer))
    }

    #[test]
    fn expressions_are_computed_here() {
        insta::assert_snapshot!(next("0 9 * * 1-5", "Europe/Berlin").expect("it reads"));
        insta::assert_snapshot!(next("30 2 * * *", "Europe/Berlin").expect("it reads"));
        insta::assert_snapshot!(next("0 9 * * 8", "UTC").expect_err("no such day").text());
        insta::assert_snapshot!(next("0 9 * *", "UTC").expect_err("a field is missing").text(), @"error: the expression has 4 fields: write five (minute, hour, day of month, month, day of week), or six with the second first");
        insta::assert_snapshot!(next("@daily", "Berlin").expect_err("no such zone").text());
        assert!(!Upcoming { what: "morning-report".into(), time_zone: "UTC".into(), count: 1 }.is_expression());
        insta::assert_snapshot!(coming(PLAIN, &json!({"next": []})), @"it does not fire: it is paused, or its times are over");
    }
}
