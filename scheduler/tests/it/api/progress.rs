use std::fmt::Write as _;

use piton_scheduler::api::Times;
use piton_shared::{
    failure::Failure,
    message::append::{AppendAnswer, Next},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{Door, House, answer, shape};
use crate::{
    database::Database,
    making::{Hold, With, payload},
};

/// An event as it was sent.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    event: String,
    id: String,
    data: Value,
}

/// A stream of events under way.
struct Stream {
    response: Response,
    text: String,
    retry: Option<String>,
}

impl Stream {
    async fn open(door: &Door, path: &str, last: Option<&str>) -> Self {
        let mut request = door.request(Method::GET, path);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.expect("the door answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.headers().contains_key("x-request-id"));
        Self { response, text: String::new(), retry: None }
    }

    /// The next event; none when the stream is closed.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    line.map(ToOwned::to_owned)
                };
                if let Some(retry) = field("retry") {
                    self.retry = Some(retry);
                }
                if let Some(event) = field("event") {
                    let data = field("data").expect("an event has data");
                    let data = serde_json::from_str(&data).expect("it is JSON");
                    return Some(Told { event, id: field("id").expect("an event has an id"), data });
                }
                continue;
            }
            let chunk = self.response.chunk().await.expect("the stream goes on or closes")?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("it is text"));
        }
    }

    /// Reads on until it was told of this step.
    async fn until(&mut self, key: &str, all: &mut Vec<Told>) {
        loop {
            let told = self.next().await.expect("it is told before the stream closes");
            all.push(told.clone());
            if told.data["key"] == key {
                return;
            }
        }
    }

    async fn rest(&mut self) -> Vec<Told> {
        let mut all = Vec::new();
        while let Some(told) = self.next().await {
            all.push(told);
        }
        all
    }
}

async fn begun(house: &House) -> (String, Hold) {
    let worker = house.database.worker().await;
    let run = house.door.start(&json!({ "workflow": "order" })).await.id();
    let hold = house.database.take(worker, run).await;
    (format!("/v1/runs/{run}/progress"), hold)
}

async fn accepted(database: &Database, append: piton_scheduler::store::Appending) {
    assert_eq!(database.append(append).await, AppendAnswer::Accepted);
}

