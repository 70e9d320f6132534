//! Very many suspended runs that wake at once.

use piton_shared::{limits::QUEUE_DEPTH, state::RunState};
use piton_transport::{Bus, BusOptions, WorkOptions, WorkStream};

use super::{Cluster, Crew, Worker, start, started};
use crate::{database::Database, making::until};

/// Runs that sleep.
const SLEEPERS: i32 = 600;

#[tokio::test]
async fn what_wakes_at_once_keeps_the_stream_shallow_and_is_fed_as_room_appears() {
    let db = Database::new("flood_cluster").await;
    sqlx::query(include_str!("../sql/seed_sleepers.sql")).bind(SLEEPERS).execute(&db.pool).await.expect("they sleep");
    let cluster = Cluster::on(db, |_| {}).await;
    let bus = Bus::connect(BusOptions::new(cluster.nats.url(), "onlooker")).await.expect("NATS is there");
    let work = WorkStream::ensure(&bus, WorkOptions::default()).await.expect("it is there");
    let runs_in = async |state: RunState| -> i64 {
        let count = sqlx::query_scalar(include_str!("../sql/runs_in.sql")).bind(state.as_str());
        count.fetch_one(&cluster.db.pool).await.expect("counted")
    };
    until(async || runs_in(RunState::Suspended).await == 0).await;
    // Nobody listens. Either scheduler publishes as much as it has seen room for, and once more while it feeds.
    let most = i64::from(QUEUE_DEPTH) * 4;
    let published = runs_in(RunState::Queued).await;
    assert!((1..=most).contains(&published), "{published} published");
    assert_eq!(published + runs_in(RunState::Backlog).await, i64::from(SLEEPERS));
    let depth = work.depth().await.expect("looked");
    assert!(depth <= most.unsigned_abs(), "{depth} tasks in the stream");
    let crew = Crew::join(&cluster).await;
    until(async || cluster.db.everything_ended().await).await;
    let fired: i64 =
        sqlx::query_scalar(include_str!("../sql/ended_once.sql")).fetch_one(&cluster.db.pool).await.expect("counted");
    assert_eq!(fired, i64::from(SLEEPERS), "each was told once and ran once");
    drop(crew);
    cluster.finish().await;
}

#[tokio::test]
async fn what_comes_now_goes_behind_what_waits_for_room() {
    let cluster = Cluster::new("flood_behind").await;
    let worker = Worker::join(&cluster).await;
    for _ in 0..QUEUE_DEPTH * 3 {
        cluster.start("x").await;
    }
    // It has room again, and the scheduler it beats to may grant it what comes.
    worker.beats(5).await;
    let starts_on_each = async || {
        let mut states = Vec::new();
        for scheduler in &cluster.schedulers {
            states.push(started(scheduler.engine().start(start("x")).await).state);
        }
        states
    };
    assert_eq!(starts_on_each().await, [RunState::Backlog; 2], "others wait for the same slots");
    cluster.finish().await;
}
