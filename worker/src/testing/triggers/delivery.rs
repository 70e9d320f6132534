//! Webhooks as tests deliver them: as their provider would, but for the signature's secret.

use std::{future::IntoFuture, time::Duration};

use piton_shared::{
    codec::{self, EncodeError},
    time::Timestamp,
    trigger::Provider,
};
use piton_webhook::{
    BodyKind, Described, Envelope, EventPlace, Headers, HmacTerms, KeptHeaders, Meaning, Outgoing, Scheme, Secret,
};
use serde::Serialize;
use serde_json::Value;

use super::{
    accept::{Coming, accept},
    error::PublishError,
    published::Published,
    rfc3339,
};
use crate::{
    BoxFuture,
    testing::{TestEngine, block_on},
};

/// How old a signature may be: it is made at the moment at which it is looked at.
const TOLERANCE: Duration = Duration::from_mins(5);

/// A webhook that is about to be delivered. Await it, or call [`blocking`](Self::blocking).
#[derive(Debug)]
#[must_use = "nothing is delivered until it is awaited, or `.blocking()` is called"]
pub struct Delivery<'a> {
    engine: &'a TestEngine,
    provider: String,
    body: Result<Value, EncodeError>,
    endpoint: Option<String>,
    event: Option<String>,
    id: Option<String>,
    headers: Vec<(String, String)>,
}

impl Delivery<'_> {
    /// The name of the endpoint it comes to. The provider's word, if not said.
    pub fn endpoint(mut self, name: impl Into<String>) -> Self {
        self.endpoint = Some(name.into());
        self
    }

    /// The provider's own name of the event, where a header has it: GitHub's (`pull_request`), and that of an HMAC endpoint.
    /// Stripe, Slack and Standard Webhooks have it in the body.
    pub fn event(mut self, name: impl Into<String>) -> Self {
        self.event = Some(name.into());
        self
    }

    /// The delivery's id, where a header has it: GitHub's, Standard Webhooks', and that of an HMAC endpoint; a new one, if not
    /// said. Stripe and Slack have it in the body.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// One more header, for workflows that take the envelope and for filters that ask for `event.headers`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Delivers it without async code around.
    ///
    /// # Errors
    ///
    /// Says why nothing was published.
    ///
    /// # Panics
    ///
    /// When it is called within an async runtime.
    pub fn blocking(self) -> Result<Published, PublishError> {
        block_on(self.into_future())
    }

    async fn deliver(self) -> Result<Published, PublishError> {
        let now = self.engine.now();
        let number = self.engine.events.lock().next();
        let coming = self.coming(number, now)?;
        accept(self.engine, coming).await
    }

    /// The event that it brings, as a server reads it from a delivery that it has verified.
    fn coming(&self, number: u64, now: Timestamp) -> Result<Coming, PublishError> {
        let scheme = scheme(&self.provider)?;
        let provider = scheme.provider();
        let endpoint = self.endpoint.clone().unwrap_or_else(|| provider.as_str().to_owned());
        let body = self.body.as_ref().map_err(|error| PublishError::Data(error.clone()))?.to_string();
        let secret = Secret::new("whsec_dGhlIHNlY3JldCBvZiB0ZXN0cw").expect("it is a secret's form");
        let outgoing = Outgoing {
            id: &self.id.clone().unwrap_or_else(|| format!("delivery-{number}")),
            event: self.event.as_deref().unwrap_or(""),
            at: now.as_micros().div_euclid(1_000_000),
            body: body.as_bytes(),
        };
        let mut sent = scheme.sign(&secret, &outgoing);
        sent.retain(|(_, value)| !value.is_empty());
        let signed: Vec<_> = sent.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let others = self.headers.iter().filter(|(name, _)| !signed.contains(&name.to_ascii_lowercase()));
        sent.extend(others.cloned());
        let bytes: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let headers = Headers::new(&bytes);
        let verified = scheme.verify(headers, body.as_bytes(), &[secret], now, TOLERANCE);
        let verified = verified.map_err(PublishError::Unsigned)?;
        let data = scheme.read(BodyKind::Json, body.as_bytes()).map_err(PublishError::Unreadable)?;
        let event = match scheme.meaning(&endpoint, headers, &data, &verified) {
            Ok(Meaning::Event(event)) => event,
            Ok(Meaning::Challenge(_)) => return Err(PublishError::NoEvent("challenge")),
            Ok(Meaning::Ping) => return Err(PublishError::NoEvent("ping")),
            Err(meaningless) => return Err(PublishError::Meaningless(meaningless)),
        };
        self.as_said(provider, &event)?;
        let kept = KeptHeaders::of(&came(&sent), &scheme);
        let envelope = Envelope {
            source: provider.as_str(),
            endpoint: &endpoint,
            event_type: event.event_type.as_deref(),
            delivery_id: event.delivery_id.as_deref(),
            occurred_at: event.occurred_at.map(rfc3339),
            received_at: rfc3339(now),
            headers: kept.open(),
            body: Some(body.as_str().into()),
            data: &data,
        };
        let envelope = Some(envelope.json());
        Ok(Coming {
            name: event.name,
            id: None,
            keys: event.keys.iter().map(|key| format!("{endpoint}:{key}")).collect(),
            data,
            brought: Some((provider, endpoint)),
            occurred_at: event.occurred_at,
            envelope,
        })
    }

    /// Refuses a test that says one thing beside the body while the body says another: that is what counts.
    fn as_said(&self, provider: Provider, event: &Described) -> Result<(), PublishError> {
        let has = event.event_type.as_deref().unwrap_or("none");
        let is = |said: &String| {
            // An action of GitHub's stands in the body.
            has == said || (provider == Provider::Github && has.split('.').next() == Some(said))
        };
        let otherwise = |what, said: &String, has: &str| {
            let (said, has) = (said.clone(), has.to_owned());
            PublishError::Otherwise { provider: provider.as_str(), what, said, has }
        };
        if let Some(said) = self.event.as_ref().filter(|said| !is(said)) {
            return Err(otherwise("event", said, has));
        }
        let has = event.delivery_id.as_deref().unwrap_or("none");
        match self.id.as_ref().filter(|said| *said != has) {
            Some(said) => Err(otherwise("id", said, has)),
            None => Ok(()),
        }
    }
}

