use piton_expressions::on_deep_stack;
use piton_shared::{
    codec,
    name::{Org, Queue},
    time::Timestamp,
    trigger::{EventTrigger, InputRule, Provider, WebhookTrigger},
};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    event::Origin,
    store::{Listens, OrgTriggers, TriggerRow, TriggerState},
};

/// A trigger: workflow, place if declared, pattern, filter, input.
fn trigger(number: u128, workflow: &str, place: Option<u32>, listens: Listens) -> TriggerRow {
    TriggerRow {
        id: Uuid::from_u128(number),
        org: Org::DEFAULT,
        workflow: workflow.into(),
        source: place.map_or(Source::Made, |place| Source::Declared { place }),
        listens,
        queue: Queue::DEFAULT,
        build: None,
        state: TriggerState::Active,
        version: 1,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    }
}

fn on(pattern: &str, filter: Option<&str>, input: InputRule) -> Listens {
    Listens::Event(EventTrigger { pattern: pattern.into(), filter: filter.map(ToOwned::to_owned), input })
}

fn made_by(expression: &str) -> InputRule {
    InputRule::Expression(expression.into())
}

fn event(name: &str, data: &Value, origin: Origin) -> EventRow {
    EventRow {
        id: Uuid::from_u128(7),
        org: Org::DEFAULT,
        name: name.into(),
        given_id: Some("e7".into()),
        data: Some(codec::from_json(data).expect("it encodes")),
        envelope: None,
        origin,
        occurred_at: None,
        accepted_at: Timestamp::EPOCH,
        trace: None,
    }
}

fn shown(triggers: Vec<TriggerRow>, event: &EventRow) -> String {
    let org = OrgTriggers { org: "default".into(), version: 1, triggers };
    let set = TriggerSet::new(org, None);
    let decided = on_deep_stack(|room| {
        let mut deciding = Deciding::default();
        let nothing = KnownWorkflows::new();
        // Interrupted after every trigger: it comes to the same.
        while deciding.go_on(room, &set, event, &nothing, || false).expect("a thread starts") == Progress::Interrupted {
        }
        deciding.end()
    });
    let decided = decided.expect("a thread starts");
    let mut lines: Vec<_> = decided
        .decisions
        .iter()
        .map(|decision| {
            let came = match &decision.input {
                Ok(input) => codec::to_json(input).expect("it reads").to_string(),
                Err((reason, detail)) => format!("{}: {detail}", reason.as_str()),
            };
            format!("{} {}: {came}", decision.trigger.row.workflow, decision.trigger.row.id.as_u128())
        })
        .collect();
    if decided.lacking > 0 {
        lines.push(format!("{} lacking", decided.lacking));
    }
    lines.join("\n")
}

#[test]
fn declared_triggers_are_alternatives_and_made_ones_stand_for_themselves() {
    let triggers = vec![
        trigger(1, "order", Some(0), on("order.*", Some("event.data.total > 100"), made_by("'large'"))),
        trigger(2, "order", Some(1), on("order.**", None, made_by("'any'"))),
        trigger(3, "order", Some(2), on("**", None, made_by("'never second'"))),
        trigger(4, "order", None, on("order.paid", None, made_by("'made'"))),
        trigger(5, "order", None, on("order.paid", None, made_by("'made too'"))),
        trigger(6, "audit", None, on("**", Some("event.data.total < 50"), InputRule::ByName)),
        trigger(7, "mail", Some(0), on("order.paid", Some("event.data.address != ''"), InputRule::ByName)),
    ];
    let of = |total: i64| shown(triggers.clone(), &event("order.paid", &json!({"total": total}), Origin::Published));
    insta::assert_snapshot!([of(200), of(20)].join("\n--\n"), @r#"
    order 1: "large"
    order 4: "made"
    order 5: "made too"
    1 lacking
    --
    audit 6: {"total":20}
    order 2: "any"
    order 4: "made"
    order 5: "made too"
    1 lacking
    "#);
}

#[test]
fn what_cannot_be_computed_is_on_record_unless_another_matches() {
    let broken = || on("order.paid", Some("event.data.total > 'many'"), InputRule::ByName);
    let triggers = vec![
        trigger(1, "first", Some(0), broken()),
        trigger(2, "first", Some(1), on("order.paid", None, made_by("1"))),
        trigger(3, "second", Some(0), broken()),
        trigger(4, "second", Some(1), on("order.sent", None, made_by("1"))),
        trigger(5, "third", None, broken()),
        trigger(6, "third", None, on("order.paid", None, made_by("event.data.nothing"))),
    ];
    insta::assert_snapshot!(shown(triggers, &event("order.paid", &json!({"total": 1}), Origin::Published)));
}

#[test]
fn a_replay_may_be_for_one_workflow_and_keeps_who_brought_it() {
    let webhook = Listens::Webhook(WebhookTrigger {
        provider: Provider::Stripe,
        endpoint: None,
        event: Some("charge.*".into()),
        filter: Some("event.source == 'stripe' && event.origin != 'published'".into()),
        input: InputRule::Envelope,
    });
    let triggers =
        vec![trigger(1, "charge", Some(0), webhook), trigger(2, "other", Some(0), on("**", None, made_by("1")))];
    let brought = Origin::Webhook { provider: Provider::Stripe, endpoint: "main".into(), delivery: Uuid::nil() };
    let again = |only: Option<&str>, first: &Origin| Origin::Replayed {
        of: Uuid::nil(),
        only: only.map(ToOwned::to_owned),
        first: Box::new(first.clone()),
    };
    let data = json!({"id": "evt_1"});
    let all = [
        brought.clone(),
        again(None, &brought),
        again(Some("charge"), &brought),
        again(Some("charge"), &Origin::Published),
        again(Some("nobody"), &brought),
    ];
    let all = all.map(|origin| shown(triggers.clone(), &event("stripe.charge.failed", &data, origin)));
    insta::assert_snapshot!(all.join("\n--\n"));
}
