use piton_shared::trigger::Provider;
use piton_webhook::Scheme;
use serde_json::json;

use super::{Hook, declare, hmac, on};
use crate::api::{House, answer};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_at_two_schedulers_at_once_is_one_run() {
    let house = House::new("hook_repeats").await;
    let other = house.another().await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    declare(&house, "payment_workflow", on(Provider::Stripe, None), &["amount", "currency"]).await;
    let sending = hook.payment("evt_1");
    let sends = (0..40).map(|n| sending.send(if n % 2 == 0 { &house.door } else { &other }));
    let answers = futures::future::join_all(sends).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:#?}");
    let accepted = answers.iter().filter(|answer| answer.text("outcome") == "accepted").count();
    assert_eq!(accepted, 1);
    assert!(answers.iter().all(|answer| answer.text("event_id") == answers[0].text("event_id")));
    let later = sending.send(&house.door).await;
    assert_eq!((later.text("outcome"), later.text("event_id")), ("repeated", answers[0].text("event_id")));
    assert_eq!(house.runs().await.len(), 1);
    assert_eq!(hook.deliveries(&house, "&verdict=accepted").await.len(), 1);
    assert_eq!(hook.deliveries(&house, "&verdict=repeated").await.len(), 40);
    other.close().await;
    house.finish().await;
}

/// Neither GitHub nor a generic endpoint without its id in the template sign the id: whoever has caught a delivery can
/// change it, and gets nothing for it.
#[tokio::test]
async fn another_id_on_the_same_signature_is_the_same_event() {
    let house = House::new("hook_replayed").await;
    let github = Hook::make(&house, "code", Scheme::Github).await;
    let shop = Hook::make(&house, "shop", hmac()).await;
    for hook in [&github, &shop] {
        let body = json!({"a": hook.id}).to_string();
        let first = hook.sending("1", "push", body.clone()).send(&house.door).await;
        let caught = hook.sending("2", "push", body.clone()).send(&house.door).await;
        assert_eq!((first.text("outcome"), caught.text("outcome")), ("accepted", "repeated"));
        assert_eq!(first.text("event_id"), caught.text("event_id"));
        let redelivered = hook.sending("1", "push", json!({"a": 2, "b": hook.id}).to_string()).send(&house.door).await;
        assert_eq!(redelivered.text("outcome"), "repeated", "its id was seen");
        let new = hook.sending("3", "push", json!({"a": 3, "b": hook.id}).to_string()).send(&house.door).await;
        assert_eq!(new.text("outcome"), "accepted");
    }
    // The same at another endpoint is another delivery.
    let again = Hook::make(&house, "shop2", hmac()).await;
    let body = json!({"a": shop.id}).to_string();
    assert_eq!(again.sending("1", "push", body).send(&house.door).await.text("outcome"), "accepted");
    house.finish().await;
}

/// Signed anew, as Stripe does when it sends again: the same event.
#[tokio::test]
async fn a_retry_with_a_new_signature_is_the_same_event() {
    let house = House::new("hook_retry").await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    let mut sending = hook.payment("evt_1");
    let first = sending.send(&house.door).await;
    sending.dated = 5;
    let retried = answer(sending.request(&house.door)).await;
    assert_eq!((retried.text("outcome"), retried.text("event_id")), ("repeated", first.text("event_id")));
    house.finish().await;
}
