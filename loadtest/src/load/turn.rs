//! What a caller does once: it asks for something, and sees what comes of it.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Terms, Workload, webhook::Sender};
use crate::{api::Api, doors};

/// An event that was accepted and is matched later is looked at again after this,
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// and not for longer than this.
const LOOK_FOR: Duration = Duration::from_secs(30);

/// What callers ask for.
#[derive(Debug)]
pub(super) enum Asked {
    /// A run, by this body; its end is waited for.
    Run(Bytes),
    /// Events, by this body; the ends of their runs are waited for.
    Events(Bytes),
    /// A webhook; only the answer is waited for.
    Delivery(Sender),
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Came {
    /// Runs that were promised: answers named them, or the event that starts them.
    pub(super) promised: u64,
    /// When there was an answer that the workload times.
    pub(super) answered: Option<Instant>,
    /// When each of the runs that were seen to complete had.
    pub(super) ended: Vec<Instant>,
    /// When each of what the workload counts was done.
    pub(super) done: Vec<Instant>,
    /// What went wrong.
    pub(super) errors: Vec<String>,
}

/// The members of a run that matter here.
#[derive(Deserialize)]
struct Run<'a> {
    #[serde(borrow)]
    id: &'a str,
    #[serde(borrow)]
    state: &'a str,
}

#[derive(Deserialize)]
struct Published {
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    runs: Vec<Started>,
}

#[derive(Deserialize)]
struct Started {
    id: String,
}

#[derive(Deserialize)]
struct Matched {
    results: Vec<MatchedRun>,
}

#[derive(Deserialize)]
struct MatchedRun {
    run_id: Option<String>,
}

impl Asked {
    /// By the terms; a webhook needs its sender, who has been there before. `None`: this workload has no callers.
    pub(super) fn by(terms: &Terms, sender: Option<Sender>) -> Option<Self> {
        let run = |body: &'static str| Self::Run(Bytes::from_static(body.as_bytes()));
        match terms.workload {
            Workload::W1 | Workload::W2 => Some(run(r#"{"workflow":"five_steps"}"#)),
            Workload::W3 => {
                let input = json!({"items": terms.fan.items, "at_once": terms.fan.at_once});
                Some(Self::Run(json!({"workflow": "fan_out", "input": input}).to_string().into()))
            }
            Workload::W4 => Some(run(r#"{"workflow":"one_step"}"#)),
            Workload::W5 => {
                let events = vec![json!({"name": doors::EVENT, "data": {"number": 1}}); terms.batch as usize];
                Some(Self::Events(json!({ "events": events }).to_string().into()))
            }
            Workload::W6 => sender.map(Self::Delivery),
            Workload::W7 => None,
        }
    }

    /// Asks once.
    pub(super) async fn once(&self, api: &Api) -> Came {
        match self {
            Self::Run(body) => run(body.clone(), api).await,
            Self::Events(body) => publish(body.clone(), api).await,
            Self::Delivery(sender) => match sender.send(api).await {
                Ok(()) => {
                    let now = Instant::now();
                    Came { promised: 1, answered: Some(now), done: vec![now], ..Came::default() }
                }
                Err(error) => Came::wrong(error),
            },
        }
    }
}

impl Came {
    fn wrong(error: String) -> Self {
        Self { errors: vec![error], ..Self::default() }
    }
}

/// One run, from the request to its end.
async fn run(body: Bytes, api: &Api) -> Came {
    let answer = match api.start("?wait=30s", body, None).await {
        Ok(answer) => answer,
        Err(error) => return Came::wrong(error.to_string()),
    };
    let (id, state) = match serde_json::from_slice::<Run<'_>>(&answer.body) {
        Ok(Run { id, state }) => (id.to_owned(), state.to_owned()),
        Err(_) => return Came::wrong(format!("status {}, unreadable", answer.status)),
    };
    let end = match (answer.status, state.as_str()) {
        (200 | 201, "completed") => Ok(Instant::now()),
        (202, _) => ended(&id, api).await,
        (status, state) => Err(format!("status {status}, state {state}")),
    };
    match end {
        Ok(end) => Came { promised: 1, answered: Some(end), ended: vec![end], done: vec![end], ..Came::default() },
        Err(error) => Came { promised: 1, ..Came::wrong(error) },
    }
}

/// Waits for a run that was started: a wide one is asked for again as long as it goes on.
async fn ended(id: &str, api: &Api) -> Result<Instant, String> {
    loop {
        let answer = api.get(&format!("/v1/runs/{id}?wait=30s")).await.map_err(|error| error.to_string())?;
        let state = serde_json::from_slice::<Run<'_>>(&answer.body).map(|run| run.state);
        match (answer.status, state) {
            (200, Ok("completed")) => return Ok(Instant::now()),
            (202, Ok(_)) => {}
            (status, Ok(state)) => return Err(format!("status {status}, state {state}")),
            (status, Err(_)) => return Err(format!("status {status}, unreadable")),
        }
    }
}

async fn publish(body: Bytes, api: &Api) -> Came {
    let answer = match api.post("/v1/events", body).await {
        Ok(answer) => answer,
        Err(error) => return Came::wrong(error.to_string()),
    };
    let answered = Instant::now();
    let events = match (answer.status, serde_json::from_slice::<Published>(&answer.body)) {
        (202, Ok(Published { events })) => events,
        (status, Ok(_) | Err(_)) => return Came::wrong(format!("status {status} for events")),
    };
    let promised = events.len() as u64;
    let ends = join_all(events.into_iter().map(|event| async move {
        let run = match event.runs.into_iter().next() {
            Some(Started { id }) => id,
            None => run_of(&event.id, api).await?,
        };
        ended(&run, api).await
    }));
    let mut came = Came { promised, answered: Some(answered), ..Came::default() };
    for end in ends.await {
        match end {
            Ok(end) => came.ended.push(end),
            Err(error) => came.errors.push(error),
        }
    }
    came.done.clone_from(&came.ended);
    came
}

/// The run of an event that was accepted before it was matched.
async fn run_of(event: &str, api: &Api) -> Result<String, String> {
    let begun = Instant::now();
    while begun.elapsed() < LOOK_FOR {
        let answer = api.get(&format!("/v1/events/{event}")).await.map_err(|error| error.to_string())?;
        let matched = serde_json::from_slice::<Matched>(&answer.body);
        let matched = matched.map_err(|_| format!("status {}, unreadable", answer.status))?;
        if let Some(run) = matched.results.into_iter().find_map(|result| result.run_id) {
            return Ok(run);
        }
        sleep(LOOK_EVERY).await;
    }
    Err(format!("an event started nothing within {LOOK_FOR:?}"))
}
