//! Those outside who tell the shop something. Like all who send webhooks and events for real, they send again until they hear
//! that it was taken, and they do not know what happens to the schedulers meanwhile.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use piton_webhook::{Outgoing, Scheme, Secret};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    api::{Answer, Api},
    shop::ORDER_PLACED,
};

/// A sender whose message nobody takes gives up after this.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of a message, as its sender saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// What it is about: the payment or the order.
    pub(super) what: String,
    /// What answers named as its outcome: of a webhook the event that it is, of an event the runs that it started.
    pub(super) named: BTreeSet<String>,
    /// How often it was accepted: a second time, where its sender sends it twice.
    pub(super) accepted: usize,
    /// Tries that were not answered, or put off.
    pub(super) again: usize,
}

/// Stripe's side of a webhook.
#[derive(Debug, Clone)]
pub(super) struct Stripe {
    /// The path that it was given.
    pub(super) path: String,
    /// The secret that it was given.
    pub(super) secret: String,
}

impl Stripe {
    /// Delivers the payments, so many at a time; every fifth twice, as Stripe may.
    pub(super) async fn deliver(
        &self,
        payments: usize,
        at_once: usize,
        apis: &[Arc<Api>],
    ) -> anyhow::Result<Vec<Sent>> {
        let sending = (0..payments).map(|number| async move {
            let what = format!("pi_{number:04}");
            let body = payment(number, &what).to_string();
            let times = if number.is_multiple_of(5) { 2 } else { 1 };
            let send = async |api: &Api| {
                let signature = self.sign(&body)?;
                let headers = [("content-type", "application/json"), ("stripe-signature", signature.as_str())];
                Ok(api.deliver(&self.path, &headers, body.clone()).await.ok())
            };
            until_taken(what.clone(), times, number, apis, send).await
        });
        stream::iter(sending).buffer_unordered(at_once).try_collect().await
    }

    /// One that somebody else signed: the status of the answer.
    pub(super) async fn forge(&self, api: &Api) -> anyhow::Result<u16> {
        let stranger = Self { secret: "whsec_guessed".to_owned(), ..self.clone() };
        let body = payment(9999, "pi_forged").to_string();
        let signature = stranger.sign(&body)?;
        let headers = [("content-type", "application/json"), ("stripe-signature", signature.as_str())];
        Ok(api.deliver(&self.path, &headers, body).await?.status)
    }

    fn sign(&self, body: &str) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("this machine's clock is wrong")?;
        let outgoing = Outgoing { id: "", event: "", at: now.as_secs().cast_signed(), body: body.as_bytes() };
        let headers = Scheme::Stripe.sign(&Secret::new(&*self.secret)?, &outgoing);
        let found = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("stripe-signature"));
        Ok(found.context("a signature of Stripe has its header")?.1)
    }
}

/// What Stripe sends when a payment went through.
fn payment(number: usize, id: &str) -> Value {
    json!({
        "id": format!("evt_{number:04}"),
        "object": "event",
        "type": "payment_intent.succeeded",
        "data": { "object": { "id": id, "object": "payment_intent", "amount": 1000 + number, "currency": "eur" } },
    })
}

/// Publishes the orders, so many at a time; every fifth twice, under one id.
pub(super) async fn publish(orders: usize, at_once: usize, apis: &[Arc<Api>]) -> anyhow::Result<Vec<Sent>> {
    let sending = (0..orders).map(|number| async move {
        let what = format!("order-{number:04}");
        let body = json!({ "name": ORDER_PLACED, "id": what, "data": { "order_id": what } }).to_string();
        let times = if number.is_multiple_of(5) { 2 } else { 1 };
        let send = async |api: &Api| Ok(api.post("/v1/events", body.clone()).await.ok());
        until_taken(what.clone(), times, number, apis, send).await
    });
    stream::iter(sending).buffer_unordered(at_once).try_collect().await
}

/// Sends until it was accepted so many times, at one scheduler and, when that does not serve, at the next.
async fn until_taken(
    what: String,
    times: usize,
    first: usize,
    apis: &[Arc<Api>],
    send: impl AsyncFn(&Api) -> anyhow::Result<Option<Answer>>,
) -> anyhow::Result<Sent> {
    let begun = Instant::now();
    let mut sent = Sent { what, ..Sent::default() };
    for api in apis.iter().cycle().skip(first % apis.len()) {
        match send(api).await? {
            Some(answer) if matches!(answer.status, 200..=299) => {
                sent.named.extend(named(&answer.json()));
                sent.accepted += 1;
                if sent.accepted == times {
                    return Ok(sent);
                }
                continue;
            }
            Some(answer) if matches!(answer.status, 400..=499) => {
                bail!("{} was refused with {}: {}", sent.what, answer.status, answer.json());
            }
            Some(_) | None => sent.again += 1,
        }
        if begun.elapsed() > PATIENCE {
            bail!("nobody took it within {PATIENCE:?}: {sent:?}");
        }
        sleep(PAUSE).await;
    }
    bail!("there is no scheduler to tell")
}

/// The event of a webhook, or the runs of an event, as an answer names them.
fn named(answer: &Value) -> Vec<String> {
    let started = answer["events"].as_array().into_iter().flatten();
    let runs = started.filter_map(|event| event["runs"].as_array()).flatten().map(|run| &run["id"]);
    std::iter::once(&answer["event_id"]).chain(runs).filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}
