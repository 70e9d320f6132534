use piton_devstack::testing::TestNats;
use piton_devstack::{Postgres, PostgresOptions};
use piton_scheduler::{
    api::{Access, Times},
    store::{Store, StoreOptions},
};
use serde_json::json;

use super::{Door, House, assert_shape, until};

#[tokio::test]
async fn a_scheduler_without_nats_is_degraded_and_accepts() {
    let mut house = House::new("health_nats").await;
    assert_shape!(house.door.get("/health/ready").await.body);
    house.nats.kill9().await.expect("NATS dies");
    let degraded =
        until(async || house.door.get("/health/ready").await, |answer| answer.body["status"] != "ready").await;
    assert_eq!((degraded.status, degraded.text("status")), (200, "degraded"));
    house.door.start(&json!({ "workflow": "order" })).await;
    let metrics = house.door.get("/metrics").await;
    assert!(metrics.body.as_str().expect("text").contains("piton_nats_up 0"), "{:#}", metrics.body);
    house.nats.restart().await.expect("NATS comes back");
    until(async || house.door.get("/health/ready").await, |answer| answer.body["status"] == "ready").await;
    house.finish().await;
}

#[tokio::test]
async fn a_scheduler_without_postgres_says_so_and_when_to_come_back() {
    let mut postgres = Postgres::start(PostgresOptions::throwaway()).await.expect("Postgres starts");
    let nats = TestNats::start().await.expect("NATS starts");
    let store = Store::connect(&StoreOptions::new(postgres.url())).await.expect("it connects");
    store.migrate().await.expect("the schema is made");
    store.close().await;
    let door = Door::open(&postgres.url(), &nats.url(), Access::OpenOnLoopback, Times::default()).await;
    let before = door.start(&json!({ "workflow": "order" })).await;

    postgres.kill9().await.expect("Postgres dies");
    let start = async || door.post("/v1/runs", &json!({ "workflow": "order" })).await;
    for refused in [start().await, door.get("/v1/runs").await, door.get("/health/ready").await] {
        assert_eq!(refused.status, 503, "{:#}", refused.body);
        assert!(refused.headers.contains_key("retry-after"));
    }
    assert_eq!(start().await.brief(), "503 unavailable");
    assert_eq!(door.get("/health/live").await.status, 200);

    postgres.restart().await.expect("Postgres comes back");
    until(start, |answer| answer.status == 201).await;
    assert_eq!(door.get(&before.headers["location"]).await.status, 200);
    door.close().await;
    nats.stop().await.expect("NATS stops");
    postgres.stop().await.expect("Postgres stops");
}
