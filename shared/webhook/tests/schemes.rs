//! Names, keys and any bytes at all.

use std::time::Duration;

use piton_shared::time::Timestamp;
use piton_webhook::{
    Algorithm, BodyKind, Described, Encoding, EventPlace, Headers, HmacTerms, Meaning, Outgoing, Scheme, Secret,
    Template, Verified,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const TOLERANCE: Duration = Duration::from_mins(5);
const AT: i64 = 1_790_000_000;

fn generic() -> HmacTerms {
    HmacTerms {
        template: Template::new("{id}.{timestamp}.{body}").expect("a template"),
        timestamp_header: Some("x-time".into()),
        id_header: Some("x-id".into()),
        event: Some(EventPlace::Header("x-event".into())),
        prefix: Some("sha512=".into()),
        algorithm: Algorithm::Sha512,
        encoding: Encoding::Base64,
        ..HmacTerms::new("x-signature")
    }
}

fn schemes() -> Vec<Scheme> {
    let pointed = HmacTerms { event: Some(EventPlace::Pointer("/kind".into())), ..HmacTerms::new("x-signature") };
    let mut all = vec![Scheme::Stripe, Scheme::Github, Scheme::Slack, Scheme::Standard];
    all.extend([generic(), pointed].map(Scheme::Hmac));
    all
}

fn now() -> Timestamp {
    Timestamp::from_micros(AT * 1_000_000)
}

fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect()
}

fn verified() -> Verified {
    Verified { secret: 0, signed_at: None, latest: now(), fingerprint: [7; 32] }
}

