//! Which deliveries are one event: five schemes, ids of their own, equal bytes.

use piton_shared::time::Timestamp;
use piton_webhook::{
    DeduplicateBy, EventPlace, Headers, HmacTerms, Meaning, Meaningless, Outgoing, Scheme, Secret, Template,
};
use std::time::Duration;

const AT: i64 = 1_790_000_000;

fn terms(template: &str) -> HmacTerms {
    let header = |name: &str| template.contains(&format!("{{{name}}}")).then(|| format!("x-{name}"));
    HmacTerms {
        template: Template::new(template).expect("a template"),
        timestamp_header: header("timestamp"),
        id_header: Some("x-id".into()),
        ..HmacTerms::new("x-signature")
    }
}

/// The keys of a delivery as the provider signs it.
fn keys(scheme: &Scheme, id: &str, event: &str, at: i64, body: &str) -> Result<Vec<String>, Meaningless> {
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    let sent = scheme.sign(&secret, &Outgoing { id, event, at, body: body.as_bytes() });
    let sent: Vec<_> = sent.iter().filter(|(_, value)| !value.is_empty()).collect();
    let list: Vec<_> = sent.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
    let (headers, now) = (Headers::new(&list), Timestamp::from_micros(AT * 1_000_000));
    let verified = scheme.verify(headers, body.as_bytes(), &[secret], now, Duration::from_mins(5)).expect("signed");
    let data = serde_json::from_str(body).expect("JSON");
    scheme.meaning("shop", headers, &data, &verified).map(|meaning| match meaning {
        Meaning::Event(event) => event.keys,
        Meaning::Challenge(_) | Meaning::Ping => panic!("an event"),
    })
}

fn is_repeated(first: &[String], second: &[String]) -> bool {
    second.iter().any(|key| first.contains(key))
}

#[test]
fn the_providers_id_decides_where_there_is_one() {
    let hmac = |template| Scheme::Hmac(terms(template));
    for scheme in
        [Scheme::Github, Scheme::Standard, hmac("{body}"), hmac("{timestamp}.{body}"), hmac("{id}.{timestamp}.{body}")]
    {
        let of = |id, event, body| keys(&scheme, id, event, AT, body).expect("an event");
        let first = of("1", "workflow_dispatch", "{\"ref\":\"main\"}");
        assert!(
            !is_repeated(&first, &of("2", "workflow_dispatch", "{\"ref\":\"main\"}")),
            "{scheme:?}: ids of their own"
        );
        assert!(!is_repeated(&first, &of("2", "push", "{\"ref\":\"main\"}")), "{scheme:?}: another event's name");
        assert!(is_repeated(&first, &of("1", "workflow_dispatch", "{\"ref\":\"main\"}")), "{scheme:?}: a retry");
        let later = keys(&scheme, "1", "workflow_dispatch", AT + 5, "{\"ref\":\"main\"}").expect("an event");
        assert!(is_repeated(&first, &later), "{scheme:?}: a retry that is signed anew");
    }
    for (scheme, one, two) in [
        (Scheme::Stripe, "{\"id\":\"evt_1\",\"type\":\"a\"}", "{\"id\":\"evt_2\",\"type\":\"a\"}"),
        (Scheme::Slack, "{\"event_id\":\"E1\",\"type\":\"a\"}", "{\"event_id\":\"E2\",\"type\":\"a\"}"),
    ] {
        let of = |at, body| keys(&scheme, "", "", at, body).expect("an event");
        assert!(is_repeated(&of(AT, one), &of(AT + 5, one)), "{scheme:?}");
        assert!(!is_repeated(&of(AT, one), &of(AT, two)), "{scheme:?}");
    }
}

/// Slack's commands and interactions have no id: what it signs has the time.
#[test]
fn what_is_signed_decides_where_there_is_no_id() {
    let of = |scheme: &Scheme, event, at, body| keys(scheme, "", event, at, body).expect("an event");
    for scheme in [Scheme::Stripe, Scheme::Slack] {
        let first = of(&scheme, "", AT, "{\"type\":\"a\"}");
        assert!(is_repeated(&first, &of(&scheme, "", AT, "{\"type\":\"a\"}")), "{scheme:?}");
        assert!(!is_repeated(&first, &of(&scheme, "", AT + 1, "{\"type\":\"a\"}")), "{scheme:?}: signed later");
    }
    let first = of(&Scheme::Github, "push", AT, "{}");
    assert!(is_repeated(&first, &of(&Scheme::Github, "push", AT, "{}")));
    assert!(!is_repeated(&first, &of(&Scheme::Github, "fork", AT, "{}")), "another event's name");
}

#[test]
fn a_generic_endpoint_deduplicates_as_it_says() {
    let with = |by, id_header: Option<&str>| {
        let terms = HmacTerms { deduplicate_by: by, id_header: id_header.map(Into::into), ..terms("{body}") };
        assert_eq!(terms.check(), Ok(()));
        Scheme::Hmac(HmacTerms { event: Some(EventPlace::Header("x-event".into())), ..terms })
    };
    // Of two deliveries with equal bytes: with one id and with two, and with one id but other bytes.
    for (by, id_header, same, others, bytes) in [
        (None, Some("x-id"), true, false, true),
        (Some(DeduplicateBy::Id), Some("x-id"), true, false, true),
        (Some(DeduplicateBy::IdOrContent), Some("x-id"), true, true, true),
        (Some(DeduplicateBy::Content), Some("x-id"), true, true, false),
        (Some(DeduplicateBy::None), Some("x-id"), false, false, false),
        (None, None, true, true, false),
        (Some(DeduplicateBy::None), None, false, false, false),
    ] {
        let scheme = with(by, id_header);
        let of = |id, event, body| keys(&scheme, id, event, AT, body).expect("an event");
        let first = of("1", "a", "{}");
        assert_eq!(is_repeated(&first, &of("1", "a", "{}")), same, "{by:?} {id_header:?}");
        assert_eq!(is_repeated(&first, &of("2", "a", "{}")), others, "{by:?} {id_header:?}");
        assert_eq!(is_repeated(&first, &of("1", "a", "[]")), bytes, "{by:?} {id_header:?}");
        assert!(!is_repeated(&first, &of("2", "b", "{}")), "{by:?} {id_header:?}: another event's name");
    }
    let no_id = keys(&with(None, Some("x-id")), "", "a", AT, "{}");
    assert_eq!(no_id, Err(Meaningless::NoId("x-id".into())));
}

/// The dashboard's test events are of every type and have one id.
#[test]
fn test_events_of_stripe_are_events_of_their_own() {
    let of = |at, event| {
        let body = format!("{{\"id\":\"evt_00000000000000\",\"type\":\"{event}\"}}");
        keys(&Scheme::Stripe, "", "", at, &body).expect("an event")
    };
    let first = of(AT, "charge.paid");
    assert!(!is_repeated(&first, &of(AT, "invoice.paid")));
    assert!(!is_repeated(&first, &of(AT + 1, "charge.paid")), "sent once more by hand");
    assert!(is_repeated(&first, &of(AT, "charge.paid")));
}
