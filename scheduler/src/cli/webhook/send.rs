//! `piton webhook send`

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use piton_shared::trigger::Provider;
use piton_webhook::{HmacTerms, Outgoing, Scheme, Secret};
use rand::Rng as _;
use reqwest::Url;
use serde_json::{Map, Value, json};

use super::{
    add::address,
    deliveries::outcomes,
    options::{HmacOptions, SECRET, SecretOptions},
    path,
    sample::{Body, FORM, sample, usual_event},
};
use crate::cli::{
    CliError, Console, Exit,
    client::{Client, Delivered},
    run::source,
    screen::{Screen, text},
};

/// How far back a delivery is dated that is to be stale.
const STALE: Duration = Duration::from_hours(25);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Send {
    /// A webhook's name or id, or any address that begins with http.
    target: String,
    /// Who signs; not needed for a webhook of the server.
    #[arg(long)]
    provider: Option<String>,
    /// The event, by the provider's own name. `piton` knows what the common ones look like.
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// The whole body in place of a sample: JSON, `@FILE`, or `-` for standard input.
    #[arg(long, value_name = "JSON|@FILE|-")]
    data: Option<String>,
    /// Send the body as a form with the JSON in its field `payload`: GitHub does so unless it is told otherwise, and Slack with
    /// interactions.
    #[arg(long)]
    form: bool,
    /// The delivery's id; the same id twice is one event. A fresh one when not said.
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    secret: SecretOptions,
    /// Sign with another secret, to see it refused.
    #[arg(long)]
    wrong_signature: bool,
    /// Sign it as of yesterday, to see it refused.
    #[arg(long)]
    stale: bool,
    #[command(flatten)]
    hmac: HmacOptions,
}

/// Whether the address is a webhook of the server, whose record can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Others,
}

impl Send {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let (url, scheme, whose) = self.target(console).await?;
        let secret = self.signs_with()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = if self.stale { now.saturating_sub(STALE) } else { now };
        let at = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
        let id = self.id.clone().unwrap_or_else(|| fresh(&scheme));
        let event = self.event.as_deref().unwrap_or_else(|| usual_event(&scheme));
        let body = match &self.data {
            None => sample(&scheme, event, &id, at),
            Some(data) => Body::text(source(data, "--data")?.1),
        };
        let body = if self.form { in_a_form(&scheme, body)? } else { body };
        let mut headers = scheme.sign(&secret, &Outgoing { id: &id, event, at, body: &body.bytes });
        headers.push(("Content-Type".into(), body.content_type.into()));
        let client = console.client()?;
        let answer = client.deliver(&url, &headers, body.bytes.clone()).await?;
        let record = match (whose, text(&answer.body, "delivery_id")) {
            (Whose::Ours, id) if !id.is_empty() => came_of(&client, id).await?,
            (Whose::Ours | Whose::Others, _) => Value::Null,
        };
        let sent = json!({
            "url": url.as_str(), "provider": scheme.provider().as_str(), "event": event, "bytes": body.bytes.len(),
            "status": answer.status, "answer": answer.body, "delivery": record,
        });
        console.screen.show(&sent, shown)?;
        Ok(exit(&answer))
    }

    async fn target(&self, console: &Console) -> Result<(Url, Scheme, Whose), CliError> {
        if self.target.starts_with("http://") || self.target.starts_with("https://") {
            let url = Url::parse(&self.target).map_err(|error| CliError::caused(Exit::Usage, &error))?;
            let provider = self.provider.as_deref().ok_or_else(|| {
                CliError::new(Exit::Usage, "an address does not say who signs").advise("say it: --provider stripe")
            })?;
            let terms = self.hmac.json().unwrap_or_else(|| json!({}));
            return Ok((url, scheme(provider, &terms)?, Whose::Others));
        }
        let webhook = console.client()?.get(&path(&self.target)).await?;
        let url =
            Url::parse(&address(&console.url, &webhook)).map_err(|error| CliError::caused(Exit::Usage, &error))?;
        let own = text(&webhook, "provider");
        let provider = self.provider.as_deref().unwrap_or(own);
        let terms = self.hmac.json().or_else(|| webhook.get("hmac").cloned()).unwrap_or_else(|| json!({}));
        Ok((url, scheme(provider, &terms)?, Whose::Ours))
    }

    fn signs_with(&self) -> Result<Secret, CliError> {
        if self.wrong_signature {
            let mut random = [0; 32];
            rand::rng().fill_bytes(&mut random);
            return Ok(Secret::of(random, Provider::Standard));
        }
        self.secret.read()?.ok_or_else(|| {
            CliError::new(Exit::Usage, "there is no secret to sign with").advise(format!(
                "set {SECRET} to one of the webhook's secrets; the server never shows them again\nto see a refusal: --wrong-signature"
            ))
        })
    }
}

fn scheme(provider: &str, terms: &Value) -> Result<Scheme, CliError> {
    let words: Vec<_> = Provider::ALL.iter().map(|known| known.as_str()).collect();
    let known = Provider::ALL.into_iter().find(|known| known.as_str() == provider);
    let known = known.ok_or_else(|| {
        CliError::new(Exit::Usage, format!("`{provider}` is no provider"))
            .advise(format!("there are {}", words.join(", ")))
    })?;
    Ok(match known {
        Provider::Stripe => Scheme::Stripe,
        Provider::Github => Scheme::Github,
        Provider::Slack => Scheme::Slack,
        Provider::Standard => Scheme::Standard,
        Provider::Hmac => Scheme::Hmac(hmac(terms)?),
    })
}

