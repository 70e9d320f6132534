use piton_devstack::{Postgres, PostgresOptions, testing::TestNats};
use piton_scheduler::{
    api::{Access, Times},
    store::{Store, StoreOptions},
};
use piton_webhook::{Scheme, Secret};
use serde_json::json;

use super::{Hook, SECRET};
use crate::api::{Door, until};

#[tokio::test]
async fn without_a_database_providers_are_told_to_come_back_and_with_it_they_are_heard() {
    let mut postgres = Postgres::start(PostgresOptions::throwaway()).await.expect("Postgres starts");
    let nats = TestNats::start().await.expect("NATS starts");
    let store = Store::connect(&StoreOptions::new(postgres.url())).await.expect("it connects");
    store.migrate().await.expect("the schema is made");
    store.close().await;
    let door = Door::open(&postgres.url(), &nats.url(), Access::OpenOnLoopback, Times::default()).await;
    let made = door.post("/v1/webhooks", &json!({"name": "pay", "provider": "stripe", "secret": SECRET})).await;
    let hook = Hook {
        id: made.text("id").into(),
        path: made.text("path").into(),
        scheme: Scheme::Stripe,
        secret: Secret::new(SECRET).expect("a secret"),
    };
    postgres.kill9().await.expect("Postgres dies");
    for id in ["evt_1", "evt_2"] {
        let refused = hook.payment(id).send(&door).await;
        assert_eq!(refused.status, 503, "{:#}", refused.body);
        assert!(refused.headers.contains_key("retry-after"));
    }
    postgres.restart().await.expect("Postgres comes back");
    let heard = until(async || hook.payment("evt_1").send(&door).await, |answer| answer.status == 200).await;
    assert_eq!(heard.text("outcome"), "accepted");
    door.close().await;
    nats.stop().await.expect("NATS stops");
    postgres.stop().await.expect("Postgres stops");
}
