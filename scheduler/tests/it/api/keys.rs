use piton_scheduler::api::{Access, KEY_MEMORY, Scopes};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, House, PATIENCE, answer, assert_shape, until};
use crate::making::ORG;

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

    let noted = |answer: &Answer| !answer.body["keys"][0]["last_used_at"].is_null();
    let listed = until(async || open.get("/v1/keys").await, noted).await;
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

#[tokio::test]
async fn keys_have_scopes_an_end_a_maker_and_a_last_use() {
    let house = House::with("keys_terms", Access::Keys).await;
    let admin = house.key(&ORG, Scopes::ALL).await;
    let asked = async |key: &str, method: Method, path: &str, body: Option<Value>| {
        let request = house.door.request(method, path).header("authorization", key);
        answer(body.iter().fold(request, reqwest::RequestBuilder::json)).await
    };
    let create = async |body: Value| asked(&admin, Method::POST, "/v1/keys", Some(body)).await;
    let keys = async || asked(&admin, Method::GET, "/v1/keys", None).await.body["keys"].clone();
    let maker = keys().await[0]["id"].clone();

    let made = create(json!({ "name": "ci", "scopes": ["start"], "expires_in": "720h" })).await;
    assert_eq!((made.status, &made.body["scopes"]), (201, &json!(["start"])));
    let bearer = format!("Bearer {}", made.text("key"));
    assert_eq!(asked(&bearer, Method::GET, "/v1/runs", None).await.brief(), "403 insufficient_scope");
    assert_eq!(
        asked(&bearer, Method::POST, "/v1/keys", Some(json!({ "name": "x" }))).await.brief(),
        "403 insufficient_scope"
    );
    assert_eq!(asked(&bearer, Method::POST, "/v1/runs", Some(json!({ "workflow": "w" }))).await.status, 201);
    let noted = async || keys().await[1].clone();
    let used = async {
        while noted().await["last_used_at"].is_null() {
            tokio::task::yield_now().await;
        }
        noted().await
    };
    let used = tokio::time::timeout(PATIENCE, used).await.expect("its use is noted");
    assert_eq!((&used["created_by"], &used["scopes"]), (&maker, &json!(["start"])), "{used:#}");
    assert!(used["expires_at"].as_str() > used["created_at"].as_str(), "{used:#}");

    let usual = create(json!({ "name": "usual" })).await;
    assert_eq!(usual.body["scopes"], json!(["read", "start", "operate"]));
    for (body, pointer) in [
        (json!({ "name": "x", "scopes": [] }), "/scopes"),
        (json!({ "name": "x", "scopes": ["root"] }), "/scopes/0"),
        (json!({ "name": "x", "expires_in": 0 }), "/expires_in"),
        (json!({ "name": "x", "expires_in": "999999h" }), "/expires_in"),
    ] {
        let refused = create(body).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{:#}",
            refused.body
        );
    }

    let short = create(json!({ "name": "short", "expires_in": "0.3" })).await;
    let short = format!("Bearer {}", short.text("key"));
    let gone = until(async || asked(&short, Method::GET, "/v1/runs", None).await, |answer| answer.status == 401).await;
    assert!(gone.text("detail").contains("has expired"), "{:#}", gone.body);
    house.finish().await;
}
