//! The customers of the order pipeline: each places an order, and asks again until it is answered, as people do.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    api::{Answer, Api},
    orders::ORDER_WORKFLOW,
};

/// A customer whose order was not answered gives up after this.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of an order, as its customer saw it.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Its number, which is its idempotency key.
    pub order: String,
    /// The runs that answers named; more than one is a broken promise.
    pub runs: Vec<String>,
    /// What the run returned.
    pub result: Value,
    /// From the first request to the last answer.
    pub took: Duration,
    /// Answers other than the run's end: the status, and the seconds after which to come back.
    pub put_off: Vec<(u16, Option<u64>)>,
    /// Requests that got no answer.
    pub unanswered: usize,
    /// Times that the run had to be resumed, since it was parked.
    pub resumed: usize,
}

/// Places these orders, so many at a time, the first at the first scheduler, the second at the second and so on.
pub async fn place(
    orders: impl IntoIterator<Item = String>,
    at_once: usize,
    apis: &[Arc<Api>],
) -> anyhow::Result<Vec<Placed>> {
    let customers = orders.into_iter().enumerate().map(|(number, order)| async move {
        // Every tenth customer clicks twice, the second time at another scheduler.
        let clicks = if number.is_multiple_of(10) { 2 } else { 1 };
        let asking = (0..clicks).map(|click| place_one(&order, apis, number + click));
        let answers = futures::future::try_join_all(asking).await?;
        answers.into_iter().reduce(Placed::and).context("nobody asked")
    });
    stream::iter(customers).buffer_unordered(at_once).try_collect().await
}

/// Places one order and waits for its end, at one scheduler and, when that does not serve, at the next.
pub async fn place_one(order: &str, apis: &[Arc<Api>], first: usize) -> anyhow::Result<Placed> {
    let body = json!({ "workflow": ORDER_WORKFLOW, "input": order, "session_id": "orders" }).to_string();
    let begun = Instant::now();
    let mut placed = Placed {
        order: order.to_owned(),
        runs: Vec::new(),
        result: Value::Null,
        took: Duration::ZERO,
        put_off: Vec::new(),
        unanswered: 0,
        resumed: 0,
    };
    for api in apis.iter().cycle().skip(first % apis.len()) {
        match api.start("?wait=30s", body.clone(), Some(order)).await {
            Ok(answer) => {
                if placed.take(api, &answer).await? {
                    placed.took = begun.elapsed();
                    return Ok(placed);
                }
            }
            Err(_) => placed.unanswered += 1,
        }
        if begun.elapsed() > PATIENCE {
            bail!("no end after {PATIENCE:?}: {placed:?}");
        }
        sleep(PAUSE).await;
    }
    bail!("there is no scheduler to ask")
}

impl Placed {
    /// Whether this answer is the end of it.
    async fn take(&mut self, api: &Api, answer: &Answer) -> anyhow::Result<bool> {
        if matches!(answer.status, 200..=202) {
            let run = answer.text("id");
            if !self.runs.contains(&run) {
                self.runs.push(run.clone());
            }
            match answer.text("state").as_str() {
                "completed" => {
                    self.result = answer.json()["result"].take();
                    return Ok(true);
                }
                // A person would look why, and go on.
                "parked" => {
                    api.post(&format!("/v1/runs/{run}/resume"), "").await?;
                    self.resumed += 1;
                }
                "failed" | "cancelled" | "killed" => bail!("{} ended badly: {}", self.order, answer.json()),
                _ => {}
            }
        } else if matches!(answer.status, 400..=499) {
            bail!("{} was refused with {}: {}", self.order, answer.status, answer.json());
        }
        self.put_off.push((answer.status, answer.retry_after));
        Ok(false)
    }

    /// Two clicks of one customer.
    fn and(mut self, other: Self) -> Self {
        self.runs.extend(other.runs.into_iter().filter(|run| !self.runs.contains(run)).collect::<Vec<_>>());
        self.put_off.extend(other.put_off);
        self.took = self.took.max(other.took);
        self.unanswered += other.unanswered;
        self.resumed += other.resumed;
        self
    }
}
