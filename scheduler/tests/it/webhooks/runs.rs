use piton_scheduler::api::time::Rfc3339;
use piton_shared::{
    time::Timestamp,
    trigger::{InputRule, Provider, WebhookTrigger},
};
use piton_webhook::Scheme;
use serde_json::json;

use super::{Hook, declare, hmac, now, on};
use crate::api::{Answer, House, answer};

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
async fn an_event_happened_when_its_provider_has_signed_that_it_did() {
    let house = House::new("hook_occurred").await;
    let door = &house.door;
    let happened = async |sent: &Answer| {
        assert_eq!(sent.text("outcome"), "accepted", "{:#}", sent.body);
        let event = door.get(&format!("/v1/events/{}", sent.text("event_id"))).await;
        let accepted: jiff::Timestamp = event.text("accepted_at").parse().expect("a time");
        let at = event.body["occurred_at"].as_str().map(|at| at.parse::<jiff::Timestamp>().expect("a time"));
        (at.map(jiff::Timestamp::as_second), accepted.as_second())
    };
    let stripe = Hook::make(&house, "pay", Scheme::Stripe).await;
    let slack = Hook::make(&house, "chat", Scheme::Slack).await;
    let standard = Hook::make(&house, "invoices", Scheme::Standard).await;
    let github = Hook::make(&house, "code", Scheme::Github).await;
    let at = now() - 3600;
    let paid = |id: &str, created: i64| json!({"id": id, "type": "invoice.paid", "created": created}).to_string();
    let mention =
        json!({"type": "event_callback", "event_id": "Ev1", "event_time": at, "event": {"type": "app_mention"}});
    for sending in [
        stripe.sending("evt_1", "x", paid("evt_1", at)),
        slack.sending("x", "x", mention.to_string()),
        standard.sending(
            "m-1",
            "x",
            json!({"type": "a", "timestamp": Rfc3339::from(second(at)).to_string()}).to_string(),
        ),
    ] {
        assert_eq!(happened(&sending.send(door).await).await.0, Some(at), "{}", sending.body);
    }
    // A minute ago it was signed, and by then nothing of next year can have happened.
    let mut early = stripe.sending("evt_2", "x", paid("evt_2", at + 365 * 86_400));
    early.dated = -60;
    let (occurred, accepted) = happened(&early.send(door).await).await;
    assert!(occurred.is_some_and(|occurred| occurred < accepted), "{occurred:?}");
    let push = github.sending("d-1", "push", json!({"created": at, "timestamp": at}).to_string());
    assert_eq!(happened(&push.send(door).await).await.0, None, "GitHub signs no time");
    house.finish().await;
}

fn second(at: i64) -> Timestamp {
    Timestamp::from_micros(at * 1_000_000)
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
