//! Events, webhooks and schedules, and what they start.

use std::time::Duration;

use piton::{prelude::*, testing::*, *};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const WEEK: Duration = Duration::from_hours(7 * 24);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Customer {
    email: String,
}

/// Two alternatives: whichever comes first makes the input.
#[workflow(triggers(
    event("order.paid", filter = "event.data.total > 100", input = "{'email': 'large: ' + event.data.buyer.email}"),
    event("order.**", filter = "has(event.data.buyer)", input = "event.data.buyer"),
))]
async fn thank(ctx: &WorkflowContext, customer: Customer) -> Result<String> {
    ctx.sleep(Duration::from_mins(1)).await?;
    Ok(customer.email)
}

#[workflow(triggers(event("order.*", filter = "event.data.total > 100")))]
async fn audit(ctx: &WorkflowContext, total: u64, note: Option<String>) -> Result<(u64, Option<String>, Timestamp)> {
    Ok((total, note, ctx.now()))
}

#[workflow(triggers(event("user.*", input = envelope)))]
async fn record(ctx: &WorkflowContext, event: Value) -> Result<Value> {
    let _ = ctx;
    Ok(event)
}

#[workflow(triggers(
    event("odd.filter", filter = "event.data.total > 'many'"),
    event("odd.input", input = "event.data.gone")
))]
async fn odd(ctx: &WorkflowContext) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[workflow(triggers(
    webhook("stripe", event = "charge.*"),
    webhook(
        "github",
        event = "pull_request",
        input = "{'amount': event.data.number, 'currency': event.headers['x-from']}"
    ),
    webhook("hmac", endpoint = "shop", event = "order.paid"),
))]
async fn paid(ctx: &WorkflowContext, amount: i64, currency: String) -> Result<String> {
    let _ = ctx;
    Ok(format!("{amount} {currency}"))
}

#[workflow(triggers(
    cron("0 9 * * 1", tz = "Europe/Berlin", name = "weekly", input = r#"{"topic": "week"}"#),
    cron("@daily", name = "nightly", jitter = "30s", input = r#"{"topic": "night", "least": 3}"#),
))]
async fn digest(ctx: &WorkflowContext, topic: String, least: Option<u32>) -> Result<String> {
    ctx.sleep(Duration::from_hours(30)).await?;
    Ok(format!("{topic} {least:?}"))
}

/// Of invoices that were made out before this year.
#[workflow(triggers(webhook(
    "stripe",
    event = "invoice.*",
    filter = "timestamp(event.time) < timestamp('2026-01-01T00:00:00Z')",
    input = envelope
)))]
async fn late(ctx: &WorkflowContext, delivery: Value) -> Result<Value> {
    let _ = ctx;
    Ok(delivery)
}

fn engine() -> TestEngine {
    TestEngine::new().register(thank).register(audit).register(record).register(odd).register(paid).register(digest)
}

fn order(total: u64) -> Value {
    json!({"total": total, "buyer": {"email": "ada@example.com"}})
}

#[track_caller]
fn published(engine: &TestEngine, name: &str, data: Value) -> Published {
    engine.publish(Event::new(name, data)).blocking().expect("it is a good event")
}

#[test]
fn each_workflow_starts_once_by_the_first_of_its_triggers() {
    let engine = engine();
    let begin = engine.now();
    let large = published(&engine, "order.paid", order(250));
    assert_eq!(large.started(), ["audit", "thank"]);
    assert_eq!(large.run(thank).output(), "large: ada@example.com");
    assert_eq!(large.run(audit).story.tags(), ["event:order.paid"]);
    assert_eq!(large.run(audit).output(), (250, None, begin), "a missing option is none");
    assert_eq!(large.run(thank).story.started_at(), begin, "both begin at once");
    assert_eq!(engine.now(), begin.plus(Duration::from_mins(1)), "and the last has ended");

    let small = published(&engine, "order.paid", order(20));
    assert_eq!(small.started(), ["thank"]);
    assert_eq!(small.run(thank).output(), "ada@example.com");
    assert!(small.refused().is_empty());
    assert_ne!(small.run(thank).story.run_id(), large.run(thank).story.run_id());
}

#[test]
fn what_starts_nothing_says_why_in_the_schedulers_words() {
    let engine = engine();
    let said = |name: &str, data: Value| published(&engine, name, data).to_string();
    let all = [
        said("order.lost", json!({"id": 1})),
        said("order.sent", json!({"total": "much"})),
        said("order.sent", json!({"total": 300, "buyer": "bob"})),
        said("order.sent", json!({"total": 300, "buyer": null})),
        said("order.sent", json!({"total": 300.5})),
        engine.webhook("stripe", json!({"type": "charge.paid"})).blocking().expect("an event").to_string(),
        said("odd.filter", json!({"total": 3})),
        said("odd.input", json!(null)),
        said("charge.failed", json!({"amount": 3, "currency": "eur"})),
        said("stripe.charge.failed", json!({"amount": 3, "currency": "eur"})),
    ];
    insta::assert_snapshot!(all.join("\n--\n"));
}

