use piton_webhook::{Scheme, Secret};
use reqwest::Method;
use serde_json::json;

use super::Hook;
use crate::api::{House, answer, assert_shape};

#[tokio::test]
async fn webhooks_are_made_looked_at_changed_and_removed() {
    let house = House::new("hook_manage").await;
    let door = &house.door;
    let body = json!({
        "name": "shop", "provider": "hmac", "secret": "a secret of some length", "secret_label": "shop's own", "tolerance": "1m",
        "events": ["order.*"],
        "hmac": {
            "signature_header": "X-Proof", "algorithm": "sha512", "encoding": "base64", "prefix": "v1=",
            "template": "{timestamp}.{body}", "timestamp_header": "X-Time", "event_pointer": "/kind",
        },
    });
    let made = door.post("/v1/webhooks", &body).await;
    assert_eq!(made.status, 201, "{:#}", made.body);
    assert_shape!(made.body);
    let by_name = door.get("/v1/webhooks/shop").await;
    let by_id = door.get(&format!("/v1/webhooks/{}", made.text("id"))).await;
    assert_eq!((&by_name.body, &by_id.body), (&made.body, &made.body));
    let listed = door.get("/v1/webhooks").await;
    assert_eq!(listed.body["webhooks"], json!([made.body]));

    let path = "/v1/webhooks/shop";
    let change = json!({"tolerance": 10, "hmac": {"signature_header": "X-New"}});
    let changed = answer(door.request(Method::PATCH, path).json(&change)).await;
    assert_eq!(changed.body["tolerance_seconds"], 10.0);
    assert_eq!(changed.body["hmac"]["signature_header"], "X-New");
    assert_eq!(changed.body["events"], json!(["order.*"]), "what is not named stays");
    assert_eq!(answer(door.request(Method::DELETE, path)).await.status, 204);
    assert_eq!(answer(door.request(Method::DELETE, path)).await.brief(), "404 unknown_webhook");
    assert_eq!(door.get(path).await.brief(), "404 unknown_webhook");
    let hook = Hook {
        id: made.text("id").into(),
        path: made.text("path").into(),
        ..Hook::make(&house, "x", Scheme::Stripe).await
    };
    assert_eq!(hook.payment("evt_1").send(door).await.brief(), "404 unknown_webhook");
    house.finish().await;
}

#[tokio::test]
async fn what_cannot_be_a_webhook_is_refused_by_its_fields() {
    let house = House::new("hook_faults").await;
    let mut told = Vec::new();
    for body in [
        json!({}),
        json!({"name": "a.b", "provider": "strip", "secret": "", "events": ["a..b", "*x"], "tolerance": "2d", "x": 1}),
        json!({"name": "stripe", "provider": "hmac", "hmac": {"signature_header": "x"}}),
        json!({"name": "shop", "provider": "hmac"}),
        json!({"name": "shop", "provider": "stripe", "hmac": {"signature_header": "x"}}),
        json!({"name": "shop", "provider": "hmac", "hmac": {
            "algorithm": "md5", "encoding": "x", "template": "{id}", "event_header": "a", "event_pointer": "/b", "y": 1,
        }}),
        json!({"name": "shop", "provider": "hmac", "hmac": {"signature_header": "x", "timestamp_header": "t"}}),
        json!({"name": "0197a000-0000-4000-8000-000000000001", "provider": "stripe"}),
    ] {
        let refused = house.door.post("/v1/webhooks", &body).await;
        assert_eq!(refused.brief(), "422 invalid_field");
        let lines = refused.body["errors"].as_array().expect("a list").iter();
        told.extend(
            lines.map(|it| format!("{} {}", it["pointer"].as_str().unwrap_or(""), it["detail"].as_str().unwrap_or(""))),
        );
        told.push(String::new());
    }
    insta::assert_snapshot!(told.join("\n"));
    house.finish().await;
}

#[tokio::test]
async fn secrets_that_cannot_work_or_can_be_guessed_are_refused() {
    let house = House::new("hook_secrets").await;
    let good = "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let hook = Hook::with(&house, "std", Scheme::Standard, json!({"secret": good})).await;
    // The sender signs with what the version stands before.
    let sender = Hook { secret: Secret::new(&good[3..]).expect("a secret"), ..hook };
    assert_eq!(sender.sending("m", "a", "{\"type\":\"a\"}").send(&house.door).await.text("outcome"), "accepted");
    for (provider, secret, said) in [
        ("github", "x", "at least 16"),
        ("stripe", "whsec_short", "at least 16"),
        ("standard", "whsec_", "at least 16"),
        ("standard", "whsec_no base64 at all", "not Base64"),
        ("standard", "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "asymmetric"),
    ] {
        let refused =
            house.door.post("/v1/webhooks", &json!({"name": "x", "provider": provider, "secret": secret})).await;
        assert_eq!(refused.brief(), "422 invalid_field", "{provider} {secret}");
        let told = &refused.body["errors"][0];
        assert_eq!(told["pointer"], "/secret");
        assert!(told["detail"].as_str().is_some_and(|it| it.contains(said) && !it.contains("MfKQ")), "{told}");
    }
    let added = house.door.post("/v1/webhooks/std/secrets", &json!({"secret": "whsec_eA=="})).await;
    assert_eq!(added.brief(), "422 invalid_field");
    house.finish().await;
}

#[tokio::test]
async fn pages_of_deliveries_follow_each_other() {
    let house = House::new("hook_pages").await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    for n in 0..5 {
        hook.payment(&format!("evt_{n}")).send(&house.door).await;
    }
    let mut next = "/v1/webhooks/pay/deliveries?limit=2&verdict=accepted".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = house.door.get(&next).await;
        let ids = page.body["deliveries"].as_array().expect("a list").iter();
        seen.extend(ids.map(|it| it["provider_delivery_id"].as_str().expect("an id").to_owned()));
        match page.body["next"].as_str() {
            Some(address) => next = address.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["evt_4", "evt_3", "evt_2", "evt_1", "evt_0"]);
    for bad in ["?verdict=good", "?cursor=x", "?limit=0", "?what=1"] {
        let refused = house.door.get(&format!("/v1/webhooks/pay/deliveries{bad}")).await;
        assert_eq!(refused.brief(), "400 invalid_parameter", "{bad}");
    }
    house.finish().await;
}
