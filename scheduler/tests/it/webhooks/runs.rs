use piton_shared::trigger::{InputRule, Provider, WebhookTrigger};
use piton_webhook::Scheme;
use serde_json::json;

use super::{Hook, declare, hmac, on};
use crate::api::{House, answer};

/// `payment_workflow(amount, currency)` from `payment_intent.succeeded`, as the seed has it.
#[tokio::test]
async fn the_arguments_of_a_payment_are_bound_by_name() {
    let house = House::new("hook_seed").await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    let trigger = on(Provider::Stripe, Some("payment_intent.succeeded"));
    declare(&house, "payment_workflow", trigger, &["amount", "currency"]).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let sent = answer(hook.payment("evt_1").request(&house.door).header("traceparent", trace)).await;
    assert_eq!(sent.text("outcome"), "accepted");
    let record = house.door.get(&format!("/v1/deliveries/{}", sent.text("delivery_id"))).await;
    assert_eq!((record.text("matching"), record.text("event_id")), ("done", sent.text("event_id")));
    let run = record.body["outcomes"][0]["run_id"].as_str().unwrap_or_else(|| panic!("{:#}", record.body)).to_owned();
    let run = house.door.get(&format!("/v1/runs/{run}")).await;
    assert_eq!(run.text("workflow"), "payment_workflow");
    assert_eq!(run.body["input"], json!({"amount": 2000, "currency": "usd"}));

    let other = json!({"id": "evt_2", "type": "charge.refunded", "data": {"object": {}}}).to_string();
    let other = hook.sending("evt_2", "x", other).send(&house.door).await;
    let record = house.door.get(&format!("/v1/deliveries/{}", other.text("delivery_id"))).await;
    assert_eq!(record.body["outcomes"], json!([]), "no workflow listens to it");
    let missing =
        json!({"id": "evt_3", "type": "payment_intent.succeeded", "data": {"object": {"amount": 1}}}).to_string();
    let missing = hook.sending("evt_3", "x", missing).send(&house.door).await;
    let record = house.door.get(&format!("/v1/deliveries/{}", missing.text("delivery_id"))).await;
    assert!(
        record.body["outcomes"][0]["detail"].as_str().expect("a reason").contains("`currency`"),
        "{:#}",
        record.body
    );
    assert_eq!(house.runs().await.len(), 1);
    house.finish().await;
}

#[tokio::test]
async fn the_envelope_has_all_but_signatures() {
    let house = House::new("hook_envelope").await;
    let hook = Hook::make(&house, "shop", hmac()).await;
    let trigger = WebhookTrigger { input: InputRule::Envelope, ..on(Provider::Hmac, None) };
    declare(&house, "audit", trigger, &["delivery"]).await;
    let body = "{ \"total\": 3.50 }\n";
    let sent = answer(hook.sending("77", "x", body).request(&house.door).header("user-agent", "shop/1")).await;
    let record = house.door.get(&format!("/v1/deliveries/{}", sent.text("delivery_id"))).await;
    let run = record.body["outcomes"][0]["run_id"].as_str().unwrap_or_else(|| panic!("{:#}", record.body)).to_owned();
    let run = house.door.get(&format!("/v1/runs/{run}")).await;
    let mut input = run.body["input"].clone();
    assert_eq!(input["headers"]["user-agent"], "shop/1");
    assert!(input["headers"].get("x-signature").is_none(), "{input:#}");
    input["headers"] = json!("…");
    input["received_at"] = json!("…");
    insta::assert_json_snapshot!(input);
    house.finish().await;
}
