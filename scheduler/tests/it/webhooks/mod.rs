//! Webhooks, as providers and their receivers see them: real schedulers behind real sockets.

#[cfg(feature = "failpoints")]
mod crashed;
mod floods;
mod forms;
mod management;
mod orgs;
mod outages;
mod repeats;
mod rotation;
mod runs;
mod slow;
mod statuses;

use std::time::{SystemTime, UNIX_EPOCH};

use piton_scheduler::definition::Definer;
use piton_shared::{
    message::{
        Answer as WorkerAnswer,
        define::{Define, Defined, Definition, DefinitionKind, Parameter, Presence},
        read::More,
    },
    name::Queue,
    time::Timestamp,
    trigger::{InputRule, Provider, Trigger, WebhookTrigger},
};
use piton_webhook::{HmacTerms, Outgoing, Scheme, Secret};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    api::{Answer, Door, House, answer},
    making::ORG,
};

/// A secret that no answer, log or debug text may have.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// An endpoint, and what whoever sends there knows.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) scheme: Scheme,
    pub(crate) secret: Secret,
}

/// A delivery to be sent.
#[derive(Clone)]
pub(crate) struct Sending<'a> {
    pub(crate) hook: &'a Hook,
    pub(crate) id: &'a str,
    pub(crate) event: &'a str,
    pub(crate) body: String,
    /// Seconds from now to its time.
    pub(crate) dated: i64,
    pub(crate) content_type: &'a str,
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    i64::try_from(since.as_secs()).expect("it fits")
}

/// Stripe's event of the seed, with its two arguments.
pub(crate) fn payment(id: &str) -> String {
    let object = json!({"object": "payment_intent", "amount": 2000, "currency": "usd"});
    json!({"id": id, "object": "event", "type": "payment_intent.succeeded", "data": {"object": object}}).to_string()
}

impl Hook {
    pub(crate) async fn make(house: &House, name: &str, scheme: Scheme) -> Self {
        Self::with(house, name, scheme, json!({})).await
    }

    /// One with more members in what makes it.
    pub(crate) async fn with(house: &House, name: &str, scheme: Scheme, more: Value) -> Self {
        let mut body = json!({"name": name, "provider": scheme.provider().as_str(), "secret": SECRET});
        if let Scheme::Hmac(terms) = &scheme {
            body["hmac"] = json!({"signature_header": terms.signature_header, "id_header": terms.id_header});
        }
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let made = house.door.post("/v1/webhooks", &body).await;
        assert_eq!(made.status, 201, "{:#}", made.body);
        let secret = Secret::new(body["secret"].as_str().expect("a text")).expect("a secret");
        Self { id: made.text("id").to_owned(), path: made.text("path").to_owned(), scheme, secret }
    }

    pub(crate) fn sending<'a>(&'a self, id: &'a str, event: &'a str, body: impl Into<String>) -> Sending<'a> {
        Sending { hook: self, id, event, body: body.into(), dated: 0, content_type: "application/json" }
    }

    /// A payment by Stripe.
    pub(crate) fn payment<'a>(&'a self, id: &'a str) -> Sending<'a> {
        self.sending(id, "payment_intent.succeeded", payment(id))
    }

    pub(crate) async fn deliveries(&self, house: &House, query: &str) -> Vec<Value> {
        let page = house.door.get(&format!("/v1/webhooks/{}/deliveries?limit=500{query}", self.id)).await;
        page.body["deliveries"].as_array().unwrap_or_else(|| panic!("{:#}", page.body)).clone()
    }
}

impl Sending<'_> {
    pub(crate) fn request(&self, door: &Door) -> RequestBuilder {
        let outgoing = Outgoing { id: self.id, event: self.event, at: now() + self.dated, body: self.body.as_bytes() };
        let request = door.request(Method::POST, &self.hook.path).header("content-type", self.content_type);
        let signed = self.hook.scheme.sign(&self.hook.secret, &outgoing);
        signed.iter().fold(request, |request, (name, value)| request.header(name, value)).body(self.body.clone())
    }

    pub(crate) async fn send(&self, door: &Door) -> Answer {
        answer(self.request(door)).await
    }
}

pub(crate) fn hmac() -> Scheme {
    Scheme::Hmac(HmacTerms { id_header: Some("x-id".into()), ..HmacTerms::new("x-signature") })
}

/// What a worker says of a workflow that a webhook starts, with one required parameter of each name.
pub(crate) async fn declare(house: &House, workflow: &str, trigger: WebhookTrigger, parameters: &[&str]) {
    let parameter =
        |name: &&str| Parameter { name: (*name).to_owned(), presence: Presence::Required, schema: "true".into() };
    let definition = Definition {
        kind: DefinitionKind::Workflow,
        name: workflow.into(),
        description: String::new(),
        parameters: parameters.iter().map(parameter).collect(),
        input_schema: "true".into(),
        output_schema: "true".into(),
        triggers: vec![Trigger::Webhook(trigger)],
    };
    let definer = Definer { store: house.database.store.clone(), definitions: house.definitions() };
    let define = Define {
        org: ORG,
        build: None,
        queue: Queue::DEFAULT,
        since: Timestamp::from_micros(now() * 1_000_000),
        definitions: vec![definition],
        more: More::End,
    };
    assert_eq!(definer.define(define).await, WorkerAnswer::Done(Defined {}));
}

pub(crate) fn on(provider: Provider, event: Option<&str>) -> WebhookTrigger {
    WebhookTrigger {
        provider,
        endpoint: None,
        event: event.map(ToOwned::to_owned),
        filter: None,
        input: InputRule::ByName,
    }
}

impl House {
    /// The runs that are there.
    pub(crate) async fn runs(&self) -> Vec<Value> {
        let page = self.door.get("/v1/runs?limit=500").await;
        page.body["runs"].as_array().expect("a list").clone()
    }

    fn definitions(&self) -> piton_scheduler::definition::Definitions {
        piton_scheduler::definition::Definitions::new(self.database.store.clone())
    }
}