fn meant(scheme: &Scheme, headers: &[(&str, &[u8])], data: &Value) -> Described {
    match scheme.meaning("shop", Headers::new(headers), data, &verified()) {
        Ok(Meaning::Event(described)) => described,
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_are_named_as_their_providers_name_them() {
    let hmac = |event| Scheme::Hmac(HmacTerms { event, ..HmacTerms::new("x-signature") });
    let github: [(&str, &[u8]); 2] = [("X-GitHub-Event", b"pull_request"), ("X-GitHub-Delivery", b"d")];
    let standard: [(&str, &[u8]); 2] = [("webhook-id", b"m"), ("webhook-event", b"order.made")];
    let topic: [(&str, &[u8]); 1] = [("x-topic", b"orders/create v2")];
    let header = Some(EventPlace::Header("X-Topic".into()));
    let pointer = Some(EventPlace::Pointer("/event/kind".into()));
    for (scheme, headers, data, name) in [
        (
            Scheme::Stripe,
            &[][..],
            json!({"id": "evt_1", "type": "payment_intent.succeeded"}),
            "stripe.payment_intent.succeeded",
        ),
        (Scheme::Github, &github[..], json!({"action": "opened"}), "github.pull_request.opened"),
        (Scheme::Github, &github[..], json!({}), "github.pull_request"),
        (Scheme::Slack, &[], json!({"type": "event_callback", "event": {"type": "app_mention"}}), "slack.app_mention"),
        (Scheme::Slack, &[], json!({"type": "block_actions"}), "slack.block_actions"),
        (Scheme::Slack, &[], json!({"command": "/deploy"}), "slack.slash_command"),
        (Scheme::Standard, &standard[..], json!({"type": "invoice.paid"}), "standard.invoice.paid"),
        (Scheme::Standard, &standard[..], json!({}), "standard.order.made"),
        (Scheme::Standard, &[], json!({}), "standard"),
        (hmac(header.clone()), &topic[..], json!({}), "shop.orders/create_v2"),
        (hmac(header), &[], json!({}), "shop"),
        (hmac(pointer), &[], json!({"event": {"kind": ".a..b."}}), "shop.a.b"),
        (hmac(None), &[], json!([1]), "shop"),
    ] {
        assert_eq!(meant(&scheme, headers, &data).name, name);
    }
}

#[test]
fn what_says_no_event_is_no_event() {
    let of = |scheme: Scheme, data: Value| scheme.meaning("shop", Headers::new(&[]), &data, &verified());
    for scheme in [Scheme::Stripe, Scheme::Github, Scheme::Slack] {
        for data in [json!({}), json!([]), json!({"type": 1}), json!({"type": ""})] {
            assert!(of(scheme.clone(), data).is_err());
        }
    }
    let challenge = of(Scheme::Slack, json!({"type": "url_verification", "challenge": "abc"}));
    assert_eq!(challenge, Ok(Meaning::Challenge("abc".into())));
    let ping: [(&str, &[u8]); 1] = [("x-github-event", b"ping")];
    assert_eq!(
        Scheme::Github.meaning("shop", Headers::new(&ping), &json!({"zen": "…"}), &verified()),
        Ok(Meaning::Ping)
    );
}

#[test]
fn a_raw_secret_of_standard_webhooks_is_accepted_too() {
    let terms = HmacTerms { prefix: Some("v1,".into()), algorithm: Algorithm::Sha256, ..generic() };
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    let outgoing = Outgoing { id: "m", event: "a", at: AT, body: b"{}" };
    // The generic scheme takes the secret's own bytes for the key.
    let headers = Scheme::Hmac(terms).sign(&secret, &outgoing);
    let rename = |name: &str| match name {
        "x-id" => "webhook-id",
        "x-time" => "webhook-timestamp",
        "x-signature" => "webhook-signature",
        _ => "x-else",
    };
    let headers: Vec<_> = headers.iter().map(|(name, value)| (rename(name), value.as_bytes())).collect();
    let verified = Scheme::Standard.verify(Headers::new(&headers), b"{}", &[secret], now(), TOLERANCE);
    assert!(verified.is_ok(), "{verified:?}");
}

#[test]
fn an_endpoint_takes_what_its_patterns_mean() {
    let github = |action: &str| {
        let headers: [(&str, &[u8]); 1] = [("X-GitHub-Event", b"pull_request")];
        meant(&Scheme::Github, &headers, &json!({"action": action}))
    };
    let takes = |patterns: &[&str], event: &Described| {
        let patterns: Vec<_> = patterns.iter().map(|text| text.parse().expect("a pattern")).collect();
        Scheme::Github.takes(&patterns, event)
    };
    let opened = github("opened");
    for good in [&[][..], &["push", "pull_request"], &["pull_request.opened"], &["*.opened"], &["**"]] {
        assert!(takes(good, &opened), "{good:?}");
    }
    assert!(!takes(&["push"], &opened) && !takes(&["pull_request.closed"], &opened));
    let unnamed = meant(&Scheme::Standard, &[], &json!({}));
    assert!(Scheme::Standard.takes(&[], &unnamed));
    assert!(!Scheme::Standard.takes(&["**".parse().expect("a pattern")], &unnamed), "it says no name");
    let stripe = meant(&Scheme::Stripe, &[], &json!({"type": "payment_intent.succeeded"}));
    assert!(Scheme::Stripe.takes(&["payment_intent.*".parse().expect("a pattern")], &stripe));
    assert!(!Scheme::Stripe.takes(&["payment_intent".parse().expect("a pattern")], &stripe));
}

/// What providers send to try an address, as their documents have it.
#[test]
fn probes_are_no_events() {
    let of = |scheme: &Scheme, headers: &[(&str, &[u8])], data: Value| {
        scheme.meaning("shop", Headers::new(headers), &data, &verified())
    };
    for kind in ["ping", "v2.core.event_destination.ping"] {
        assert_eq!(of(&Scheme::Stripe, &[], json!({"id": "evt_1", "type": kind})), Ok(Meaning::Ping));
    }
    assert_eq!(of(&Scheme::Slack, &[], json!({"ssl_check": "1", "token": "t"})), Ok(Meaning::Ping));
    assert!(matches!(of(&Scheme::Slack, &[], json!({"ssl_check": "1", "command": "/a"})), Ok(Meaning::Event(_))));
    // Svix's examples are events like others.
    assert!(matches!(of(&Scheme::Standard, &[("svix-id", b"msg_1")], json!({"type": "ping"})), Ok(Meaning::Event(_))));
}

#[test]
fn only_slacks_check_of_a_certificate_passes_unsigned() {
    let probe = |scheme: &Scheme, kind, headers: &[(&str, &[u8])], body: &str| {
        scheme.is_unsigned_probe(kind, Headers::new(headers), body.as_bytes())
    };
    for good in ["ssl_check=1", "ssl_check=1&token=x", "token=x&team_id=T&ssl_check=1"] {
        assert!(probe(&Scheme::Slack, BodyKind::Form, &[], good), "{good}");
        assert!(!probe(&Scheme::Slack, BodyKind::Form, &[("X-Slack-Signature", b"v0=00")], good), "{good}");
        assert!(!probe(&Scheme::Github, BodyKind::Form, &[], good), "{good}");
    }
    for bad in [
        "",
        "ssl_check=0",
        "ssl_check=",
        "ssl_check=1&command=%2Fdeploy",
        "payload=%7B%22ssl_check%22%3A%220%22%7D",
        "%",
    ] {
        assert!(!probe(&Scheme::Slack, BodyKind::Form, &[], bad), "{bad}");
    }
    assert!(!probe(&Scheme::Slack, BodyKind::Json, &[], "{\"ssl_check\":\"1\"}"));
    assert!(!probe(&Scheme::Slack, BodyKind::Json, &[], "{\"type\":\"url_verification\",\"challenge\":\"c\"}"));
}

fn names() -> impl Strategy<Value = String> {
    let known = [
        "Stripe-Signature",
        "X-Hub-Signature-256",
        "X-GitHub-Event",
        "X-GitHub-Delivery",
        "X-Slack-Signature",
        "X-Slack-Request-Timestamp",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "svix-id",
        "svix-timestamp",
        "svix-signature",
        "x-signature",
        "x-time",
        "x-id",
        "x-event",
    ];
    prop_oneof![9 => prop::sample::select(known.to_vec()).prop_map(ToOwned::to_owned), 1 => any::<String>()]
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        "(t=|v1=|v0=|v1,|sha256=|sha512=|,| |=|[0-9a-f]{0,70}|[0-9]{0,25}|[A-Za-z0-9+/]{0,90}){0,8}"
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn what_we_sign_is_accepted_and_only_with_the_secret(
        body: Vec<u8>, id in "[a-z0-9_]{1,20}", event in "[a-z_.]{1,20}", secret in "[ -~]{0,30}x", other in "[ -~]{0,30}y",
    ) {
        let secret = Secret::new(secret.trim()).expect("a secret");
        let other = Secret::new(other.trim()).expect("a secret");
        for scheme in schemes() {
            let signed = scheme.sign(&secret, &Outgoing { id: &id, event: &event, at: AT, body: &body });
            let headers = borrowed(&signed);
            let verify = |secrets: &[Secret]| scheme.verify(Headers::new(&headers), &body, secrets, now(), TOLERANCE);
            prop_assert_eq!(verify(&[other.clone(), secret.clone()]).map(|it| it.secret), Ok(1));
            prop_assert!(verify(std::slice::from_ref(&other)).is_err());
        }
    }

    #[test]
    fn no_bytes_are_a_panic_and_none_are_believed(
        headers in prop::collection::vec((names(), values()), 0..8), body: Vec<u8>, now: i64, text: String,
    ) {
        let list: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let headers = Headers::new(&list);
        let secret = [Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret")];
        for scheme in schemes() {
            prop_assert!(scheme.verify(headers, &body, &secret, Timestamp::from_micros(now), Duration::MAX).is_err());
            for kind in [BodyKind::Json, BodyKind::Form] {
                if let Ok(data) = scheme.read(kind, &body) {
                    let _ = scheme.meaning("shop", headers, &data, &verified());
                }
            }
            let data = json!({
                "type": text, "id": text, "action": text, "event": {"type": text}, "kind": text, "created": now, "event_time": now,
                "timestamp": text,
            });
            if let Ok(Meaning::Event(described)) = scheme.meaning("shop", headers, &data, &verified()) {
                prop_assert!(described.name.len() <= piton_shared::limits::EVENT_NAME_BYTES);
                prop_assert!(described.name.split('.').all(|segment| !segment.is_empty()), "{}", described.name);
                prop_assert!(described.occurred_at.is_none_or(|at| at <= verified().latest), "{:?}", described.occurred_at);
            }
            let _ = scheme.kind(Some(&text));
        }
        let _ = Template::new(&text).map(|template| template.to_string());
    }
}