#[test]
#[should_panic(expected = "no run of `thank` was started: event `user.left`")]
fn a_run_that_was_not_started_is_no_run() {
    drop(published(&engine(), "user.left", json!(null)).run(thank));
}

#[test]
fn the_envelope_says_all_that_is_known() {
    let engine = engine();
    let event = Event::new("user.joined", json!({"id": 7})).id("u-7").at(Timestamp::from_micros(1_500_000));
    let told = engine.publish(event).blocking().expect("it is good").run(record).output();
    assert_eq!(
        told,
        json!({"id": "u-7", "name": "user.joined", "data": {"id": 7}, "source": "published", "origin": "published",
            "time": "1970-01-01T00:00:01.500000Z"}),
    );
}

#[tokio::test]
async fn an_id_is_taken_once_within_its_window() {
    let engine = engine();
    let event = || Event::new("order.sent", order(5)).id("o-1");
    let (first, beside) = tokio::join!(engine.publish(event()).into_future(), engine.publish(event()).into_future());
    let (first, beside) = (first.expect("it is good"), beside.expect("it is good"));
    assert_eq!((first.novelty(), beside.novelty()), (Novelty::New, Novelty::Repeated));
    let run = first.run(thank).story.run_id();
    assert_eq!(beside.run(thank).story.run_id(), run);

    let other = engine.publish(Event::new("user.left", json!(null)).id("o-1")).await.expect("it is good");
    assert_eq!(other.novelty(), Novelty::Repeated, "the id says what it is, and nothing else does");
    assert_eq!((other.name(), other.started()), ("order.sent", vec!["thank"]));

    engine.advance(WEEK);
    let later = engine.publish(event()).await.expect("it is good");
    assert_eq!(later.novelty(), Novelty::New);
    assert_ne!(later.run(thank).story.run_id(), run);
}

#[test]
fn what_no_server_would_accept_is_refused() {
    let engine = engine();
    let error = |event: Event| engine.publish(event).blocking().expect_err("refused").to_string();
    assert_eq!(
        error(Event::new("user..left", 1)),
        "the name `user..left` has an empty segment: dots stand between segments, as in `user.signed_up`"
    );
    assert!(error(Event::new("user.*", 1)).contains("has a `*`"));
    assert!(error(Event::new("user.left", 1).id("")).contains("1 to"));
    assert!(error(Event::new("user.left", f64::NAN)).starts_with("the data cannot be stored: "));
}

#[workflow(triggers(event("a", filter = "evnt.data.age > 3")))]
async fn misspelt(ctx: &WorkflowContext) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[test]
fn a_trigger_that_no_scheduler_takes_is_refused_at_once() {
    let engine = engine().register(misspelt);
    let error = engine.publish(Event::new("b", 1)).blocking().expect_err("refused").to_string();
    let start = "workflow `misspelt` declares what no scheduler takes: a trigger on `a`: its filter: there is no variable `evnt`";
    assert!(error.starts_with(start), "{error}");
}

#[test]
fn a_delivery_is_read_as_its_provider_writes_it() {
    let engine = engine();
    let stripe = json!({"id": "evt_1", "type": "charge.failed", "data": {"object": {"amount": 5, "currency": "eur"}}});
    let first = engine.webhook("stripe", &stripe).blocking().expect("an event");
    assert_eq!((first.name(), first.run(paid).output().as_str()), ("stripe.charge.failed", "5 eur"));
    assert_eq!(engine.webhook("stripe", &stripe).blocking().expect("an event").novelty(), Novelty::Repeated);
    let elsewhere = engine.webhook("stripe", &stripe).endpoint("other").blocking().expect("an event");
    assert_eq!(elsewhere.novelty(), Novelty::New, "its id is known at its endpoint");

    let opened = json!({"action": "opened", "number": 7});
    let github = || engine.webhook("github", &opened).event("pull_request").header("X-From", "usd");
    let first = github().blocking().expect("an event");
    assert_eq!((first.name(), first.run(paid).output().as_str()), ("github.pull_request.opened", "7 usd"));
    let again = github().id("another").blocking().expect("an event");
    assert_eq!(again.novelty(), Novelty::New, "its id decides: GitHub sends equal bytes for two events");
    assert_eq!(github().id("another").blocking().expect("an event").novelty(), Novelty::Repeated);

    let order = json!({"amount": 9, "currency": "chf"});
    let hmac = engine.webhook("hmac", &order).endpoint("shop").event("order.paid").blocking().expect("an event");
    assert_eq!((hmac.name(), hmac.started()), ("shop.order.paid", vec!["paid"]));
    let hmac = engine.webhook("hmac", &order).endpoint("mall").event("order.paid").blocking().expect("an event");
    assert!(hmac.started().is_empty());
}

