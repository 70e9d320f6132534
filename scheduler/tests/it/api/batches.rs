use piton_shared::message::state::StateScope;
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::{House, answer, assert_shape, until};
use crate::making::{ORG, set};

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().into_iter().flatten().filter_map(|error| error["pointer"].as_str()).collect()
}

#[tokio::test]
async fn a_batch_is_a_run_that_no_worker_holds() {
    let house = House::new("batches").await;
    let items = json!([1, {"id": "two", "input": {"n": 2}}, "three"]);
    let body = json!({"function": "docs.process", "items": items, "max_concurrency": 2, "tags": ["nightly"]});
    let submitted = house.door.post("/v1/batches", &body).await;
    assert_eq!(submitted.status, 201, "{:#}", submitted.body);
    assert_shape!(submitted.body);
    let path = submitted.headers["location"].clone();
    assert_eq!(path, format!("/v1/batches/{}", submitted.id()));
    // Nobody executes it, but it is given away as far as its bound allows.
    let released = until(async || house.door.get(&path).await, |batch| batch.body["stats"]["running"] == 2).await;
    assert_shape!(released.body);
    let results = house.door.get(&format!("{path}/results?limit=2")).await;
    assert_shape!(results.body);
    let rest = house.door.get(results.text("next")).await;
    assert_eq!((rest.body["results"][0]["status"].as_str(), &rest.body["next"]), (Some("waiting"), &Value::Null));
    let run = house.door.get(&format!("/v1/runs/{}", submitted.id())).await;
    assert_eq!((run.text("state"), run.text("workflow")), ("suspended", "piton.batch"));
    assert_eq!(
        run.body["input"],
        json!({"function": "docs.process", "items": 3, "max_concurrency": 2, "on_failure": "continue"})
    );
    let listed = house.door.get(&format!("/v1/runs/{}/batches", submitted.id())).await;
    assert_eq!(listed.body["batches"][0], house.door.get(&path).await.body);
    let by_key = house.door.get(&format!("/v1/runs/{}/batches/batch%231", submitted.id())).await;
    assert_eq!(by_key.body, listed.body["batches"][0]);
    let cancelled = answer(house.door.request(Method::DELETE, &path)).await;
    assert_eq!((cancelled.status, cancelled.text("outcome")), (200, "cancelled"));
    assert_eq!(house.door.post(&format!("{path}/cancel"), &json!({})).await.status, 200, "it was before");
    let ended = house.door.get(&format!("{path}?wait=20s")).await;
    assert_eq!((ended.text("status"), &ended.body["stats"]["cancelled"]), ("cancelled", &json!(3)));
    assert_eq!(house.door.get(&format!("/v1/runs/{}", submitted.id())).await.text("state"), "cancelled");
    house.finish().await;
}

#[tokio::test]
async fn a_batch_without_items_has_ended_at_once() {
    let house = House::new("batches_empty").await;
    let submitted = house.door.post("/v1/batches", &json!({"function": "f", "items": []})).await;
    let ended = house.door.get(&format!("/v1/batches/{}?wait=20s", submitted.id())).await;
    assert_eq!((ended.text("status"), &ended.body["stats"]["total"]), ("completed", &json!(0)));
    let run = house.door.get(&format!("/v1/runs/{}", submitted.id())).await;
    assert_eq!((run.text("state"), &run.body["result"]["status"]), ("completed", &json!("completed")));
    house.finish().await;
}

