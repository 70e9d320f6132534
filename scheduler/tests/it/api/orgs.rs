//! A disabled org: requests are refused, streams end, nothing new starts and no worker joins.

use piton_scheduler::api::{Access, Scopes};
use piton_shared::{
    ids::WorkerId,
    message::{Answer as Told, Refusal, worker::Registered},
    subject::Method as Ask,
};
use piton_transport::{Bus, BusOptions};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, House, PATIENCE, answer, until};
use crate::making::{ORG, fresh, register};

async fn asked(house: &House, key: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let request = house.door.request(method, path).header("authorization", key);
    answer(body.iter().fold(request, reqwest::RequestBuilder::json)).await
}

/// Reads a stream until it is closed.
async fn ended(mut stream: reqwest::Response) {
    let reading = async { while stream.chunk().await.expect("it ends in order").is_some() {} };
    tokio::time::timeout(PATIENCE, reading).await.expect("the stream ends");
}

#[tokio::test]
async fn a_disabled_org_is_refused_and_its_streams_end() {
    let house = House::with("org_disabled", Access::Keys).await;
    let key = house.key(&ORG, Scopes::ALL).await;
    let store = &house.database.store;
    let start = json!({ "workflow": "order" });
    let run = asked(&house, &key, Method::POST, "/v1/runs", Some(&start)).await.text("id").to_owned();
    let hook = json!({ "name": "h", "provider": "hmac", "secret": "0123456789abcdef0123456789abcdef", "hmac": { "signature_header": "x-sig" } });
    let hook = asked(&house, &key, Method::POST, "/v1/webhooks", Some(&hook)).await;
    assert_eq!(hook.status, 201, "{:#}", hook.body);
    let schedule = json!({ "name": "s", "workflow": "order", "expression": "* * * * * *", "time_zone": "UTC" });
    let made = asked(&house, &key, Method::POST, "/v1/schedules", Some(&schedule)).await;
    let progress = format!("/v1/runs/{run}/progress");
    let stream =
        house.door.request(Method::GET, &progress).header("authorization", &key).send().await.expect("a stream");
    assert_eq!(stream.status(), 200);

    store.org_disable(&ORG).await.expect("asked").expect("it is there");
    let refused = |answer: &Answer| answer.brief() == "403 org_disabled";
    until(async || asked(&house, &key, Method::GET, "/v1/runs", None).await, refused).await;
    ended(stream).await;
    assert!(refused(&asked(&house, &key, Method::POST, "/v1/runs", Some(&start)).await));
    let delivery = answer(house.door.request(Method::POST, hook.text("path")).json(&json!({}))).await;
    assert!(refused(&delivery), "{:#}", delivery.body);

    let bus = Bus::connect(BusOptions::new(house.nats.url(), "worker")).await.expect("NATS is there");
    let subject = bus.subjects().ask(&ORG, Ask::Register);
    let told: Told<Registered> =
        bus.request(&subject, &register(WorkerId::new(fresh())), PATIENCE, None).await.expect("it is answered");
    let Told::Refused(Refusal::Invalid(why)) = told else { panic!("{told:?}") };
    assert!(why.contains("is disabled"), "{why}");
    assert_eq!(store.schedules_next_due().await.expect("asked"), None, "nothing fires, and nobody looks in vain");
    assert_eq!(made.status, 201, "{:#}", made.body);

    store.org_enable(&ORG).await.expect("asked").expect("it is there");
    until(async || asked(&house, &key, Method::GET, "/v1/runs", None).await, |answer| answer.status == 200).await;
    house.finish().await;
}

#[tokio::test]
async fn a_stream_ends_with_its_key() {
    let house = House::with("stream_key", Access::Keys).await;
    let admin = house.key(&ORG, Scopes::ALL).await;
    let start = json!({ "workflow": "order" });
    let run = asked(&house, &admin, Method::POST, "/v1/runs", Some(&start)).await.text("id").to_owned();
    let progress = format!("/v1/runs/{run}/progress");
    for terms in [json!({ "name": "revoked" }), json!({ "name": "expires", "expires_in": "2s" })] {
        let made = asked(&house, &admin, Method::POST, "/v1/keys", Some(&terms)).await;
        let key = format!("Bearer {}", made.text("key"));
        let request = house.door.request(Method::GET, &progress).header("authorization", &key);
        let stream = request.send().await.expect("a stream");
        assert_eq!(stream.status(), 200);
        if terms["name"] == "revoked" {
            let path = format!("/v1/keys/{}", made.text("id"));
            assert_eq!(asked(&house, &admin, Method::DELETE, &path, None).await.status, 204);
        }
        ended(stream).await;
        assert_eq!(asked(&house, &key, Method::GET, &progress, None).await.brief(), "401 unauthorized");
    }
    house.finish().await;
}
