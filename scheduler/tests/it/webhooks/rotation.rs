use piton_scheduler::store::{NewSecret, SecretAdded};
use piton_shared::limits::WEBHOOK_SECRETS;
use piton_webhook::{Scheme, Secret};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Hook, SECRET};
use crate::{
    api::{House, answer},
    interleavings::Obstacle,
    making::{ORG, fresh},
};

#[tokio::test]
async fn the_old_secret_is_good_until_it_is_removed() {
    let house = House::new("hook_rotation").await;
    let door = &house.door;
    let old = Hook::make(&house, "pay", Scheme::Stripe).await;
    let made = door.post("/v1/webhooks/pay/secrets", &json!({"label": "new"})).await;
    assert_eq!(made.status, 201);
    let new = Hook { secret: Secret::new(made.text("secret")).expect("a secret"), ..old.clone() };
    assert_eq!(old.payment("evt_1").send(door).await.text("outcome"), "accepted");
    assert_eq!(new.payment("evt_2").send(door).await.text("outcome"), "accepted");
    // Each says which secret it was signed with: that is how one knows that the old one is not used any more.
    let webhook = door.get("/v1/webhooks/pay").await;
    let ids: Vec<_> = webhook.body["secrets"].as_array().expect("a list").iter().map(|it| it["id"].clone()).collect();
    let with: Vec<_> = old.deliveries(&house, "").await.iter().rev().map(|it| it["secret_id"].clone()).collect();
    assert_eq!(with, ids);

    let path = format!("/v1/webhooks/pay/secrets/{}", ids[0].as_str().expect("an id"));
    assert_eq!(answer(door.request(Method::DELETE, &path)).await.status, 204);
    assert_eq!(answer(door.request(Method::DELETE, &path)).await.brief(), "404 unknown_secret");
    assert_eq!(old.payment("evt_3").send(door).await.brief(), "401 webhook_refused");
    assert_eq!(new.payment("evt_4").send(door).await.text("outcome"), "accepted");
    let stored: Vec<Option<String>> = sqlx::query_scalar(include_str!("../sql/webhook_secrets.sql"))
        .fetch_all(&house.database.pool)
        .await
        .expect("they are read");
    assert_eq!(stored, [None, Some(new.secret.reveal().to_owned())], "what is removed is gone");
    // The last one may be in wrong hands too.
    let last = format!("/v1/webhooks/pay/secrets/{}", made.text("id"));
    assert_eq!(answer(door.request(Method::DELETE, &last)).await.status, 204);
    assert_eq!(new.payment("evt_5").send(door).await.brief(), "401 webhook_refused");
    assert_eq!(
        door.post("/v1/webhooks/pay/secrets", &json!({"secret": "a third one of some length"})).await.status,
        201
    );
    let third = Hook { secret: Secret::new("a third one of some length").expect("a secret"), ..old.clone() };
    assert_eq!(third.payment("evt_5").send(door).await.text("outcome"), "accepted");
    house.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_bounded_however_many_are_added_at_once() {
    let house = House::new("hook_secrets").await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    for _ in 2..WEBHOOK_SECRETS {
        assert_eq!(house.door.post("/v1/webhooks/pay/secrets", &json!({})).await.status, 201);
    }
    // Two want the last place, and are held up until both have come.
    let id = hook.id.parse().expect("an id");
    let held = Obstacle::put(&house.database, include_str!("../sql/lock_webhook.sql"), id).await;
    let add = || {
        let store = house.database.store.clone();
        let new = NewSecret { id: fresh(), label: "l".into(), secret: Secret::new(SECRET).expect("a secret") };
        tokio::spawn(async move { store.webhook_secret_add(id, &ORG, &new).await.expect("answered") })
    };
    let adds = [add(), add()];
    house.database.until_waiting(2).await;
    held.remove().await;
    let mut added = Vec::new();
    for add in adds {
        added.push(add.await.expect("it does not panic"));
    }
    added.sort_by_key(|added| *added == SecretAdded::Full);
    assert_eq!(added, [SecretAdded::Added, SecretAdded::Full]);
    let refused = house.door.post("/v1/webhooks/pay/secrets", &json!({})).await;
    assert_eq!(refused.brief(), "409 too_many_secrets");
    house.finish().await;
}

/// No answer, no record and no debug text has a secret; but for the one answer that makes it.
#[tokio::test]
async fn secrets_stay_where_they_are() {
    let house = House::new("hook_leaks").await;
    let door = &house.door;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    let made = door.post("/v1/webhooks", &json!({"name": "made", "provider": "standard"})).await;
    let secret = made.text("secret").to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let added = door.post("/v1/webhooks/made/secrets", &json!({"secret": "another-secret-of-ours"})).await;
    assert!(added.body.get("secret").is_none(), "who gave it knows it");
    let accepted = hook.payment("evt_1").send(door).await;
    let forged = Hook { secret: Secret::new("forged-secret-of-theirs").expect("a secret"), ..hook.clone() };
    forged.payment("evt_2").send(door).await;
    let mut said = Vec::new();
    for path in [
        "/v1/webhooks".to_owned(),
        "/v1/webhooks/pay".into(),
        "/v1/webhooks/made".into(),
        "/v1/webhooks/pay/deliveries".into(),
        format!("/v1/deliveries/{}", accepted.text("delivery_id")),
    ] {
        said.push(door.get(&path).await.body.to_string());
    }
    let exists = door.post("/v1/webhooks", &json!({"name": "pay", "provider": "stripe", "secret": SECRET})).await;
    assert_eq!(exists.brief(), "409 webhook_exists");
    let wrong = json!({"name": "x", "provider": "stripe", "secret": format!("{SECRET}\n"), "events": ["a..b"]});
    let wrong = door.post("/v1/webhooks", &wrong).await;
    assert_eq!(wrong.brief(), "422 invalid_field");
    said.extend([exists.body.to_string(), wrong.body.to_string(), added.body.to_string()]);
    let id = hook.id.parse().expect("an id");
    let looked = house.database.store.webhook_look(id).await.expect("it is read").expect("it is there");
    said.push(format!("{looked:?}"));
    let rows: Vec<Value> = sqlx::query_scalar(include_str!("../sql/deliveries_whole.sql"))
        .fetch_all(&house.database.pool)
        .await
        .expect("they are read");
    said.push(format!("{rows:?}"));
    let signature = hook.payment("evt_1").request(door).build().expect("a request");
    let signature = signature.headers()["stripe-signature"].to_str().expect("text").to_owned();
    let code = signature.rsplit('=').next().expect("a code").to_owned();
    for text in &said {
        for secret in [SECRET, &*secret, "another-secret-of-ours", "forged-secret", &*code] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    house.finish().await;
}
