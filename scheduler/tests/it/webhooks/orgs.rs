//! What one org has is not there for another.

use piton_scheduler::{
    api::{Access, Scopes},
    store::{EndpointChange, NewSecret, SecretAdded},
};
use piton_shared::name::Org;
use piton_webhook::{Scheme, Secret};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Hook, SECRET};
use crate::{
    api::{Answer, House, answer},
    making::{ORG, fresh},
};

async fn asked(house: &House, key: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let request = house.door.request(method, path).header("authorization", key);
    answer(match body {
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

#[tokio::test]
async fn no_org_sees_or_changes_what_another_has() {
    let house = House::with("hook_orgs", Access::Keys).await;
    sqlx::query(include_str!("../sql/add_org.sql")).bind("other").execute(&house.database.pool).await.expect("an org");
    let ours = house.key(&ORG, Scopes::ALL).await;
    let theirs = house.key(&Org::new("other").expect("a name"), Scopes::ALL).await;
    let new = json!({"name": "pay", "provider": "stripe", "secret": SECRET});
    let made = asked(&house, &ours, Method::POST, "/v1/webhooks", Some(&new)).await;
    assert_eq!(made.status, 201, "{:#}", made.body);
    let hook = Hook {
        id: made.text("id").into(),
        path: made.text("path").into(),
        scheme: Scheme::Stripe,
        secret: Secret::new(SECRET).expect("a secret"),
    };
    let sent = hook.payment("evt_1").send(&house.door).await;
    assert_eq!(sent.text("outcome"), "accepted");
    let (delivery, event) = (sent.text("delivery_id").to_owned(), sent.text("event_id").to_owned());
    let secret = made.body["secrets"][0]["id"].as_str().expect("an id").to_owned();
    let seen = async || {
        let paths = ["/v1/webhooks/pay", "/v1/webhooks/pay/deliveries", "/v1/events"].map(ToOwned::to_owned);
        let each = [format!("/v1/deliveries/{delivery}"), format!("/v1/events/{event}")];
        let mut seen = Vec::new();
        for path in paths.into_iter().chain(each) {
            let answer = asked(&house, &ours, Method::GET, &path, None).await;
            assert_eq!(answer.status, 200, "{path}");
            seen.push(answer.body);
        }
        seen
    };
    let before = seen().await;

    let paused = json!({"state": "paused", "tolerance": "24h"});
    for named in ["pay", &*hook.id] {
        let path = format!("/v1/webhooks/{named}");
        for (method, path, body) in [
            (Method::GET, path.clone(), None),
            (Method::PATCH, path.clone(), Some(&paused)),
            (Method::DELETE, path.clone(), None),
            (Method::POST, format!("{path}/secrets"), Some(&json!({}))),
            (Method::DELETE, format!("{path}/secrets/{secret}"), None),
            (Method::GET, format!("{path}/deliveries"), None),
        ] {
            let refused = asked(&house, &theirs, method.clone(), &path, body).await;
            assert_eq!(refused.brief(), "404 unknown_webhook", "{method} {path}");
        }
    }
    let one = asked(&house, &theirs, Method::GET, &format!("/v1/deliveries/{delivery}"), None).await;
    assert_eq!(one.brief(), "404 unknown_delivery");
    let one = asked(&house, &theirs, Method::GET, &format!("/v1/events/{event}"), None).await;
    assert_eq!(one.brief(), "404 unknown_event");
    let replay = format!("/v1/events/{event}/replay");
    assert_eq!(asked(&house, &theirs, Method::POST, &replay, None).await.brief(), "404 unknown_event");
    for (path, list) in [("/v1/webhooks", "webhooks"), ("/v1/events", "events")] {
        assert_eq!(asked(&house, &theirs, Method::GET, path, None).await.body[list], json!([]), "{path}");
    }
    assert_eq!(seen().await, before, "nothing of it has changed");

    // The name is free for another org, and means another endpoint there, with its own secret.
    let own = json!({"name": "pay", "provider": "stripe", "secret": "whsec_of_the_other_org"});
    let own = asked(&house, &theirs, Method::POST, "/v1/webhooks", Some(&own)).await;
    assert_eq!(own.status, 201, "{:#}", own.body);
    let crossed = Hook { path: own.text("path").into(), ..hook.clone() };
    assert_eq!(crossed.payment("evt_2").send(&house.door).await.brief(), "401 webhook_refused");
    assert_eq!(asked(&house, &theirs, Method::DELETE, "/v1/webhooks/pay", None).await.status, 204);
    assert_eq!(seen().await, before);
    assert_eq!(hook.payment("evt_1").send(&house.door).await.text("outcome"), "repeated", "it is verified as ever");
    house.finish().await;
}

/// Each statement that is given an id says itself whose that must be: whoever has found it for another org changes nothing.
#[tokio::test]
async fn the_statements_ask_for_the_org_too() {
    let house = House::new("hook_orgs_store").await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    let sent = hook.payment("evt_1").send(&house.door).await;
    let (id, other) = (hook.id.parse().expect("an id"), Org::new("other").expect("a name"));
    let store = &house.database.store;
    let secret = store.webhook_secrets_of(&[id]).await.expect("read")[0].id;
    let delivery = sent.text("delivery_id").parse().expect("an id");
    assert!(store.webhook_change(id, &other, &EndpointChange::default()).await.expect("asked").is_none());
    assert!(store.webhook_secret_retire(id, secret, &other).await.expect("asked").is_none());
    assert!(store.webhook_delete(id, &other).await.expect("asked").is_none());
    assert!(store.delivery_get(delivery, &other).await.expect("asked").is_none());
    assert!(store.delivery_event(delivery, &other).await.expect("asked").is_none());
    let new = NewSecret { id: fresh(), label: "l".into(), secret: hook.secret.clone() };
    let added = store.webhook_secret_add(id, &other, &new).await.expect("asked");
    assert_eq!(added, SecretAdded::UnknownEndpoint);
    assert_eq!(hook.payment("evt_1").send(&house.door).await.text("outcome"), "repeated");
    house.finish().await;
}