#[tokio::test]
async fn one_key_is_one_batch() {
    let house = House::new("batches_key").await;
    let submit = async |body: &Value| {
        answer(house.door.request(Method::POST, "/v1/batches").header("idempotency-key", "k").json(body)).await
    };
    let body = json!({"function": "f", "items": [1, 2]});
    let first = submit(&body).await;
    let again = submit(&body).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.id(), again.id());
    let other = submit(&json!({"function": "f", "items": [1, 3]})).await;
    assert_eq!(other.brief(), "409 idempotency_conflict");
    let start = house.door.request(Method::POST, "/v1/runs").header("idempotency-key", "k");
    let start = answer(start.json(&json!({"workflow": "order"}))).await;
    assert_eq!(start.brief(), "409 idempotency_conflict", "runs and batches share their keys");
    house.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_batch_is_named_by_its_place() {
    let house = House::new("batches_refusals").await;
    let run = house.door.start(&json!({ "workflow": "order" })).await.id();
    let refused = house
        .door
        .post("/v1/batches", &json!({"function": "f", "items": [1, {"id": 2, "input": 3}], "retries": "x"}))
        .await;
    assert_eq!(
        (refused.brief(), pointers(&refused.body)),
        ("422 invalid_field".into(), vec!["/items/1/id", "/retries"])
    );
    let refused = house.door.post("/v1/batches", &json!([])).await;
    assert_eq!((refused.brief(), pointers(&refused.body)), ("422 invalid_field".into(), vec![""]));
    let refused = house.door.post("/v1/runs", &json!({"workflow": "piton.batch"})).await;
    assert_eq!((refused.brief(), pointers(&refused.body)), ("422 invalid_field".into(), vec!["/workflow"]));
    let text = house.door.request(Method::POST, "/v1/batches").header(CONTENT_TYPE, "application/json").body("{");
    assert_eq!(answer(text).await.brief(), "400 invalid_json");
    let nobody = "00000000-0000-7000-8000-000000000000";
    for (path, brief) in [
        ("/v1/batches/x".to_owned(), "400 invalid_id"),
        (format!("/v1/batches/{nobody}"), "404 unknown_batch"),
        (format!("/v1/batches/{nobody}/results"), "404 unknown_batch"),
        (format!("/v1/batches/{run}"), "404 unknown_batch"),
        (format!("/v1/runs/{nobody}/batches"), "404 unknown_run"),
        (format!("/v1/runs/{run}/batches/batch%231"), "404 unknown_batch"),
        (format!("/v1/runs/{run}/batches/batch%231/results"), "404 unknown_batch"),
        ("/v1/runs/x/batches/batch%231".to_owned(), "400 invalid_id"),
        (format!("/v1/runs/{run}/batches?limit=0"), "400 invalid_parameter"),
        (format!("/v1/runs/{nobody}/state"), "404 unknown_run"),
        (format!("/v1/sessions/{}/state", "x".repeat(300)), "400 invalid_id"),
        ("/v1/sessions/s/state?limit=101".to_owned(), "400 invalid_parameter"),
    ] {
        assert_eq!(house.door.get(&path).await.brief(), brief, "{path}");
    }
    assert_eq!(house.door.post(&format!("/v1/batches/{run}/cancel"), &json!({})).await.brief(), "404 unknown_batch");
    house.finish().await;
}

#[tokio::test]
async fn state_is_shown_by_name_in_pages() {
    let house = House::new("states").await;
    let hold = house.database.held(house.database.worker().await).await;
    for (number, name) in (1..).zip(["b", "a ü", "c"]) {
        for (twice, scope) in [(0, StateScope::Run), (1, StateScope::Session)] {
            let number = 2 * number - 1 + twice;
            house.database.append(hold.writes(number, number, set(scope, name, Some("value"), 0))).await;
        }
    }
    for path in [format!("/v1/runs/{}/state", hold.run), format!("/v1/sessions/{}/state", hold.run)] {
        let first = house.door.get(&format!("{path}?limit=2")).await;
        assert_shape!(first.body);
        let last = house.door.get(first.text("next")).await;
        assert_eq!((last.body["values"][0]["name"].as_str(), &last.body["next"]), (Some("c"), &Value::Null));
    }
    let lines = set(StateScope::Run, "a\nline", Some("value"), 0);
    house.database.append(hold.writes(7, 7, lines)).await;
    let first = house.door.get(&format!("/v1/runs/{}/state?limit=1", hold.run)).await;
    assert_eq!(first.text("next_cursor"), "a\nline");
    let next = house.door.get(first.text("next")).await;
    assert_eq!(next.body["values"][0]["name"], "a ü", "{:#}", next.body);
    let nobody = house.door.get("/v1/sessions/never%20seen/state").await;
    assert_eq!((nobody.status, &nobody.body["values"]), (200, &json!([])));
    house.database.store.kill(hold.run, &ORG).await.expect("it is killed");
    assert_eq!(house.door.get(&format!("/v1/runs/{}/state", hold.run)).await.body["values"], json!([]));
    house.finish().await;
}