/// The terms as the API shows and takes them.
fn hmac(terms: &Value) -> Result<HmacTerms, CliError> {
    let mut members: Map<String, Value> = [("algorithm", "sha256"), ("encoding", "hex"), ("template", "{body}")]
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .into_iter()
        .collect();
    let given = terms.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    members.extend(given.map(|(name, value)| (name.clone(), value.clone())));
    for (name, kind) in [("event_header", "header"), ("event_pointer", "pointer")] {
        if let Some(place) = members.remove(name) {
            members.insert("event".into(), json!({ kind: place }));
        }
    }
    let wrong = |error: &dyn std::error::Error| {
        CliError::new(Exit::Usage, format!("how it is signed does not read: {error}"))
            .advise("--signature-header at least is needed; `piton webhook send --help` lists the others")
    };
    let terms: HmacTerms = serde_json::from_value(Value::Object(members)).map_err(|error| wrong(&error))?;
    terms.check().map_err(|error| wrong(&error))?;
    Ok(terms)
}

fn in_a_form(scheme: &Scheme, body: Body) -> Result<Body, CliError> {
    if scheme.kind(Some(FORM)).is_none() {
        let provider = scheme.provider().as_str();
        return Err(CliError::new(Exit::Usage, format!("{provider} sends no forms")).advise("leave out --form"));
    }
    Ok(body.in_a_form())
}

fn fresh(scheme: &Scheme) -> String {
    let id = uuid::Uuid::new_v4();
    match scheme {
        Scheme::Stripe => format!("evt_{}", id.simple()),
        Scheme::Slack => format!("Ev{}", id.simple()),
        Scheme::Standard => format!("msg_{}", id.simple()),
        Scheme::Github | Scheme::Hmac(_) => id.to_string(),
    }
}

/// The record of a delivery, once its event was matched with the triggers, or after a moment.
async fn came_of(client: &Client, id: &str) -> Result<Value, CliError> {
    let mut record = Value::Null;
    for wait in [0, 50, 200, 500] {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        record = client.get(&format!("/v1/deliveries/{id}")).await?;
        if text(&record, "matching") != "owed" {
            break;
        }
    }
    Ok(record)
}

fn exit(answer: &Delivered) -> Exit {
    match answer.status {
        200..=299 => Exit::Done,
        404 => Exit::NotFound,
        400..=499 => Exit::Refused,
        _ => Exit::Unavailable,
    }
}

fn shown(screen: Screen, sent: &Value) -> String {
    let nothing = json!({});
    let answer = sent.get("answer").unwrap_or(&nothing);
    let status = sent.get("status").and_then(Value::as_u64).unwrap_or_default();
    let bytes = sent.get("bytes").and_then(Value::as_u64).unwrap_or_default();
    let what = format!("{} {}, {bytes} bytes", text(sent, "provider"), text(sent, "event"));
    let said = match (text(answer, "outcome"), text(answer, "detail")) {
        ("", "") => answer.to_string(),
        ("", detail) => detail.to_owned(),
        (outcome, _) => outcome.to_owned(),
    };
    let mut shown = vec![
        format!("POST {}\n", text(sent, "url")),
        format!("{}\n", screen.dim(&what)),
        format!("{:<13} {}\n", "answered", screen.bold(&format!("{status} {said}"))),
    ];
    for (name, member) in [("delivery", "delivery_id"), ("event", "event_id")] {
        if !text(answer, member).is_empty() {
            shown.push(format!("{name:<13} {}\n", text(answer, member)));
        }
    }
    let record = sent.get("delivery").filter(|record| record.is_object());
    shown.extend(record.map(|record| outcomes(screen, record)));
    shown.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn what_was_answered_is_shown_with_the_runs() {
        let sent = |status: u16, answer: Value, delivery: Value| {
            let sent = json!({
                "url": "http://127.0.0.1:7070/v1/hooks/0197a000", "provider": "stripe", "event": "payment_intent.succeeded",
                "bytes": 412, "status": status, "answer": answer, "delivery": delivery,
            });
            shown(PLAIN, &sent)
        };
        let accepted = json!({"outcome": "accepted", "delivery_id": "d-1", "event_id": "e-1"});
        let run = json!({"event_id": "e-1", "outcomes": [{"workflow": "payment_workflow", "run_id": "r-1"}]});
        insta::assert_snapshot!(sent(200, accepted.clone(), run));
        insta::assert_snapshot!(sent(200, accepted, json!({"event_id": "e-1", "outcomes": []})));
        insta::assert_snapshot!(sent(
            401,
            json!({"code": "webhook_refused", "detail": "the delivery is not signed"}),
            Value::Null
        ));
        insta::assert_snapshot!(sent(200, json!({"challenge": "abc"}), Value::Null));
    }

    #[test]
    fn generic_terms_are_read_as_the_api_shows_them() {
        let shown = json!({
            "signature_header": "X-Signature", "algorithm": "sha1", "encoding": "base64", "prefix": null,
            "template": "{timestamp}.{body}", "timestamp_header": "X-Time", "id_header": null, "event_header": "X-Event",
            "event_pointer": null,
        });
        assert!(hmac(&shown).is_ok());
        insta::assert_snapshot!(hmac(&json!({})).expect_err("no header").text());
        insta::assert_snapshot!(scheme("strip", &Value::Null).expect_err("no provider").text());
    }

    #[test]
    fn only_who_sends_forms_is_played_with_one() {
        assert!(in_a_form(&Scheme::Github, Body::text("{}")).is_ok());
        let refused = in_a_form(&Scheme::Stripe, Body::text("{}")).expect_err("Stripe sends none");
        insta::assert_snapshot!(refused.text(), @r"
        error: stripe sends no forms
          leave out --form
        ");
    }
}
