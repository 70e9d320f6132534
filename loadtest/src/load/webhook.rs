//! One who sends webhooks, signed by the Standard Webhooks scheme.

use std::{
    cell::Cell,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, ensure};
use piton_webhook::{Outgoing, Scheme, Secret};
use serde_json::{Value, json};

use crate::{api::Api, doors};

/// A sender with the address and the secret that it was given.
#[derive(Debug)]
pub(super) struct Sender {
    path: String,
    secret: Secret,
    /// Each delivery has an id of its own: one that comes again would start nothing.
    next: Cell<u64>,
}

impl Sender {
    /// Makes an endpoint, and who sends to it.
    pub(super) async fn open(api: &Api) -> anyhow::Result<Self> {
        let name = format!("load-{}", std::process::id());
        let body = json!({ "name": name, "provider": "standard" }).to_string();
        let answer = api.post("/v1/webhooks", body).await?;
        ensure!(answer.status == 201, "{}: {}", answer.status, answer.json());
        Ok(Self { path: answer.text("path"), secret: Secret::new(answer.text("secret"))?, next: Cell::new(1) })
    }

    /// Sends one delivery that was never sent before, and waits until it is taken.
    pub(super) async fn send(&self, api: &Api) -> Result<(), String> {
        let number = self.next.replace(self.next.get() + 1);
        let (headers, body) = self.signed(number).map_err(|error| error.to_string())?;
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = api.deliver(&self.path, &headers, body).await.map_err(|error| error.to_string())?;
        match (answer.status, &answer.json()["outcome"]) {
            (200, Value::String(outcome)) if outcome == "accepted" => Ok(()),
            (status, outcome) => Err(format!("status {status}, outcome {outcome}")),
        }
    }

    fn signed(&self, number: u64) -> anyhow::Result<(Vec<(String, String)>, String)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("this machine's clock is wrong")?;
        let body = json!({ "type": doors::DELIVERY, "data": { "number": number } }).to_string();
        let id = format!("msg_{number}");
        let outgoing = Outgoing { id: &id, event: "", at: now.as_secs().cast_signed(), body: body.as_bytes() };
        let mut headers = Scheme::Standard.sign(&self.secret, &outgoing);
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        Ok((headers, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_delivery_is_signed_and_has_its_own_id() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let sender = Sender { path: "/".to_owned(), secret, next: Cell::new(1) };
        let sent = [1, 2].map(|number| sender.signed(number).expect("it signs").0);
        for name in ["webhook-id", "webhook-signature"] {
            let values = sent.each_ref().map(|headers| {
                headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
            });
            assert!(values[0].is_some() && values[0] != values[1], "{name}: {values:?}");
        }
    }
}
