//! Publishing over NATS, as any program does that knows no message of ours.

use piton_transport::{Bus, BusOptions};
use serde_json::{Value, json};

use crate::{
    api::assert_shape,
    cluster::{Cluster, SOON},
    making::{ORG, until},
};

async fn ask(bus: &Bus, subject: &str, body: impl Into<Vec<u8>>) -> Value {
    let answer = bus.request_raw(subject, body.into(), SOON, None).await.expect("it is answered");
    serde_json::from_slice(&answer).expect("the answer is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_after_the_commit() {
    let cluster = Cluster::new("event_nats").await;
    cluster.db.trigger("order", "order.*").await;
    let bus = Bus::connect(BusOptions::new(cluster.nats.url(), "any program")).await.expect("NATS is there");
    let subject = bus.subjects().publish(&ORG);
    assert_eq!(subject, "piton.publish.default");
    let one = json!({"name": "order.paid", "id": "o1", "data": {"total": 3}});
    let first = ask(&bus, &subject, one.to_string()).await;
    assert_shape!(first);
    let again = ask(&bus, &subject, one.to_string()).await;
    assert_eq!(
        (&again["events"][0]["outcome"], &again["events"][0]["id"]),
        (&json!("duplicate"), &first["events"][0]["id"])
    );
    let several = ask(&bus, &subject, json!({"events": [{"name": "a"}, {"name": "order.sent"}]}).to_string()).await;
    let counts: Vec<_> =
        several["events"].as_array().expect("a list").iter().map(|one| one["runs"].as_array().map(Vec::len)).collect();
    assert_eq!(counts, [Some(0), Some(1)]);
    cluster.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_as_over_http() {
    let cluster = Cluster::new("event_nats_wrong").await;
    let bus = Bus::connect(BusOptions::new(cluster.nats.url(), "any program")).await.expect("NATS is there");
    let subject = bus.subjects().publish(&ORG);
    let mut said = Vec::new();
    for body in [
        "{\"name\": ",
        "[]",
        "{\"name\": \"a..b\", \"nmae\": 1}",
        "{\"events\": []}",
        "{\"name\": \"a\", \"data\": 18446744073709551616}",
        "\u{0}",
    ] {
        said.push(ask(&bus, &subject, body).await);
    }
    said.push(ask(&bus, "piton.publish.nobody", "{\"name\": \"a\"}").await);
    assert_shape!(Value::Array(said));
    cluster.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_reply_it_is_taken_all_the_same() {
    let cluster = Cluster::new("event_nats_silent").await;
    cluster.db.trigger("order", "order.*").await;
    let bus = Bus::connect(BusOptions::new(cluster.nats.url(), "any program")).await.expect("NATS is there");
    for number in 0..20 {
        let body = json!({"name": "order.paid", "data": number}).to_string();
        bus.publish_raw(&bus.subjects().publish(&ORG), body.into_bytes()).await.expect("sent");
    }
    bus.publish_raw(&bus.subjects().publish(&ORG), b"nonsense".to_vec()).await.expect("sent");
    until(async || cluster.db.runs_by_workflow().await.get("order") == Some(&20)).await;
    // One of the schedulers took each of them, and the nonsense has stopped nobody.
    let subject = bus.subjects().publish(&ORG);
    assert!(bus.request_raw(&subject, b"{\"name\": \"b\"}".to_vec(), SOON, None).await.is_ok());
    assert_eq!(cluster.db.runs_by_workflow().await.get("order"), Some(&20));
    cluster.finish().await;
}
