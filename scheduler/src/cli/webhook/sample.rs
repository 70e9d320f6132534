//! Bodies as providers send them, for trying out.

use piton_webhook::{EventPlace, Scheme};
use serde_json::{Value, json};

use crate::api::escape;

/// What a form is declared as.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// A body, and what it is declared as.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Body {
    pub(super) content_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl Body {
    pub(super) fn json(value: &Value) -> Self {
        Self::text(value.to_string())
    }

    /// A text that is meant to be JSON.
    pub(super) fn text(text: impl Into<Vec<u8>>) -> Self {
        Self { content_type: "application/json", bytes: text.into() }
    }

    /// The same as a form, in its only field; what is a form already stays so.
    pub(super) fn in_a_form(self) -> Self {
        if self.content_type == FORM {
            return self;
        }
        let payload = escape(&String::from_utf8_lossy(&self.bytes));
        Self { content_type: FORM, bytes: format!("payload={payload}").into_bytes() }
    }
}

/// The event that is sent when none is named.
pub(super) fn usual_event(scheme: &Scheme) -> &'static str {
    match scheme {
        Scheme::Stripe => "payment_intent.succeeded",
        Scheme::Github => "push",
        Scheme::Slack => "app_mention",
        Scheme::Standard | Scheme::Hmac(_) => "invoice.paid",
    }
}

/// The body of an event of this name; `id` is the delivery's, `at` in seconds since 1970.
pub(super) fn sample(scheme: &Scheme, event: &str, id: &str, at: i64) -> Body {
    match scheme {
        Scheme::Stripe => Body::json(&stripe(event, id, at)),
        Scheme::Github => Body::json(&github(event)),
        Scheme::Slack if event == "slash_command" => Body {
            content_type: FORM,
            bytes: b"token=legacy&team_id=T0001&channel_id=C0001&user_id=U0001&user_name=ada&command=%2Fdeploy&text=web+now&trigger_id=13345224609.738474920".to_vec(),
        },
        Scheme::Slack => Body::json(&slack(event, id, at)),
        Scheme::Standard => {
            Body::json(&json!({ "type": event, "timestamp": rfc3339(at), "data": standard(event) }))
        }
        Scheme::Hmac(terms) => {
            let mut body = standard(event);
            if let Some(EventPlace::Pointer(pointer)) = &terms.event {
                put(&mut body, pointer, event);
            }
            Body::json(&body)
        }
    }
}

fn rfc3339(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| String::new(), |time| time.to_string())
}

fn stripe(event: &str, id: &str, at: i64) -> Value {
    let object = match event.split('.').next().unwrap_or_default() {
        "payment_intent" => json!({
            "id": "pi_3PitonSample", "object": "payment_intent", "amount": 2000, "amount_received": 2000,
            "currency": "usd", "customer": "cus_PitonSample", "description": "A sample", "metadata": {"order": "42"},
            "status": if event.ends_with("payment_failed") { "requires_payment_method" } else { "succeeded" },
        }),
        "charge" => json!({
            "id": "ch_3PitonSample", "object": "charge", "amount": 2000, "amount_refunded": 0, "currency": "usd",
            "customer": "cus_PitonSample", "paid": true, "payment_intent": "pi_3PitonSample", "status": "succeeded",
        }),
        "invoice" => json!({
            "id": "in_1PitonSample", "object": "invoice", "amount_due": 2000, "amount_paid": 2000, "currency": "usd",
            "customer": "cus_PitonSample", "customer_email": "ada@example.com", "status": "paid",
        }),
        "checkout" => json!({
            "id": "cs_test_PitonSample", "object": "checkout.session", "amount_total": 2000, "currency": "usd",
            "customer": "cus_PitonSample", "mode": "payment", "payment_status": "paid", "status": "complete",
        }),
        "customer" if event.starts_with("customer.subscription") => json!({
            "id": "sub_1PitonSample", "object": "subscription", "customer": "cus_PitonSample", "status": "active",
            "currency": "usd", "items": {"object": "list", "data": [{"id": "si_PitonSample", "quantity": 1}]},
        }),
        "customer" => json!({
            "id": "cus_PitonSample", "object": "customer", "email": "ada@example.com", "name": "Ada Lovelace",
        }),
        other => json!({ "id": "obj_PitonSample", "object": other }),
    };
    json!({
        "id": id, "object": "event", "api_version": "2024-06-20", "created": at, "type": event, "livemode": false,
        "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "data": {"object": object},
    })
}

