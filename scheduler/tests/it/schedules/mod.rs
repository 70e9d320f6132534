//! Schedules: what fires, once, whoever looks and whoever dies.
//!
//! Nothing waits for a clock here: schedules of New Year's days are set back by some years, and what is then due fires.

#[cfg(feature = "failpoints")]
mod crashed;
mod declared;
mod fired;
mod overlaps;
mod watched;

use std::time::Duration;

use piton_scheduler::store::{
    ScheduleRow, ScheduleState,
    schedule::{Created, Plan},
};
use piton_shared::{
    name::Queue,
    trigger::{CatchUp, Overlap},
};

use crate::{
    database::Database,
    making::{ORG, payload, until},
};

/// A schedule of New Year's days.
pub(crate) fn plan(overlap: Overlap, catch_up: CatchUp) -> Plan {
    Plan {
        workflow: "order".into(),
        queue: Queue::DEFAULT,
        build: None,
        expression: "@yearly".into(),
        time_zone: "UTC".into(),
        overlap,
        catch_up,
        jitter: Duration::ZERO,
        input: payload("input"),
        tags: Vec::new(),
    }
}

/// One of every minute.
pub(crate) fn every_minute(catch_up: CatchUp) -> Plan {
    Plan { expression: "* * * * *".into(), ..plan(Overlap::Allow, catch_up) }
}

impl Database {
    pub(crate) async fn schedule(&self, name: &str, plan: &Plan) -> ScheduleRow {
        let created = self.store.schedule_create(&ORG, name, plan, ScheduleState::Active).await.expect("asked");
        let Created::New(row) = created else { panic!("{created:?}") };
        *row
    }

    pub(crate) async fn scheduled(&self, name: &str) -> ScheduleRow {
        self.store.schedule_get(&ORG, name).await.expect("asked").expect("it is there")
    }

    /// Nobody has looked at it since the New Year so many years before the last one.
    pub(crate) async fn set_back(&self, name: &str, years: i32) {
        let done = sqlx::query(include_str!("../sql/schedule_set_back.sql")).bind(name).bind(years).execute(&self.pool);
        assert_eq!(done.await.expect("it is ours").rows_affected(), 1);
    }

    /// What became of its times.
    pub(crate) async fn firings(&self, name: &str) -> Vec<String> {
        sqlx::query_scalar(include_str!("../sql/firings_in_words.sql"))
            .bind(name)
            .fetch_all(&self.pool)
            .await
            .expect("it is ours")
    }

    /// Waits until as much became of them, and says what.
    pub(crate) async fn until_fired(&self, name: &str, count: usize) -> Vec<String> {
        until(async || self.firings(name).await.len() >= count).await;
        self.firings(name).await
    }

    /// Waits until nothing is due that nobody has looked at.
    pub(crate) async fn until_looked(&self) {
        let behind = async || {
            let sql = include_str!("../sql/schedules_behind.sql");
            sqlx::query_scalar::<_, i64>(sql).fetch_one(&self.pool).await.expect("it is ours")
        };
        until(async || behind().await == 0).await;
    }
}
