use std::time::Instant;

use piton_shared::limits::REQUEST_WAIT;
use serde_json::json;

use super::{House, PATIENCE};

#[tokio::test]
async fn those_who_wait_are_answered_when_the_scheduler_stops() {
    let house = House::new("stops").await;
    house.database.worker().await;
    let run = house.door.start(&json!({ "workflow": "order" })).await.id();
    let begun = Instant::now();
    let path = format!("/v1/runs/{run}?wait=30s");
    let waiting = house.door.get(&path);
    let stopping = async {
        // The wait is under way once the door counts it.
        loop {
            let metrics = house.door.get("/metrics").await.body;
            if metrics.as_str().is_some_and(|text| text.contains("piton_http_requests_under_way 2")) {
                break;
            }
        }
        house.door.begin_to_close();
    };
    let (waited, ()) = tokio::join!(waiting, stopping);
    assert_eq!((waited.status, waited.text("state")), (202, "queued"));
    assert!(begun.elapsed() < PATIENCE.min(REQUEST_WAIT));
    house.finish().await;
}
