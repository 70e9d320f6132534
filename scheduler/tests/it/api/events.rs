use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{House, answer, assert_shape, until};

async fn order_trigger(house: &House) {
    let made = house.door.post("/v1/triggers", &json!({"workflow": "order", "event": "order.*"})).await;
    assert_eq!(made.status, 201, "{:#}", made.body);
}

fn first<'a>(answer: &'a super::Answer, name: &str) -> &'a Value {
    &answer.body["events"][0][name]
}

#[tokio::test]
async fn an_event_is_answered_with_what_it_started() {
    let house = House::new("events").await;
    order_trigger(&house).await;
    let event = json!({"name": "order.paid", "id": "o1", "data": {"total": 3}, "time": "2026-11-21T10:00:00Z"});
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = house.door.request(Method::POST, "/v1/events").json(&event).header("traceparent", trace);
    let published = answer(request).await;
    assert_eq!(published.status, 202);
    assert_shape!(published.body);
    let path = first(&published, "links")["event"].as_str().expect("a link").to_owned();
    let found = house.door.get(&path).await;
    assert_eq!(found.status, 200);
    assert_shape!(found.body);
    let run = house.door.get(first(&published, "runs")[0]["links"]["run"].as_str().expect("a link")).await;
    assert_eq!((&run.body["input"], &run.body["tags"]), (&json!({"total": 3}), &json!(["event:order.paid"])));
    assert_eq!(house.database.row(run.id()).await.trace.as_deref(), Some(trace));

    let again = house.door.post("/v1/events", &event).await;
    assert_eq!((again.status, first(&again, "outcome")), (202, &json!("duplicate")));
    assert_eq!(first(&again, "runs"), first(&published, "runs"));
    house.finish().await;
}

