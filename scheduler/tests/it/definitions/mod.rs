//! What workers say of their definitions, and what the doors make of it.

mod gone;
mod inputs;
mod listed;
mod presented;
mod rollouts;

use piton_scheduler::store::Store;
use piton_shared::{
    ids::WorkerId,
    message::{
        Answer, Refusal,
        define::{Define, Defined, Definition, DefinitionKind, Parameter, Presence},
        read::More,
    },
    name::{Build, Queue},
    subject::Method,
    time::Timestamp,
    trigger::{EventTrigger, InputRule, Trigger},
};
use piton_transport::{Bus, BusOptions};
use serde_json::{Value, json};

use crate::{
    api::House,
    cluster::ask,
    making::{LONG, ORG, fresh, register},
};

/// A workflow `charge` that takes an amount and perhaps a currency.
pub(crate) fn charge() -> Definition {
    let currency = json!({"type": ["string", "null"]});
    definition(DefinitionKind::Workflow, "charge", &[("amount", integer()), ("currency?", currency)])
}

pub(crate) fn integer() -> Value {
    json!({"type": "integer", "format": "int64"})
}

/// One with these inputs; those whose names end with a question mark may be left out.
pub(crate) fn definition(kind: DefinitionKind, name: &str, inputs: &[(&str, Value)]) -> Definition {
    let input_schema = match inputs {
        [] => json!({"type": "null"}),
        [(_, one)] => one.clone(),
        several => json!({
            "type": "object",
            "properties": several.iter().map(|(name, schema)| (bare(name), schema.clone())).collect::<serde_json::Map<_, _>>(),
            "required": several.iter().filter(|(name, _)| !name.ends_with('?')).map(|(name, _)| *name).collect::<Vec<_>>(),
        }),
    };
    let parameter = |(name, schema): &(&str, Value)| Parameter {
        name: bare(name),
        presence: if name.ends_with('?') { Presence::Optional } else { Presence::Required },
        schema: schema.to_string(),
    };
    Definition {
        kind,
        name: name.into(),
        description: format!("What {name} does."),
        parameters: inputs.iter().map(parameter).collect(),
        input_schema: input_schema.to_string(),
        output_schema: "true".into(),
        triggers: Vec::new(),
    }
}

fn bare(name: &str) -> String {
    name.trim_end_matches('?').to_owned()
}

/// A trigger by events of these names.
pub(crate) fn on(pattern: &str) -> Trigger {
    Trigger::Event(EventTrigger { pattern: pattern.into(), filter: None, input: InputRule::ByName })
}

/// What a process says that started so many seconds after 2026 began.
pub(crate) fn page(since: i64, build: Option<&str>, definitions: Vec<Definition>) -> Define {
    Define {
        org: ORG,
        build: build.map(|build| Build::new(build).expect("the tests' builds have names")),
        queue: Queue::DEFAULT,
        since: Timestamp::from_micros(1_767_225_600_000_000 + since * 1_000_000),
        definitions,
        more: More::End,
    }
}

pub(crate) async fn bus(house: &House) -> Bus {
    Bus::connect(BusOptions::new(house.nats.url(), "worker")).await.expect("NATS is there")
}

/// Presents them as a worker does.
pub(crate) async fn present(bus: &Bus, define: &Define) {
    let _: Defined = crate::cluster::insist(bus, Method::Define, define).await;
}

/// Why they are refused.
pub(crate) async fn refused(bus: &Bus, define: &Define) -> String {
    match ask::<_, Defined>(bus, Method::Define, define).await.expect("answered") {
        Answer::Refused(Refusal::Invalid(why)) => why,
        other @ (Answer::Done(_) | Answer::Refused(_) | Answer::Unavailable { .. }) => panic!("{other:?}"),
    }
}

/// A live worker of that build that has the workflow `charge`.
pub(crate) async fn live(store: &Store, build: Option<&str>) -> WorkerId {
    let worker = WorkerId::new(fresh());
    let mut card = register(worker);
    card.build = build.map(|build| Build::new(build).expect("a name"));
    card.workflows = vec!["charge".into()];
    store.register(&card, LONG).await.expect("it registers");
    worker
}