#[test]
fn a_workflow_gets_the_envelope_that_a_server_makes() {
    let engine = TestEngine::new().register(late);
    let invoice = |id: &str, created: i64| json!({"id": id, "type": "invoice.paid", "created": created});
    let body = invoice("evt_1", 1_767_222_000);
    let delivery = engine.webhook("stripe", &body).header("X-Proxy", "eu").header("Cookie", "a=b");
    let run = delivery.blocking().expect("an event").run(late);
    insta::assert_json_snapshot!(run.output());
    // It happened when its provider says so, and not when it came: this one in the year that begins.
    let other = engine.webhook("stripe", invoice("evt_2", 1_767_225_600)).blocking().expect("an event");
    assert!(other.started().is_empty(), "{other}");
}

#[test]
fn a_delivery_that_brings_no_event_is_refused() {
    let engine = engine();
    let error = |delivery: Delivery<'_>| delivery.blocking().expect_err("refused").to_string();
    let all = [
        error(engine.webhook("strip", json!({}))),
        error(engine.webhook("stripe", json!({}))),
        error(engine.webhook("github", json!({}))),
        error(engine.webhook("github", json!({})).event("ping")),
        error(engine.webhook("slack", json!({"type": "url_verification", "challenge": "c"}))),
        error(engine.webhook("stripe", json!({"type": "charge.failed"})).event("charge.paid")),
        error(engine.webhook("stripe", json!({"type": "charge.failed", "id": "evt_1"})).id("evt_2")),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[workflow(triggers(webhook("standard", input = envelope)))]
async fn keep(ctx: &WorkflowContext, delivery: Value) -> Result<Value> {
    let _ = ctx;
    Ok(delivery)
}

#[test]
fn the_envelope_of_a_delivery_has_its_headers_and_its_body_and_no_signature() {
    let engine = TestEngine::new().register(keep);
    let delivery = engine.webhook("standard", json!({"type": "a.b", "n": 1})).endpoint("svix").id("msg_1");
    let told = delivery.header("X-Trace", "t").blocking().expect("an event").run(keep).output();
    assert_eq!(
        told,
        json!({"source": "standard", "endpoint": "svix", "event_type": "a.b", "delivery_id": "msg_1",
            "occurred_at": "2026-01-01T00:00:00.000000Z", "received_at": "2026-01-01T00:00:00.000000Z", "body": r#"{"n":1,"type":"a.b"}"#, "data": {"type": "a.b", "n": 1},
            "headers": {"webhook-id": "msg_1", "webhook-timestamp": "1767225600", "x-trace": "t"}}),
    );
}

#[test]
fn a_schedule_fires_at_its_next_occurrence_with_its_input() {
    let engine = engine();
    let fire = |name: &str| engine.fire(name).blocking().expect("it is declared");
    let first = fire("weekly");
    assert_eq!(first.local(), "Mon 2026-01-05 09:00:00 +01:00");
    let run = first.run(digest);
    assert_eq!((run.story.started_at(), run.story.tags()), (first.at(), &["schedule:weekly".to_owned()][..]));
    assert_eq!(run.output(), "week None");
    assert_eq!(engine.now(), first.at().plus(Duration::from_hours(30)));

    let night = fire("nightly");
    assert_eq!(night.local(), "Wed 2026-01-07 00:00:00 +00:00", "the first after the run before has ended");
    assert_eq!(night.run(digest).output(), "night Some(3)");
    assert_eq!(fire("weekly").local(), "Mon 2026-01-12 09:00:00 +01:00");
    engine.advance(Duration::from_hours(80 * 24));
    assert_eq!(fire("weekly").local(), "Mon 2026-04-06 09:00:00 +02:00", "at nine also when the clocks have changed");
}

#[workflow(triggers(
    cron("@daily", input = r#"{"topic": 7}"#),
    cron("@daily", name = "weekly", input = r#"{"topic": ""}"#)
))]
async fn other(ctx: &WorkflowContext, topic: String, least: Option<u32>) -> Result<()> {
    let _ = (ctx, topic, least);
    Ok(())
}

#[test]
fn a_schedule_that_cannot_fire_says_why() {
    let engine = engine().register(other);
    let error = |name: &str| engine.fire(name).blocking().expect_err("refused").to_string();
    insta::assert_snapshot!([error("daily"), error("weekly"), error("other")].join("\n"));
    let none = TestEngine::new().fire("daily").blocking().expect_err("refused").to_string();
    assert!(
        none.starts_with("no registered workflow declares a schedule `daily`: there is none; declare one with"),
        "{none}"
    );
}
