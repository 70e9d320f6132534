use piton_scheduler::api::Access;
use piton_shared::limits::WEBHOOK_BODY_BYTES;
use piton_webhook::{Scheme, Secret};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Hook, SECRET, hmac, payment};
use crate::api::{House, answer, assert_shape};

#[tokio::test]
async fn each_status_and_nothing_started() {
    let house = House::new("hook_statuses").await;
    let door = &house.door;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;

    let nowhere = Hook { path: "/v1/hooks/0197a000-0000-4000-8000-000000000001".into(), ..hook.clone() };
    let unknown = nowhere.payment("evt_0").send(door).await;
    assert_eq!(unknown.brief(), "404 unknown_webhook");
    let malformed = Hook { path: "/v1/hooks/pay".into(), ..hook.clone() };
    let also = malformed.payment("evt_0").send(door).await;
    assert_eq!((also.brief(), &also.body["detail"]), (unknown.brief(), &unknown.body["detail"]), "nobody learns more");

    let large = hook.sending("evt_1", "x", " ".repeat(WEBHOOK_BODY_BYTES + 1));
    assert_eq!(large.send(door).await.brief(), "413 body_too_large");

    let mut text = hook.payment("evt_2");
    text.content_type = "text/plain";
    assert_eq!(text.send(door).await.brief(), "415 unsupported_media_type");
    let encoded = hook.payment("evt_2").request(door).header("content-encoding", "gzip");
    assert_eq!(answer(encoded).await.brief(), "415 unsupported_media_type");

    let other = Hook { secret: Secret::new("whsec_another").expect("a secret"), ..hook.clone() };
    let wrong = other.payment("evt_3").send(door).await;
    let mut dated = hook.payment("evt_4");
    dated.dated = -310;
    let stale = dated.send(door).await;
    dated.dated = 310;
    let early = dated.send(door).await;
    let unsigned = door.request(Method::POST, &hook.path).header("content-type", "application/json").body("{}");
    let unsigned = answer(unsigned).await;
    for refused in [&wrong, &stale, &early, &unsigned] {
        assert_eq!(refused.brief(), "401 webhook_refused");
        assert_eq!(refused.body["detail"], wrong.body["detail"], "whatever is wrong is answered alike");
        assert!(!refused.headers.contains_key("www-authenticate"), "no key would help");
    }

    assert_eq!(hook.sending("evt_5", "x", "{\"type\":").send(door).await.brief(), "400 invalid_json");
    for (id, body) in [("evt_6", "{}"), ("evt_7", "{\"type\":\"a\",\"n\":18446744073709551616}")] {
        assert_eq!(hook.sending(id, "x", body).send(door).await.brief(), "422 unreadable_delivery");
    }
    assert_eq!(answer(door.request(Method::GET, &hook.path)).await.brief(), "405 method_not_allowed");

    let accepted = hook.payment("evt_8").send(door).await;
    assert_eq!((accepted.status, accepted.text("outcome")), (200, "accepted"));

    let seen: Vec<_> = hook.deliveries(&house, "").await;
    let brief = |delivery: &serde_json::Value| {
        // How long ago it was signed depends on how long the test took.
        let reason = delivery["reason"]
            .as_str()
            .unwrap_or("")
            .replace(|c: char| c.is_ascii_digit(), "_")
            .replace("__", "_")
            .replace("__", "_");
        format!("{} {} {}", delivery["status"], delivery["verdict"].as_str().expect("a word"), reason)
    };
    insta::assert_snapshot!(seen.iter().rev().map(brief).collect::<Vec<_>>().join("\n"));
    assert_eq!(hook.deliveries(&house, "&verdict=refused").await.len(), 4);
    assert!(house.runs().await.is_empty(), "no workflow listens");
    let text = door.request(Method::GET, "/metrics").send().await.expect("answered").text().await.expect("text");
    for line in
        ["refused\"} 4", "accepted\"} 1", "too_large\"} 1", "wrong_type\"} 2", "unreadable\"} 3", "unknown\"} 1"]
    {
        assert!(text.contains(&format!("piton_webhook_deliveries_total{{outcome=\"{line}")), "{line}");
    }
    house.finish().await;
}

