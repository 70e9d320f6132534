//! Schedules that fire every second, and how late each did.

use std::{
    ops::Range,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Dial, Seen};
use crate::{api::Api, psql::Psql};

const FIRINGS: &str = include_str!("sql/firings.sql");

/// Requests under way at once, to make and to pause the schedules.
const AT_ONCE: usize = 16;
/// How long firings that are owed are waited for.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Microseconds.
const SECOND: u64 = 1_000_000;

/// A firing that started a run: when it was to happen, how much later it did, and how much later its run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Firing(u64, i64, Option<i64>);

/// Makes so many schedules.
pub(super) async fn set(schedules: u32, api: &Api) -> anyhow::Result<()> {
    let making = names(schedules).map(|name| async move {
        let body = json!({
            "name": name, "expression": "* * * * * *", "workflow": "one_step", "overlap": "allow", "catch_up": "all",
        });
        let answer = api.post("/v1/schedules", body.to_string()).await?;
        ensure!(answer.status == 201, "{}: {}", answer.status, answer.json());
        Ok(())
    });
    stream::iter(making).buffer_unordered(AT_ONCE).try_collect().await
}

/// Waits until the load is over and everything that was due has fired, then stops the clock and says what was seen.
pub(super) async fn watch(schedules: u32, api: &Api, psql: &Psql, dial: &Dial) -> anyhow::Result<Seen> {
    while !dial.is_over() {
        sleep(LOOK_EVERY).await;
    }
    let Some([measured, over]) = dial.window() else { return Ok(Seen::default()) };
    let window = micros_of(measured)?..micros_of(over)?;
    let begun = Instant::now();
    let due = u64::from(schedules) * seconds(&window);
    loop {
        let firings: Vec<Firing> = psql.json(FIRINGS).await?;
        let found = firings.iter().filter(|firing| window.contains(&firing.0)).count() as u64;
        if found >= due || begun.elapsed() > PATIENCE {
            break;
        }
        sleep(LOOK_EVERY).await;
    }
    stop(schedules, api).await?;
    let firings = ended(psql).await?;
    Ok(seen(&firings, &window, due))
}

/// The firings, once the runs of all have ended.
async fn ended(psql: &Psql) -> anyhow::Result<Vec<Firing>> {
    let begun = Instant::now();
    loop {
        let firings: Vec<Firing> = psql.json(FIRINGS).await?;
        if firings.iter().all(|firing| firing.2.is_some()) || begun.elapsed() > PATIENCE {
            return Ok(firings);
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn stop(schedules: u32, api: &Api) -> anyhow::Result<()> {
    let stopping = names(schedules).map(|name| async move {
        let answer = api.post(&format!("/v1/schedules/{name}/pause"), "").await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.json());
        Ok(())
    });
    stream::iter(stopping).buffer_unordered(AT_ONCE).try_collect().await
}

fn names(schedules: u32) -> impl Iterator<Item = String> {
    (0..schedules).map(|number| format!("load-{number:05}"))
}

/// Of those that were due in the window how late each fired; of those that never fired, that they are owed.
fn seen(firings: &[Firing], window: &Range<u64>, due: u64) -> Seen {
    let mut seen = Seen::default();
    let micros = |late: i64| u64::try_from(late).unwrap_or(0);
    for Firing(_, late, ended) in firings.iter().filter(|firing| window.contains(&firing.0)) {
        seen.done += 1;
        seen.latencies.saturating_record(micros(*late));
        ended.inspect(|ended| seen.until_ended.saturating_record(micros(*ended)));
    }
    let never = due.saturating_sub(seen.done);
    if never > 0 {
        seen.errors.insert("a firing that was due and never came".to_owned(), never);
    }
    seen.promised = firings.len() as u64 + never;
    seen.completed = firings.iter().filter(|firing| firing.2.is_some()).count() as u64;
    seen
}

/// How many times a second begins in the window.
fn seconds(window: &Range<u64>) -> u64 {
    window.end.div_ceil(SECOND) - window.start.div_ceil(SECOND)
}

fn micros_of(at: Instant) -> anyhow::Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("this machine's clock is wrong")?;
    u64::try_from(now.saturating_sub(at.elapsed()).as_micros()).context("the clock is far ahead")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_begin_in_a_window_that_holds_its_begin_and_not_its_end() {
        for (window, begin) in [(0..1, 1), (0..SECOND, 1), (1..SECOND, 0), (1..SECOND + 1, 1), (SECOND..3 * SECOND, 2)]
        {
            assert_eq!(seconds(&window), begin, "{window:?}");
        }
    }

    #[test]
    fn what_was_due_and_did_not_fire_is_promised_and_wrong() {
        let firings = [
            Firing(9 * SECOND, 5_000, Some(9_000)),
            Firing(10 * SECOND, 3_000, Some(8_000)),
            Firing(11 * SECOND, 7_000, None),
        ];
        let window = 10 * SECOND..13 * SECOND;
        let seen = seen(&firings, &window, seconds(&window));
        assert_eq!((seen.done, seen.promised, seen.completed), (2, 4, 2));
        assert_eq!((seen.latencies.len(), seen.until_ended.len()), (2, 1));
        assert_eq!(seen.errors.values().sum::<u64>(), 1);
    }
}
