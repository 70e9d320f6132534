//! The triggers that an engine's workflows declare.

use piton_expressions::{Candidate, Rules, Standing, Takes};
use piton_shared::{
    codec,
    ids::RunId,
    message::define::Parameter,
    trigger::{Brought, CronTrigger, PatternError, Selector, Trigger},
};
use serde_json::Value;
use uuid::Uuid;

use super::error::PublishError;
use crate::{RegisteredWorkflow, Registry, Run};

/// What listens to events, in the order in which a scheduler asks it: by workflow, and as it was written there.
pub(super) struct Declared(Vec<Listening>);

struct Listening {
    workflow: RegisteredWorkflow,
    parameters: Vec<Parameter>,
    selector: Selector,
    rules: Rules,
}

/// What a workflow takes: its parameters as they are named, and what its types can read.
pub(super) struct Typed<'a>(&'a Listening);

impl Declared {
    pub(super) fn of(registry: &Registry) -> Result<Self, PublishError> {
        let mut listening = Vec::new();
        for workflow in registry.workflows.values() {
            let definition = workflow.definition();
            for trigger in &definition.triggers {
                let (pattern, selector, filter, input) = match trigger {
                    Trigger::Event(event) => {
                        (Some(&event.pattern), Selector::of_event(event), &event.filter, &event.input)
                    }
                    Trigger::Webhook(webhook) => {
                        (webhook.event.as_ref(), Selector::of_webhook(webhook), &webhook.filter, &webhook.input)
                    }
                    Trigger::Cron(_) => continue,
                };
                let refused = |part: &str, wrong: &dyn std::fmt::Display| {
                    let of = pattern.map_or("a webhook".to_owned(), |pattern| format!("`{pattern}`"));
                    let problem = format!("a trigger on {of}: its {part}: {wrong}");
                    PublishError::Trigger { workflow: workflow.name().to_owned(), problem }
                };
                let selector = selector.map_err(|wrong: PatternError| refused("pattern", &wrong))?;
                let rules = Rules::compile(filter.as_deref(), input).map_err(|_| PublishError::Busy)?;
                if let Some((part, why)) = rules.unreadable() {
                    return Err(refused(part, &why));
                }
                let (workflow, parameters) = (*workflow, definition.parameters.clone());
                listening.push(Listening { workflow, parameters, selector, rules });
            }
        }
        Ok(Self(listening))
    }

    /// Those that mean an event, their filters apart.
    pub(super) fn meaning<'a>(
        &'a self,
        name: &'a str,
        brought: Option<Brought<'a>>,
    ) -> impl Iterator<Item = Candidate<'a, RegisteredWorkflow, Typed<'a>>> {
        let meaning = self.0.iter().filter(move |one| one.selector.means(name, brought));
        meaning.map(|one| Candidate {
            trigger: one.workflow,
            workflow: one.workflow.name(),
            standing: Standing::Declared,
            rules: &one.rules,
            takes: Some(Typed(one)),
        })
    }
}

impl Takes for Typed<'_> {
    fn parameters(&self) -> &[Parameter] {
        &self.0.parameters
    }

    fn faults(&self, input: &Value) -> Vec<String> {
        // One that is no payload is refused as such, after this.
        let Ok(payload) = codec::from_json(input) else { return Vec::new() };
        unfit(&self.0.workflow, &payload).into_iter().collect()
    }
}

/// What is wrong with an input, by the types of a workflow.
pub(super) fn unfit(workflow: &RegisteredWorkflow, input: &[u8]) -> Option<String> {
    let run = Run { id: RunId::new(Uuid::nil()), workflow: workflow.name().into() };
    match workflow.body(run, input) {
        Ok(_) => None,
        Err(piton_shared::parked::Parked::Undecodable { message, .. }) => Some(message),
        Err(other) => Some(other.to_string()),
    }
}

/// The schedules that an engine's workflows declare: name, workflow, and the rest.
pub(super) fn schedules(registry: &Registry) -> Vec<(String, RegisteredWorkflow, CronTrigger)> {
    let of = |workflow: &RegisteredWorkflow| {
        let workflow = *workflow;
        workflow.definition().triggers.into_iter().filter_map(move |trigger| match trigger {
            Trigger::Cron(cron) => {
                Some((cron.name.clone().unwrap_or_else(|| workflow.name().to_owned()), workflow, cron))
            }
            Trigger::Event(_) | Trigger::Webhook(_) => None,
        })
    };
    registry.workflows.values().flat_map(of).collect()
}