/// A run that has ended: own rows, one from outside, a failed try.
async fn told_all(house: &House) -> String {
    let (path, hold) = begun(house).await;
    accepted(&house.database, hold.append(1, Next::GoOn).with_rows(1, &["b#1", "a#1"]).with_failed_try("c#1", 1)).await;
    let cancelled = house.door.post(&path.replace("progress", "cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 202);
    accepted(&house.database, hold.append(2, Next::Complete(payload("shipped"))).with_rows(3, &["c#1", "d#1"])).await;
    path
}

#[tokio::test]
async fn a_follower_is_told_everything_and_then_the_end() {
    let house = House::new("progress_all").await;
    let path = told_all(&house).await;
    let told = Stream::open(&house.door, &path, None).await.rest().await;
    let mut shown = String::new();
    for told in &told {
        let _ = writeln!(shown, "{} {}", told.event, shape(&told.data));
    }
    insta::assert_snapshot!(shown);
    // Who was told the end need not come again, and is told so.
    let last = &told.last().expect("there was an end").id;
    let over = answer(house.door.request(Method::GET, &path).header("Last-Event-ID", last)).await;
    assert_eq!(over.status, 204);
    house.finish().await;
}

#[tokio::test]
async fn whoever_comes_back_after_any_event_goes_on_there() {
    let house = House::new("progress_cut").await;
    let path = told_all(&house).await;
    let whole = Stream::open(&house.door, &path, None).await.rest().await;
    assert!(whole.len() > 6, "{whole:#?}");
    let other = house.another().await;
    for cut in 0..whole.len() - 1 {
        let after = &whole[cut].id;
        let by_header = Stream::open(&other, &path, Some(after)).await.rest().await;
        assert_eq!(by_header, whole[cut + 1..], "after {after}");
        let by_parameter = Stream::open(&other, &format!("{path}?after={after}"), None).await.rest().await;
        assert_eq!(by_parameter, whole[cut + 1..], "after {after}");
    }
    other.close().await;
    house.finish().await;
}

#[tokio::test]
async fn a_run_is_followed_over_a_scheduler_that_stops() {
    let house = House::new("progress_stops").await;
    let (path, hold) = begun(&house).await;
    let other = house.another().await;
    let mut told = Vec::new();

    let mut stream = Stream::open(&other, &path, None).await;
    accepted(&house.database, hold.append(1, Next::GoOn).with_rows(1, &["a#1"])).await;
    stream.until("a#1", &mut told).await;
    other.close().await;
    told.extend(stream.rest().await);
    assert!(stream.retry.is_some(), "it is told when to come back");

    // What happens while nobody listens, and a row from outside among it.
    accepted(&house.database, hold.append(2, Next::GoOn).with_rows(2, &["b#1"])).await;
    assert_eq!(house.door.post(&path.replace("progress", "cancel"), &json!({})).await.status, 202);
    let last = told.last().expect("something was told").id.clone();
    let mut stream = Stream::open(&house.door, &path, Some(&last)).await;
    stream.until("b#1", &mut told).await;
    let failure = Failure::permanent("declined");
    accepted(&house.database, hold.append(3, Next::Fail(failure)).with_rows(3, &["c#1"])).await;
    told.extend(stream.rest().await);

    let names: Vec<_> = told.iter().map(|told| told.data["key"].as_str().unwrap_or(&told.event)).collect();
    let mut steps: Vec<_> = names.iter().filter(|name| name.contains('#')).copied().collect();
    steps.sort_unstable();
    assert_eq!(steps, ["a#1", "b#1", "c#1", "cancel#1"], "each once: {names:?}");
    assert_eq!((names[0], names[names.len() - 1]), ("state", "end"), "{names:?}");
    assert_eq!(told.last().expect("an end").data["failure"]["message"], "declined");
    house.finish().await;
}

#[tokio::test]
async fn followers_have_room_for_so_many_and_give_it_back() {
    let house = House::within("progress_room", Times { requests: Some(1), ..Times::default() }).await;
    let run = house.door.start(&json!({ "workflow": "order" })).await.id();
    let path = format!("/v1/runs/{run}/progress");
    let mut stream = Stream::open(&house.door, &path, None).await;
    assert_eq!(stream.next().await.expect("it is told where the run stands").event, "state");
    let refused = house.door.get(&path).await;
    assert_eq!(refused.brief(), "503 overloaded");
    drop(stream);
    let over = format!("{path}?after=0.0.0.0.killed");
    super::until(
        async || {
            // The room is looked for only by those who have something to be told.
            let killed = house.door.post(&format!("/v1/runs/{run}/kill"), &json!({})).await;
            assert!(matches!(killed.status, 200 | 202), "{:#}", killed.body);
            house.door.get(&path).await
        },
        |answer| answer.status == 200,
    )
    .await;
    assert_eq!(house.door.get(&over).await.status, 204);
    house.finish().await;
}

#[tokio::test]
async fn cursors_and_runs_that_are_not_there_are_refused() {
    let house = House::new("progress_refused").await;
    let (path, _) = begun(&house).await;
    assert_eq!(house.door.get(&format!("{path}?after=x")).await.brief(), "400 invalid_parameter");
    let header = answer(house.door.request(Method::GET, &path).header("Last-Event-ID", "x")).await;
    assert_eq!(header.brief(), "400 invalid_header");
    let unknown = house.door.get("/v1/runs/00000000-0000-7000-8000-000000000000/progress").await;
    assert_eq!(unknown.brief(), "404 unknown_run");
    house.finish().await;
}
