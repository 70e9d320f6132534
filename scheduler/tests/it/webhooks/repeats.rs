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

/// Two deliveries with ids of their own are two events, whatever their bytes: GitHub's `workflow_dispatch` has neither an id nor
/// a time in its body.
#[tokio::test]
async fn deliveries_with_ids_of_their_own_are_events_of_their_own() {
    let house = House::new("hook_own_ids").await;
    let github = Hook::make(&house, "code", Scheme::Github).await;
    let shop = Hook::make(&house, "shop", hmac()).await;
    for hook in [&github, &shop] {
        let body = json!({"ref": hook.id}).to_string();
        let first = hook.sending("1", "workflow_dispatch", body.clone()).send(&house.door).await;
        let second = hook.sending("2", "workflow_dispatch", body.clone()).send(&house.door).await;
        let third = hook.sending("3", "repository_dispatch", body.clone()).send(&house.door).await;
        for answer in [&first, &second, &third] {
            assert_eq!(answer.text("outcome"), "accepted", "{:#}", answer.body);
        }
        assert_ne!(first.text("event_id"), second.text("event_id"));
        let redelivered = hook.sending("1", "workflow_dispatch", body).send(&house.door).await;
        assert_eq!((redelivered.text("outcome"), redelivered.text("event_id")), ("repeated", first.text("event_id")));
    }
    // The same id at another endpoint is another delivery.
    let again = Hook::make(&house, "shop2", hmac()).await;
    assert_eq!(again.sending("1", "push", "{}").send(&house.door).await.text("outcome"), "accepted");
    house.finish().await;
}

/// A generic endpoint says how it recognizes a repeated delivery when it is made, and does so.
#[tokio::test]
async fn a_generic_endpoint_deduplicates_as_it_was_made() {
    let house = House::new("hook_deduplicate").await;
    let header = json!({"signature_header": "x-signature"});
    for (name, by, effective, other_id, same_id) in [
        ("plain", None, "content", "repeated", "repeated"),
        ("none", Some("none"), "none", "accepted", "accepted"),
        ("both", Some("id_or_content"), "id_or_content", "repeated", "repeated"),
        ("ids", None, "id", "accepted", "repeated"),
    ] {
        let mut terms = header.clone();
        if let Some(by) = by {
            terms["deduplicate_by"] = json!(by);
        }
        if matches!(name, "both" | "ids") {
            terms["id_header"] = json!("x-id");
        }
        let hook = Hook::with(&house, name, hmac(), json!({"hmac": terms})).await;
        let shown = house.door.get(&format!("/v1/webhooks/{name}")).await;
        assert_eq!(shown.body["hmac"]["deduplicate_by"], effective);
        let outcome = async |id: &str| hook.sending(id, "", "{}").send(&house.door).await.text("outcome").to_owned();
        assert_eq!(outcome("1").await, "accepted");
        assert_eq!(outcome("2").await, other_id, "{name}");
        assert_eq!(outcome("1").await, same_id, "{name}");
    }
    let ids = json!({"name": "x", "provider": "hmac", "hmac": {"signature_header": "x", "deduplicate_by": "id"}});
    let refused = house.door.post("/v1/webhooks", &ids).await;
    assert_eq!(refused.brief(), "422 invalid_field");
    assert!(refused.body["errors"][0]["detail"].as_str().is_some_and(|it| it.contains("header")), "{:#}", refused.body);
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
