//! A scheduler is gone between the record of a delivery, its event, and the record of that.

use fail::FailScenario;
use piton_shared::trigger::Provider;
use piton_webhook::Scheme;

use super::{Hook, declare, on};
use crate::api::House;

#[tokio::test(flavor = "multi_thread")]
async fn what_died_after_its_event_is_found_by_the_retry() {
    let _points = FailScenario::setup();
    let house = House::new("hook_crash_after").await;
    let other = house.another().await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    declare(&house, "payment_workflow", on(Provider::Stripe, None), &["amount", "currency"]).await;
    fail::cfg("scheduler::webhook-published", "1*return->off").expect("the actions read");
    let lost = hook.payment("evt_1").send(&house.door).await;
    assert_eq!(lost.brief(), "503 overloaded");
    assert!(lost.headers.contains_key("retry-after"));
    let retried = hook.payment("evt_1").send(&other).await;
    assert_eq!((retried.status, retried.text("outcome")), (200, "repeated"));
    assert_eq!(house.runs().await.len(), 1, "neither lost nor doubled");
    let taken = hook.deliveries(&house, "&verdict=taken").await;
    let [taken] = &taken[..] else { panic!("{taken:#?}") };
    let shown = house.door.get(&format!("/v1/deliveries/{}", taken["id"].as_str().expect("an id"))).await;
    assert_eq!(shown.text("event_id"), retried.text("event_id"), "its event is found all the same");
    assert_eq!(shown.body["outcomes"].as_array().map(Vec::len), Some(1));
    other.close().await;
    house.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_died_before_its_event_comes_again() {
    let _points = FailScenario::setup();
    let house = House::new("hook_crash_before").await;
    let other = house.another().await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    declare(&house, "payment_workflow", on(Provider::Stripe, None), &["amount", "currency"]).await;
    fail::cfg("scheduler::webhook-taken", "1*return->off").expect("the actions read");
    assert_eq!(hook.payment("evt_1").send(&house.door).await.status, 503);
    assert!(house.runs().await.is_empty());
    let retried = hook.payment("evt_1").send(&other).await;
    assert_eq!((retried.status, retried.text("outcome")), (200, "accepted"));
    assert_eq!(house.runs().await.len(), 1);
    let taken = &hook.deliveries(&house, "&verdict=taken").await[0];
    let shown = house.door.get(&format!("/v1/deliveries/{}", taken["id"].as_str().expect("an id"))).await;
    assert!(shown.body["event_id"].is_null());
    other.close().await;
    house.finish().await;
}