/// As a server knows the provider of this word; of an HMAC endpoint, one whose headers have the event's name and an id.
fn scheme(word: &str) -> Result<Scheme, PublishError> {
    let provider = Provider::ALL.into_iter().find(|provider| provider.as_str() == word);
    Ok(match provider.ok_or_else(|| PublishError::Provider { word: word.to_owned() })? {
        Provider::Stripe => Scheme::Stripe,
        Provider::Github => Scheme::Github,
        Provider::Slack => Scheme::Slack,
        Provider::Standard => Scheme::Standard,
        Provider::Hmac => Scheme::Hmac(HmacTerms {
            id_header: Some("x-delivery".into()),
            event: Some(EventPlace::Header("x-event".into())),
            ..HmacTerms::new("x-signature")
        }),
    })
}

/// Headers as they come to a server.
fn came(sent: &[(String, String)]) -> Vec<(String, Vec<u8>)> {
    sent.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone().into_bytes())).collect()
}

impl<'a> IntoFuture for Delivery<'a> {
    type Output = Result<Published, PublishError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.deliver())
    }
}

impl TestEngine {
    /// Delivers a webhook with this JSON body, as `stripe`, `github`, `slack`, `standard` or `hmac` sends it, and runs to its
    /// end whatever it starts: see [`publish`](Self::publish). The event's name, its id and what it is about are read from
    /// the delivery as a server reads them, and a delivery that comes again is [the event that it was](Published::novelty),
    /// by its id.
    ///
    /// It is taken for verified: signatures, secrets, and which events an endpoint takes, are the server's.
    ///
    /// ```
    /// use piton::{prelude::*, testing::TestEngine};
    /// use serde_json::json;
    ///
    /// #[workflow(triggers(webhook("stripe", event = "payment_intent.succeeded")))]
    /// async fn payment(ctx: &WorkflowContext, amount: i64, currency: String) -> Result<String> {
    ///     # let _ = ctx;
    ///     Ok(format!("{amount} {currency}"))
    /// }
    ///
    /// #[workflow(triggers(webhook("github", event = "pull_request.opened", input = "event.data.number")))]
    /// async fn review(ctx: &WorkflowContext, number: u64) -> Result<u64> {
    ///     # let _ = ctx;
    ///     Ok(number)
    /// }
    ///
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// let engine = TestEngine::new().register(payment).register(review);
    /// let paid = json!({"id": "evt_1", "type": "payment_intent.succeeded",
    ///     "data": {"object": {"amount": 1999, "currency": "eur"}}});
    /// assert_eq!(engine.webhook("stripe", paid).blocking()?.run(payment).output(), "1999 eur");
    ///
    /// let opened = json!({"action": "opened", "number": 7});
    /// assert_eq!(engine.webhook("github", opened).event("pull_request").blocking()?.run(review).output(), 7);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PublishError`] where a server would not have published anything.
    pub fn webhook(&self, provider: &str, body: impl Serialize) -> Delivery<'_> {
        // By way of a payload, so that what JSON cannot represent is refused and not changed.
        let body = codec::encode(&body).map(|payload| codec::to_json(&payload).unwrap_or_default());
        let (endpoint, event, id, headers) = (None, None, None, Vec::new());
        Delivery { engine: self, provider: provider.to_owned(), body, endpoint, event, id, headers }
    }
}
