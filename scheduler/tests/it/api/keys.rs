use piton_scheduler::api::{Access, KEY_MEMORY};
use reqwest::Method;
use serde_json::json;

use super::{Answer, House, PATIENCE, answer, assert_shape, until};

impl House {
    async fn list_with(&self, authorization: &str) -> Answer {
        answer(self.door.request(Method::GET, "/v1/runs").header("authorization", authorization)).await
    }
}

#[tokio::test]
async fn keys_let_in_until_they_are_revoked() {
    let house = House::with("keys", Access::Keys).await;
    let refused = house.door.get("/v1/runs").await;
    assert_eq!((refused.brief(), &*refused.headers["www-authenticate"]), ("401 unauthorized".into(), "Bearer"));
    assert_eq!(house.door.get("/health/live").await.status, 200);

    // The first key is made at the database; here by a door that needs none.
    let open = house.another().await;
    let made = open.post("/v1/keys", &json!({ "name": "ci" })).await;
    assert_eq!(made.status, 201);
    assert_shape!(made.body);
    let bearer = format!("Bearer {}", made.text("key"));
    assert_eq!(house.list_with(&bearer).await.status, 200);

    let wrong = format!("{}0", &bearer[..bearer.len() - 1]);
    for bad in [&*wrong, "Bearer x", "Basic eDp5", "", &bearer[..40], &format!("{bearer} {bearer}")] {
        assert_eq!(house.list_with(bad).await.brief(), "401 unauthorized", "{bad}");
    }

    let listed = open.get("/v1/keys").await;
    assert_shape!(listed.body);
    assert!(!listed.body.to_string().contains(made.text("key")));
    let path = format!("/v1/keys/{}", made.text("id"));
    assert_eq!(answer(open.request(Method::DELETE, &path)).await.status, 204);
    assert_eq!(answer(open.request(Method::DELETE, &path)).await.brief(), "404 unknown_key");
    assert!(KEY_MEMORY < PATIENCE);
    until(async || house.list_with(&bearer).await, |answer| answer.status == 401).await;
    open.close().await;
    house.finish().await;
}
