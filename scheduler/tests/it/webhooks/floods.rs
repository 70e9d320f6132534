use piton_shared::limits::{WEBHOOK_OTHERS_KEPT, WEBHOOK_REFUSED_KEPT};
use piton_webhook::{Scheme, Secret};

use super::Hook;
use crate::api::{House, answer};

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_forged_deliveries_fills_nothing() {
    let house = House::new("hook_flood").await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    let forged = Hook { secret: Secret::new("another").expect("a secret"), ..hook.clone() };
    let ids: Vec<_> = (0..300).map(|n| format!("evt_{n}")).collect();
    for some in ids.chunks(50) {
        let sends = some.iter().map(|id| answer(forged.payment(id).request(&house.door)));
        assert!(futures::future::join_all(sends).await.iter().all(|answer| answer.status == 401));
    }
    assert_eq!(hook.deliveries(&house, "").await.len(), WEBHOOK_REFUSED_KEPT as usize);
    // Meanwhile the provider is heard, and its delivery is on record.
    assert_eq!(hook.payment("evt_real").send(&house.door).await.text("outcome"), "accepted");
    assert_eq!(hook.deliveries(&house, "&verdict=accepted").await.len(), 1);
    let refused = house.door.request(reqwest::Method::GET, "/metrics").send().await.expect("answered");
    let text = refused.text().await.expect("text");
    assert!(text.contains("piton_webhook_deliveries_total{outcome=\"refused\"} 300"), "each is counted");
    assert!(text.contains(&format!("piton_webhook_unrecorded_total {}", 300 - WEBHOOK_REFUSED_KEPT)), "{text}");
    house.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_caught_deliveries_fills_nothing() {
    let house = House::new("hook_caught").await;
    let hook = Hook::make(&house, "code", Scheme::Github).await;
    let numbers: Vec<_> = (0..=WEBHOOK_OTHERS_KEPT + 50).collect();
    for some in numbers.chunks(50) {
        let sends = some.iter().map(|_| answer(hook.sending("d", "push", "{\"a\":1}").request(&house.door)));
        assert!(futures::future::join_all(sends).await.iter().all(|answer| answer.status == 200));
    }
    let kept: i64 = sqlx::query_scalar(include_str!("../sql/count_deliveries.sql"))
        .fetch_one(&house.database.pool)
        .await
        .expect("they are counted");
    assert_eq!(kept, i64::from(WEBHOOK_OTHERS_KEPT) + 1, "repetitions within the bound, and the one that was accepted");
    house.finish().await;
}
