//! Readers of lists hold up nobody but themselves.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use piton_shared::{
    ids::WorkerId,
    trigger::{CatchUp, Overlap},
};
use sqlx::{Postgres, Transaction};
use tokio::sync::Notify;

use super::{House, until as until_answer};
use crate::{
    making::{fresh, register, until},
    schedules::plan,
};

impl House {
    /// From now on whoever lists webhooks waits, until the transaction ends.
    async fn shut_webhooks(&self) -> Transaction<'static, Postgres> {
        let mut gate = self.database.pool.begin().await.expect("a transaction begins");
        sqlx::query(include_str!("../sql/lock_webhooks.sql")).execute(&mut *gate).await.expect("it is locked");
        gate
    }

    async fn waiting(&self) -> Vec<i32> {
        let waiting = sqlx::query_scalar(include_str!("../sql/waiting_processes.sql"));
        waiting.fetch_all(&self.database.pool).await.expect("asked")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_slow_lists_stop_no_control_loop() {
    let house = House::new("readers_slow").await;
    let (db, door) = (&house.database, &house.door);
    let worker = db.worker().await;
    let sleeper = db.suspended(worker).await;
    let schedule = db.schedule("s", &plan(Overlap::Allow, CatchUp::All)).await;
    let gate = house.shut_webhooks().await;
    let enough = Arc::new(Notify::new());
    let reading = async {
        let reader = async || loop {
            door.get("/v1/webhooks").await;
        };
        tokio::select! {
            _ = join_all((0..16).map(|_| reader())) => {}
            () = enough.notified() => {}
        }
    };
    let going_on = async {
        until(async || house.waiting().await.len() >= 2).await;
        // A timer that is due, a worker that has fallen silent, a schedule that is due.
        db.make_due(sleeper.run).await;
        let silent = WorkerId::new(fresh());
        let registered = db.store.register(&register(silent), Duration::from_millis(1)).await;
        assert!(registered.expect("it registers").is_some());
        db.set_back(&schedule.name, 0).await;
        until(async || !db.store.journal_outside(sleeper.run, 0, 1).await.expect("read").is_empty()).await;
        db.until_fired(&schedule.name, 1).await;
        let ended = async || {
            let ended = sqlx::query_scalar::<_, i64>(include_str!("../sql/workers_ended.sql"));
            ended.fetch_one(&db.pool).await.expect("counted")
        };
        until(async || ended().await == 1).await;
        // Nor does another org's, or this one's, look at one thing wait for lists; one more list is told to come back.
        assert_eq!(door.get("/health/ready").await.status, 200);
        assert_eq!(door.get(&format!("/v1/runs/{}", sleeper.run)).await.status, 200);
        let refused = until_answer(async || door.get("/v1/runs").await, |answer| answer.status == 503).await;
        assert_eq!(refused.brief(), "503 overloaded");
        assert!(refused.headers.contains_key("retry-after"));
        assert!(!house.waiting().await.is_empty(), "they still wait");
        enough.notify_one();
    };
    tokio::join!(reading, going_on);
    gate.rollback().await.expect("the lock is given back");
    house.finish().await;
}

#[tokio::test]
async fn a_list_that_takes_too_long_says_what_to_do() {
    let house = House::new("readers_504").await;
    let gate = house.shut_webhooks().await;
    let refused = house.door.get("/v1/webhooks").await;
    assert_eq!(refused.brief(), "504 list_too_long");
    assert!(refused.text("detail").contains("narrow it"), "{:#}", refused.body);
    gate.rollback().await.expect("the lock is given back");
    assert_eq!(house.door.get("/v1/webhooks").await.status, 200);
    house.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_ends_when_its_reader_goes_away() {
    let house = House::new("readers_gone").await;
    let gate = house.shut_webhooks().await;
    let reader = async || house.door.get("/v1/webhooks").await;
    let watching = async {
        until(async || house.waiting().await.len() == 1).await;
        let first = house.waiting().await;
        let second = tokio::select! {
            answer = reader() => panic!("it waits: {answer:?}"),
            () = until(async || house.waiting().await.len() == 2) => {
                house.waiting().await.into_iter().find(|process| !first.contains(process))
            }
        };
        // The second ends while the first, which began before it, still waits: no timeout has ended it.
        until(async || {
            let lives = sqlx::query_scalar(include_str!("../sql/process_lives.sql")).bind(second);
            !lives.fetch_one(&house.database.pool).await.unwrap_or(true)
        })
        .await;
        assert_eq!(house.waiting().await, first);
    };
    tokio::select! {
        answer = reader() => panic!("it waits: {answer:?}"),
        () = watching => {}
    }
    gate.rollback().await.expect("the lock is given back");
    house.finish().await;
}