#[tokio::test]
async fn a_key_in_the_header_is_the_id_of_one_event() {
    let house = House::new("events_key").await;
    let other = house.another().await;
    let publish = |number: usize| {
        let door = if number.is_multiple_of(2) { &house.door } else { &other };
        let request = door.request(Method::POST, "/v1/events").header("Idempotency-Key", "k 1");
        answer(request.json(&json!({"name": "order.paid"})))
    };
    let answers = join_all((0..40).map(publish)).await;
    let new = answers.iter().filter(|answer| first(answer, "outcome") == "accepted").count();
    assert_eq!(new, 1);
    assert!(answers.iter().all(|answer| first(answer, "id") == first(&answers[0], "id")));
    for body in [json!({"events": [{"name": "a"}, {"name": "b"}]}), json!({"name": "a", "id": "x"})] {
        let request = house.door.request(Method::POST, "/v1/events").header("Idempotency-Key", "k 2").json(&body);
        assert_eq!(answer(request).await.brief(), "400 invalid_header");
    }
    other.close().await;
    house.finish().await;
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_place() {
    let house = House::new("events_wrong").await;
    for body in
        [json!({"events": [{"name": "a"}, {"name": "a..b", "id": 3}]}), json!([]), json!({"events": [], "x": 1})]
    {
        let refused = house.door.post("/v1/events", &body).await;
        assert_eq!(refused.brief(), "422 invalid_field");
    }
    let listed = house.door.get("/v1/events").await;
    assert_eq!(listed.body["events"], json!([]), "none of a publish is accepted if one of it is wrong");
    for (path, brief) in [
        ("/v1/events?name=a..b", "400 invalid_parameter"),
        ("/v1/events?since=noon", "400 invalid_parameter"),
        ("/v1/events?cursor=x", "400 invalid_parameter"),
        ("/v1/events/x", "400 invalid_id"),
        ("/v1/events/0197a000-0000-7000-8000-000000000001", "404 unknown_event"),
    ] {
        assert_eq!(house.door.get(path).await.brief(), brief, "{path}");
    }
    let nowhere = "/v1/events/0197a000-0000-7000-8000-000000000001/replay";
    assert_eq!(house.door.post(nowhere, &json!({})).await.brief(), "404 unknown_event");
    house.finish().await;
}

#[tokio::test]
async fn events_are_listed_newest_first_by_name_and_time() {
    let house = House::new("events_list").await;
    let events: Vec<_> =
        ["user.created", "order.paid", "order.line.added", "user.left"].map(|name| json!({ "name": name })).into();
    house.door.post("/v1/events", &json!({ "events": events })).await;
    let names = async |query: &str| {
        let page = house.door.get(&format!("/v1/events{query}")).await;
        assert_eq!(page.status, 200, "{:#}", page.body);
        let names: Vec<_> = page.body["events"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|event| event["name"].as_str().expect("a name").to_owned())
            .collect();
        (names.join(" "), page.body["next"].as_str().map(ToOwned::to_owned))
    };
    assert_eq!(names("").await.0, "user.left order.line.added order.paid user.created");
    assert_eq!(names("?name=order.*").await.0, "order.paid");
    assert_eq!(names("?name=order.**").await.0, "order.line.added order.paid");
    assert_eq!(names("?since=2020-01-01T00:00:00Z&until=2021-01-01T00:00:00Z").await.0, "");
    let (page, next) = names("?limit=1&name=user.*").await;
    assert_eq!(page, "user.left");
    let next = next.expect("there is more");
    assert_eq!(
        names(next.strip_prefix("/v1/events").expect("the same address")).await,
        ("user.created".to_owned(), None)
    );
    house.finish().await;
}

#[tokio::test]
async fn a_replay_is_a_new_event_for_all_or_for_one_workflow() {
    let house = House::new("events_replay").await;
    order_trigger(&house).await;
    let published = house.door.post("/v1/events", &json!({"name": "order.paid", "data": 7})).await;
    let id = first(&published, "id").as_str().expect("an id").to_owned();
    house.door.post("/v1/triggers", &json!({"workflow": "audit", "event": "**"})).await;
    let replay = async |body: Value| house.door.post(&format!("/v1/events/{id}/replay"), &body).await;
    let workflows = |answer: &super::Answer| -> Vec<String> {
        let runs = first(answer, "runs").as_array().expect("a list");
        runs.iter().map(|run| run["workflow"].as_str().expect("a name").to_owned()).collect()
    };
    let (all, one) = (replay(json!({})).await, replay(json!({"workflow": "audit"})).await);
    assert_eq!((all.status, workflows(&all)), (202, vec!["audit".to_owned(), "order".to_owned()]));
    assert_eq!(workflows(&one), ["audit"]);
    let again = house.door.get(first(&one, "links")["event"].as_str().expect("a link")).await;
    assert_shape!(again.body);
    assert_eq!(again.body["origin"]["replay_of"], json!(id));
    assert_eq!(replay(json!({"workflow": "a/b"})).await.brief(), "422 invalid_field");
    // Asked twice without a key it is two; with one it is the first again.
    let path = format!("/v1/events/{id}/replay");
    let keyed = async || answer(house.door.request(Method::POST, &path).header("Idempotency-Key", "again 1")).await;
    let (once, twice) = (keyed().await, keyed().await);
    assert_eq!((first(&once, "outcome"), first(&twice, "outcome")), (&json!("accepted"), &json!("duplicate")));
    assert_eq!((first(&once, "id"), first(&once, "runs")), (first(&twice, "id"), first(&twice, "runs")));
    assert_eq!(first(&once, "event_id"), &json!("again 1"));
    let bare = answer(house.door.request(Method::POST, &format!("/v1/events/{id}/replay"))).await;
    assert_eq!(bare.status, 202);
    until(
        async || house.door.get("/v1/runs").await,
        |answer| answer.body["runs"].as_array().is_some_and(|runs| runs.len() == 8),
    )
    .await;
    house.finish().await;
}