fn github(event: &str) -> Value {
    let (event, action) = event.split_once('.').map_or((event, None), |(event, action)| (event, Some(action)));
    let mut body = json!({
        "repository": {"id": 1, "name": "piton", "full_name": "ada/piton", "private": false, "default_branch": "main"},
        "sender": {"login": "ada", "id": 1, "type": "User"},
    });
    let more = match event {
        "ping" => json!({ "zen": "Keep it logically awesome.", "hook_id": 1 }),
        "push" => json!({
            "ref": "refs/heads/main", "before": "0".repeat(40), "after": "1".repeat(40), "forced": false,
            "pusher": {"name": "ada", "email": "ada@example.com"},
            "commits": [{"id": "1".repeat(40), "message": "A sample", "added": ["a"], "removed": [], "modified": []}],
        }),
        "pull_request" => json!({
            "action": "opened", "number": 1, "pull_request": {"id": 1, "number": 1, "title": "A sample", "state": "open",
            "merged": false, "head": {"ref": "sample", "sha": "1".repeat(40)}, "base": {"ref": "main", "sha": "0".repeat(40)}},
        }),
        "issues" => json!({
            "action": "opened", "issue": {"id": 1, "number": 1, "title": "A sample", "state": "open", "labels": []},
        }),
        "workflow_run" => json!({
            "action": "completed", "workflow_run": {"id": 1, "name": "ci", "status": "completed", "conclusion": "success"},
        }),
        _ => json!({}),
    };
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
        if let Some(action) = action {
            body.insert("action".into(), json!(action));
        }
    }
    body
}

fn slack(event: &str, id: &str, at: i64) -> Value {
    if event == "url_verification" {
        return json!({ "type": event, "token": "legacy", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P" });
    }
    json!({
        "type": "event_callback", "token": "legacy", "team_id": "T0001", "api_app_id": "A0001", "event_id": id, "event_time": at,
        "event": {
            "type": event, "user": "U0001", "text": "<@U0002> is this a sample?", "channel": "C0001",
            "ts": format!("{at}.000100"), "event_ts": format!("{at}.000100"),
        },
    })
}

fn standard(event: &str) -> Value {
    match event.split('.').next().unwrap_or_default() {
        "invoice" | "payment" | "order" => {
            json!({ "id": "in_sample", "amount": 2000, "currency": "usd", "customer": "ada@example.com", "status": "paid" })
        }
        "user" | "customer" => json!({ "id": "user_sample", "email": "ada@example.com", "name": "Ada Lovelace" }),
        _ => json!({ "id": "sample" }),
    }
}

/// Puts the event's name where a pointer says, over what stands there.
fn put(body: &mut Value, pointer: &str, event: &str) {
    let mut place = body;
    for segment in pointer.split('/').skip(1) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name.as_str()];
    }
    *place = json!(event);
}

#[cfg(test)]
mod tests {
    use super::*;
    use piton_shared::time::Timestamp;
    use piton_webhook::{Headers, HmacTerms, Meaning, Outgoing, Secret};

    const AT: i64 = 1_790_000_000;

    #[test]
    fn samples_are_what_their_providers_would_send() {
        let pointed =
            HmacTerms { event: Some(EventPlace::Pointer("/event/kind~1of".into())), ..HmacTerms::new("x-signature") };
        for (scheme, event, name) in [
            (Scheme::Stripe, "payment_intent.succeeded", "stripe.payment_intent.succeeded"),
            (Scheme::Stripe, "customer.subscription.deleted", "stripe.customer.subscription.deleted"),
            (Scheme::Stripe, "anything.else", "stripe.anything.else"),
            (Scheme::Github, "push", "github.push"),
            (Scheme::Github, "pull_request", "github.pull_request.opened"),
            (Scheme::Github, "pull_request.closed", "github.pull_request.closed"),
            (Scheme::Slack, "app_mention", "slack.app_mention"),
            (Scheme::Slack, "slash_command", "slack.slash_command"),
            (Scheme::Standard, "user.created", "standard.user.created"),
            (Scheme::Hmac(pointed), "order.made", "shop.order.made"),
        ] {
            let body = sample(&scheme, event, "id_1", AT);
            let secret = Secret::new("whsec_c2FtcGxl").expect("a secret");
            let signed = scheme.sign(&secret, &Outgoing { id: "id_1", event, at: AT, body: &body.bytes });
            let headers: Vec<_> = signed.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
            let (headers, now) = (Headers::new(&headers), Timestamp::from_micros(AT * 1_000_000));
            let verified =
                scheme.verify(headers, &body.bytes, &[secret], now, std::time::Duration::ZERO).expect("it is signed");
            let kind = scheme.kind(Some(body.content_type)).expect("it is of its type");
            let data = scheme.read(kind, &body.bytes).expect("it reads");
            match scheme.meaning("shop", headers, &data, &verified) {
                Ok(Meaning::Event(described)) => assert_eq!(described.name, name),
                other => panic!("{event}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_form_reads_as_what_was_put_into_it() {
        for scheme in [Scheme::Github, Scheme::Slack] {
            let body = sample(&scheme, usual_event(&scheme), "id_1", AT);
            let form = body.clone().in_a_form();
            let kind = scheme.kind(Some(form.content_type)).expect("it sends forms");
            let read: Value = serde_json::from_slice(&body.bytes).expect("JSON");
            assert_eq!(scheme.read(kind, &form.bytes), Ok(read));
            assert_eq!(form.clone().in_a_form(), form);
        }
    }

    #[test]
    fn a_sample_of_the_seed() {
        let body = sample(&Scheme::Stripe, "payment_intent.succeeded", "evt_1", AT);
        let body: Value = serde_json::from_slice(&body.bytes).expect("JSON");
        insta::assert_json_snapshot!(body);
    }
}
