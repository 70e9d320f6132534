//! What a run gets of an event, by what workers said of its workflow.

use piton_scheduler::store::Listens;
use piton_shared::{
    codec,
    message::{
        define::{Define, Definition, DefinitionKind, Parameter, Presence},
        read::More,
    },
    name::Queue,
    time::Timestamp,
    trigger::{EventTrigger, InputRule},
};
use serde_json::{Value, json};

use super::event;
use crate::{cluster::Cluster, making::ORG};

pub(super) fn workflow(name: &str, parameters: &[(&str, Value)], input: &Value) -> Definition {
    let parameter = |(name, schema): &(&str, Value)| Parameter {
        name: (*name).to_owned(),
        presence: Presence::Required,
        schema: schema.to_string(),
    };
    Definition {
        kind: DefinitionKind::Workflow,
        name: name.into(),
        description: String::new(),
        parameters: parameters.iter().map(parameter).collect(),
        input_schema: input.to_string(),
        output_schema: "true".into(),
        triggers: Vec::new(),
    }
}

fn listens(filter: Option<&str>, input: InputRule) -> Listens {
    Listens::Event(EventTrigger { pattern: "order.paid".into(), filter: filter.map(ToOwned::to_owned), input })
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_come_by_name_as_the_envelope_or_by_an_expression_and_have_to_fit() {
    let cluster = Cluster::new("event_binding").await;
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
    let pay =
        json!({"type": "object", "properties": {"total": number, "currency": text}, "required": ["total", "currency"]});
    let define = Define {
        org: ORG,
        build: None,
        queue: Queue::DEFAULT,
        since: Timestamp::from_micros(1),
        definitions: vec![
            workflow("pay", &[("total", number.clone()), ("currency", text.clone())], &pay),
            workflow("ship", &[("order", json!({"type": "object"}))], &json!({"type": "object"})),
            workflow("note", &[("total", text)], &json!({"type": "string"})),
            workflow("tick", &[], &json!({"type": "null"})),
            workflow("lost", &[("address", json!(true)), ("name", json!(true))], &json!(true)),
        ],
        more: More::End,
    };
    cluster.db.store.define(&define).await.expect("written").expect("the org is there");
    for name in ["pay", "ship", "note", "tick", "lost", "stranger"] {
        cluster.db.listens(name, listens(None, InputRule::ByName)).await;
    }
    cluster.db.listens("whole", listens(Some("event.data.total > 3"), InputRule::Envelope)).await;
    let expression = InputRule::Expression("{'id': event.id, 'cents': event.data.total * 100}".into());
    cluster.db.listens("cents", listens(Some("event.data.missing == 1 || event.data.total == 7"), expression)).await;
    cluster.db.listens("never", listens(Some("event.data.missing == 1"), InputRule::ByName)).await;

    let mut new = event("order.paid", &json!({"total": 7, "currency": "eur"}));
    new.id = Some("o7".into());
    let published = cluster.engine().publish(vec![new]).await.expect("accepted");
    let came = cluster.db.came_of(published[0].event).await;
    insta::assert_snapshot!(came.join("\n"), @r"
    cents
    lost unbound
    note invalid_input
    pay
    ship
    stranger
    tick
    whole
    ");
    let piton_scheduler::event::Matching::Done(runs) = &published[0].matching else { panic!("it is done") };
    let mut inputs = Vec::new();
    for run in runs {
        let input = cluster.db.row(run.run).await.input.expect("it has one");
        let input = codec::to_json(&input).expect("it reads");
        inputs.push(format!("{}: {input}", run.workflow));
    }
    let at = piton_scheduler::api::time::Rfc3339::from(published[0].accepted_at).to_string();
    insta::assert_snapshot!(inputs.join("\n").replace(&at, "[time]"), @r#"
    cents: {"cents":700,"id":"o7"}
    pay: {"currency":"eur","total":7}
    ship: {"currency":"eur","total":7}
    stranger: {"currency":"eur","total":7}
    tick: null
    whole: {"data":{"currency":"eur","total":7},"id":"o7","name":"order.paid","origin":"published","source":"published","time":"[time]"}
    "#);
    let refused = cluster.db.store.event_came_to(&[published[0].event]).await.expect("read");
    let said: Vec<_> = match &refused[&published[0].event] {
        piton_scheduler::store::EventOutcome::Matched(results) => results
            .iter()
            .filter_map(|result| match result {
                piton_scheduler::store::EventResult::Refused { detail, .. } => Some(detail.clone()),
                piton_scheduler::store::EventResult::Started { .. } => None,
            })
            .collect(),
        piton_scheduler::store::EventOutcome::Owed => panic!("it is matched"),
    };
    insta::assert_snapshot!(said.join("\n"));
    cluster.finish().await;
}