#[tokio::test]
async fn what_a_reason_quotes_is_on_record_as_it_can_be_kept() {
    let house = House::new("hook_quotes").await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    let long = "x".repeat(100_000);
    for name in ["a\\u0000\\u001b[2Jb", &*long] {
        let body = format!("{{\"type\":\"a\",\"{name}\":18446744073709551616}}");
        let refused = hook.sending("evt_1", "x", body).send(&house.door).await;
        assert_eq!(refused.brief(), "422 unreadable_delivery");
        let record = &hook.deliveries(&house, "&verdict=unreadable").await[0];
        assert_eq!(record["reason"], refused.body["detail"]);
        let reason = record["reason"].as_str().expect("a text");
        assert!(reason.len() < 300 && !reason.contains(char::is_control), "{reason:?}");
    }
    assert_eq!(hook.deliveries(&house, "&verdict=unreadable").await.len(), 2);
    house.finish().await;
}

#[tokio::test]
async fn a_body_that_says_too_much_is_not_read() {
    let house = House::new("hook_large").await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    let mut stream = TcpStream::connect(house.door.address).await.expect("the door is open");
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9999999999\r\n\r\n",
        hook.path
    );
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    let mut told = vec![0; 4096];
    let read = tokio::time::timeout(crate::api::PATIENCE, stream.read(&mut told)).await.expect("answered at once");
    let told = String::from_utf8_lossy(&told[..read.expect("an answer")]).into_owned();
    assert!(told.starts_with("HTTP/1.1 413 "), "{told}");
    house.finish().await;
}

#[tokio::test]
async fn providers_are_answered_as_they_expect() {
    let house = House::new("hook_handshakes").await;
    let door = &house.door;
    let slack = Hook::make(&house, "chat", Scheme::Slack).await;
    let challenge = json!({"type": "url_verification", "token": "x", "challenge": "3eZbrw1aBm2r"}).to_string();
    let answered = slack.sending("x", "x", challenge.clone()).send(door).await;
    assert_eq!((answered.status, &answered.body), (200, &json!({"challenge": "3eZbrw1aBm2r"})));
    let forged = Hook { secret: Secret::new("another").expect("a secret"), ..slack.clone() };
    assert_eq!(forged.sending("x", "x", challenge).send(door).await.status, 401, "only Slack is answered");

    let mention = json!({"type": "event_callback", "event_id": "Ev1", "event": {"type": "app_mention"}}).to_string();
    assert_eq!(slack.sending("x", "x", mention).send(door).await.text("outcome"), "accepted");
    let mut command = slack.sending("x", "x", "command=%2Fdeploy&text=web+now");
    command.content_type = "application/x-www-form-urlencoded";
    assert_eq!(command.send(door).await.text("outcome"), "accepted");

    let github = Hook::make(&house, "code", Scheme::Github).await;
    let ping = github.sending("d-1", "ping", "{\"zen\":\"Design for failure.\"}").send(door).await;
    assert_eq!((ping.status, ping.text("outcome")), (200, "ping"));
    let push = github.sending("d-2", "push", "{\"ref\":\"refs/heads/main\"}").send(door).await;
    assert_eq!(push.text("outcome"), "accepted");

    let standard = Hook::make(&house, "invoices", Scheme::Standard).await;
    assert_eq!(
        standard.sending("m-1", "x", "{\"type\":\"invoice.paid\"}").send(door).await.text("outcome"),
        "accepted"
    );
    let shop = Hook::make(&house, "shop", hmac()).await;
    assert_eq!(shop.sending("1", "x", "{\"a\":1}").send(door).await.text("outcome"), "accepted");

    assert!(house.runs().await.is_empty());
    let kept = slack.deliveries(&house, "").await;
    let words: Vec<_> = kept.iter().map(|delivery| delivery["verdict"].as_str().expect("a word")).collect();
    assert_eq!(words, ["accepted", "accepted", "refused", "challenge"]);
    house.finish().await;
}

