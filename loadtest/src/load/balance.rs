//! Whether everything that was promised is there in the end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::psql::Psql;

const RUNS: &str = include_str!("sql/runs.sql");

/// How long runs that were begun may take to end once nothing new is asked for.
const SETTLES: Duration = Duration::from_mins(2);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The runs that a database has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Runs {
    /// All of them.
    pub there: u64,
    /// Those that completed.
    pub completed: u64,
    /// Those that have not ended.
    pub unfinished: u64,
}

/// What was promised, and what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Runs that were started from the first request to the last, warm-up included.
    pub started: u64,
    /// Those of them that are not there, or have not completed, long after the last request.
    pub missing: u64,
}

impl Runs {
    /// As they stand.
    pub async fn look(psql: &Psql) -> anyhow::Result<Self> {
        psql.json(RUNS).await
    }

    fn since(self, before: Self) -> Self {
        Self {
            there: self.there.saturating_sub(before.there),
            completed: self.completed.saturating_sub(before.completed),
            unfinished: self.unfinished,
        }
    }
}

impl Balance {
    /// By the database. A run may be there whose caller was never answered: it has to complete all the same.
    fn of(promised: u64, runs: Runs) -> Self {
        let started = promised.max(runs.there);
        Self { started, missing: started.saturating_sub(runs.completed) }
    }

    /// By what callers saw, where the database is somebody else's.
    pub fn by_callers(promised: u64, completed: u64) -> Self {
        Self { started: promised, missing: promised.saturating_sub(completed) }
    }
}

/// Waits until all runs have ended, and draws the balance of those that were not there before.
pub async fn settled(psql: &Psql, before: Runs, promised: u64) -> anyhow::Result<Balance> {
    let begun = Instant::now();
    loop {
        let runs = Runs::look(psql).await?.since(before);
        if runs.unfinished == 0 && runs.there >= promised || begun.elapsed() > SETTLES {
            return Ok(Balance::of(promised, runs));
        }
        sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_promised_and_is_not_there_or_not_completed_is_missing() {
        let runs = |there, completed| Runs { there, completed, unfinished: 0 };
        for (promised, runs, started, missing) in [
            (10, runs(10, 10), 10, 0),
            (10, runs(9, 9), 10, 1),
            (10, runs(10, 9), 10, 1),
            (10, runs(12, 12), 12, 0),
            (10, runs(12, 11), 12, 1),
        ] {
            assert_eq!(Balance::of(promised, runs), Balance { started, missing });
        }
        assert_eq!(Balance::by_callers(3, 2), Balance { started: 3, missing: 1 });
    }

    #[test]
    fn only_what_is_new_counts() {
        let before = Runs { there: 5, completed: 4, unfinished: 0 };
        let after = Runs { there: 8, completed: 6, unfinished: 1 };
        assert_eq!(after.since(before), Runs { there: 3, completed: 2, unfinished: 1 });
    }
}
