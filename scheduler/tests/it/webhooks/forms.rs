//! GitHub's deliveries as it sends them unless it is told otherwise: a form with the JSON in its field `payload`.

use piton_shared::trigger::Provider;
use piton_webhook::{Scheme, Secret};
use serde_json::json;

use super::{Hook, Sending, declare, on};
use crate::api::{House, answer};

const FORM: &str = "application/x-www-form-urlencoded";
/// `{"action":"opened","number":7,"title":"a b+c"}`.
const OPENED: &str = "payload=%7B%22action%22%3A%22opened%22%2C%22number%22%3A7%2C%22title%22%3A%22a+b%2Bc%22%7D";

fn form<'a>(hook: &'a Hook, id: &'a str, event: &'a str, body: &str) -> Sending<'a> {
    Sending { content_type: FORM, ..hook.sending(id, event, body) }
}

#[tokio::test]
async fn a_form_of_github_starts_what_its_payload_means() {
    let house = House::new("hook_forms").await;
    let door = &house.door;
    let hook = Hook::make(&house, "code", Scheme::Github).await;
    declare(&house, "review", on(Provider::Github, Some("pull_request.opened")), &["number", "title"]).await;
    let ping = form(&hook, "d-1", "ping", "payload=%7B%22zen%22%3A%22Keep+it+simple.%22%7D").send(door).await;
    assert_eq!((ping.status, ping.text("outcome")), (200, "ping"));
    let sent = form(&hook, "d-2", "pull_request", OPENED).send(door).await;
    assert_eq!((sent.status, sent.text("outcome")), (200, "accepted"));
    let record = door.get(&format!("/v1/deliveries/{}", sent.text("delivery_id"))).await;
    assert_eq!((record.text("body"), record.text("event_type")), (OPENED, "pull_request.opened"));
    let run = record.body["outcomes"][0]["run_id"].as_str().unwrap_or_else(|| panic!("{:#}", record.body)).to_owned();
    let run = door.get(&format!("/v1/runs/{run}")).await;
    assert_eq!(run.body["input"], json!({"number": 7, "title": "a b+c"}));
    // Whoever asks for it again in GitHub's settings may have chosen the other type meanwhile.
    let json = hook.sending("d-2", "pull_request", "{\"action\":\"opened\",\"number\":7,\"title\":\"a b+c\"}");
    assert_eq!(json.send(door).await.text("outcome"), "repeated");
    house.finish().await;
}

#[tokio::test]
async fn a_form_is_verified_as_it_came_and_refused_for_what_is_wrong_with_it() {
    let house = House::new("hook_forms_wrong").await;
    let door = &house.door;
    let hook = Hook::make(&house, "code", Scheme::Github).await;
    let forged = Hook { secret: Secret::new("another").expect("a secret"), ..hook.clone() };
    for body in [OPENED, "a=1", "payload=%"] {
        let refused = form(&forged, "d-1", "push", body).send(door).await;
        assert_eq!(refused.brief(), "401 webhook_refused", "whatever stands in it is not looked at: {body}");
    }
    // The same form in other bytes was signed by nobody.
    let signed = form(&hook, "d-1", "pull_request", OPENED).request(door);
    assert_eq!(answer(signed.body(OPENED.replace('+', "%20"))).await.brief(), "401 webhook_refused");

    let mut said = Vec::new();
    for (body, brief) in [
        ("a=1&b=2", "422 unreadable_delivery"),
        ("payload=1&payload=2", "422 unreadable_delivery"),
        ("payload=%7B%22a%22", "400 invalid_json"),
        ("payload=%", "400 invalid_json"),
        ("payload=18446744073709551616", "422 unreadable_delivery"),
    ] {
        let refused = form(&hook, "d-1", "push", body).send(door).await;
        assert_eq!(refused.brief(), brief, "{body}");
        said.push(refused.text("detail").to_owned());
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    the form has to have one field `payload` with the JSON, and this one has 0
    the form has to have one field `payload` with the JSON, and this one has 2
    the form's `payload` is no JSON: line 1, column 4
    the body is no form
    the body has an integer that 64 bits do not hold, at ``
    ");
    let mut kept: Vec<_> = hook.deliveries(&house, "&verdict=unreadable").await;
    kept.reverse();
    let reasons: Vec<_> = kept.iter().map(|delivery| delivery["reason"].as_str().expect("a text")).collect();
    assert_eq!(reasons, said, "the owner is told what the sender is");

    let stripe = Hook::make(&house, "pay", Scheme::Stripe).await;
    assert_eq!(form(&stripe, "evt_1", "x", OPENED).send(door).await.brief(), "415 unsupported_media_type");
    let accepted = form(&hook, "d-2", "pull_request", OPENED).send(door).await;
    assert_eq!(accepted.text("outcome"), "accepted", "nothing of it is remembered against the next");
    house.finish().await;
}

/// Slack tries an address with a form that it does not sign, and wants 200. Nothing else passes without a signature.
#[tokio::test]
async fn a_check_of_the_certificate_by_slack_is_answered_and_starts_nothing() {
    let house = House::new("hook_ssl_check").await;
    let door = &house.door;
    let slack = Hook::make(&house, "chat", Scheme::Slack).await;
    let github = Hook::make(&house, "code", Scheme::Github).await;
    let unsigned = async |hook: &Hook, body: &str| {
        let request = door.request(reqwest::Method::POST, &hook.path).header("content-type", FORM);
        answer(request.body(body.to_owned())).await
    };
    let probe = unsigned(&slack, "ssl_check=1&token=Gx7z").await;
    assert_eq!((probe.status, probe.text("outcome")), (200, "ping"));
    for (hook, body) in [
        (&slack, "ssl_check=0&token=Gx7z"),
        (&slack, "ssl_check=1&command=%2Fdeploy"),
        (&slack, "command=%2Fdeploy"),
        (&github, "ssl_check=1&token=Gx7z"),
    ] {
        assert_eq!(unsigned(hook, body).await.brief(), "401 webhook_refused", "{body}");
    }
    let signed = form(&slack, "", "", "ssl_check=1&token=Gx7z").send(door).await;
    assert_eq!((signed.status, signed.text("outcome")), (200, "ping"));
    let forged = Hook { secret: Secret::new("another").expect("a secret"), ..slack.clone() };
    let forged = form(&forged, "", "", "ssl_check=1&token=Gx7z").send(door).await;
    assert_eq!(forged.brief(), "401 webhook_refused", "one with a signature is held to it");
    assert!(house.runs().await.is_empty());
    house.finish().await;
}