#[tokio::test]
async fn what_an_endpoint_does_not_take_is_filtered_and_what_it_may_not_now_waits() {
    let house = House::new("hook_filters").await;
    let door = &house.door;
    let hook = Hook::with(&house, "pay", Scheme::Stripe, json!({"events": ["payment_intent.*"]})).await;
    let body = json!({"id": "evt_1", "type": "invoice.paid"}).to_string();
    let filtered = hook.sending("evt_1", "x", body).send(door).await;
    assert_eq!((filtered.status, filtered.text("outcome")), (200, "filtered"));
    assert_eq!(hook.payment("evt_2").send(door).await.text("outcome"), "accepted");

    let change =
        async |body: serde_json::Value| answer(door.request(Method::PATCH, "/v1/webhooks/pay").json(&body)).await;
    assert_eq!(change(json!({"state": "paused"})).await.text("state"), "paused");
    let paused = hook.payment("evt_3").send(door).await;
    assert_eq!((paused.brief(), &*paused.headers["retry-after"]), ("503 webhook_paused".into(), "300"));
    change(json!({"state": "active", "events": []})).await;
    assert_eq!(hook.payment("evt_3").send(door).await.text("outcome"), "accepted", "it came again");
    let record = hook.deliveries(&house, "&verdict=paused").await;
    assert_eq!(record.len(), 1);
    house.finish().await;
}

/// Without keys a door is for this machine; a hook is for whoever can sign, and tunnels bring other names.
#[tokio::test]
async fn tunnels_lead_to_hooks_and_to_nothing_else() {
    let house = House::new("hook_tunnels").await;
    let door = &house.door;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    let through = |request: reqwest::RequestBuilder| {
        request.header("host", "piton.tunnel.example").header("origin", "https://dashboard.stripe.com")
    };
    let sent = through(hook.payment("evt_1").request(door)).header("x-forwarded-for", "203.0.113.9, 10.0.0.1");
    assert_eq!(answer(sent).await.text("outcome"), "accepted");
    for path in ["/v1/webhooks", "/v1/webhooks/pay", "/v1/webhooks/pay/deliveries", "/v1/runs"] {
        assert_eq!(answer(through(door.request(Method::GET, path))).await.brief(), "403 foreign_origin", "{path}");
    }
    let kept = &hook.deliveries(&house, "").await[0];
    assert_eq!(kept["remote_address"], "127.0.0.1");
    assert_eq!(kept["forwarded_for"], "203.0.113.9, 10.0.0.1");
    house.finish().await;
}

#[tokio::test]
async fn hooks_need_no_key_and_everything_else_does() {
    let house = House::with("hook_keys", Access::Keys).await;
    let open = house.another().await;
    let made = open.post("/v1/webhooks", &json!({"name": "pay", "provider": "stripe", "secret": SECRET})).await;
    let hook = Hook {
        id: made.text("id").into(),
        path: made.text("path").into(),
        scheme: Scheme::Stripe,
        secret: Secret::new(SECRET).expect("a secret"),
    };
    assert_eq!(hook.payment("evt_1").send(&house.door).await.text("outcome"), "accepted");
    assert_eq!(house.door.get("/v1/webhooks").await.brief(), "401 unauthorized");
    open.close().await;
    house.finish().await;
}

#[tokio::test]
async fn a_delivery_is_shown_without_what_nobody_may_see() {
    let house = House::new("hook_record").await;
    let hook = Hook::make(&house, "pay", Scheme::Stripe).await;
    let request =
        hook.payment("evt_1").request(&house.door).header("authorization", "Bearer pk_leak").header("cookie", "a=leak");
    let sent = answer(request.header("user-agent", "Stripe/1.0")).await;
    let shown = house.door.get(&format!("/v1/deliveries/{}", sent.text("delivery_id"))).await;
    assert_eq!(shown.body["body"], json!(payment("evt_1")));
    let mut masked = shown.body.clone();
    for volatile in ["headers", "body_sha256"] {
        masked[volatile] = json!("…");
    }
    assert_shape!(masked);
    let headers = &shown.body["headers"];
    assert_eq!(headers["user-agent"], "Stripe/1.0");
    for name in ["stripe-signature", "authorization", "cookie"] {
        assert_eq!(headers[name], "[taken out]");
    }
    assert!(!shown.body.to_string().contains("leak"));
    let unknown = house.door.get("/v1/deliveries/0197a000-0000-7000-8000-000000000001").await;
    assert_eq!(unknown.brief(), "404 unknown_delivery");
    house.finish().await;
}
