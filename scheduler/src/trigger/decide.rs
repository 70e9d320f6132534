//! What an event comes to: decided by [`piton_expressions::decide`], for what the store knows of triggers and workflows.

use std::{collections::HashMap, sync::Arc};

use piton_expressions::{Candidate, DeepStack, Refusal, Seen, Standing, Takes};
use piton_shared::{journal::Payload, message::define::Parameter};
use serde_json::Value;

use super::{TriggerSet, set::Compiled};
use crate::{
    definition::Known,
    event::facts,
    store::{EventRow, Refused, Source},
};

/// What is known of the workflows of an org that may be started; none of those that no worker has spoken of.
pub type KnownWorkflows = HashMap<String, Option<Arc<Known>>>;

/// All that one event comes to.
#[derive(Debug, Default)]
pub struct Decided {
    /// In the order of the triggers.
    pub decisions: Vec<Decision>,
    /// Filters that asked for something that the event does not have: no match, and worth counting.
    pub lacking: u64,
}

/// What one trigger makes of an event that it matches.
#[derive(Debug)]
pub struct Decision {
    /// The trigger.
    pub trigger: Arc<Compiled>,
    /// The input of the run, or why there is none.
    pub input: Result<Payload, (Refused, String)>,
}

/// Decides, for one event, what its org's triggers start. All that are declared of one workflow start it once: by the first that
/// matches.
pub fn decide(room: &DeepStack, set: &TriggerSet, event: &EventRow, known: &KnownWorkflows) -> Decided {
    let mut meaning = set.meaning(event).peekable();
    if meaning.peek().is_none() {
        return Decided::default();
    }
    let id = event.given_id.clone().unwrap_or_else(|| event.id.to_string());
    let seen = Seen::new(room, facts(event, &id));
    let candidates = meaning.map(|trigger| Candidate {
        trigger,
        workflow: &trigger.row.workflow,
        standing: match trigger.row.source {
            Source::Declared { .. } => Standing::Declared,
            Source::Made => Standing::Alone,
        },
        rules: &trigger.rules,
        takes: known.get(&trigger.row.workflow).and_then(Option::as_deref).map(|known| Taken { known, trigger }),
    });
    let piton_expressions::Decided { decisions, lacking } = piton_expressions::decide(&seen, candidates);
    let decisions = decisions.into_iter().map(|decision| Decision {
        trigger: Arc::clone(decision.trigger),
        input: decision.input.map_err(|refusal| (reason(&refusal), refusal.to_string())),
    });
    Decided { decisions: decisions.collect(), lacking }
}

fn reason(refusal: &Refusal) -> Refused {
    match refusal {
        Refusal::FilterFailed(_) => Refused::FilterFailed,
        Refusal::InputFailed(_) => Refused::InputFailed,
        Refusal::Unbound(_) => Refused::Unbound,
        Refusal::InvalidInput(_) | Refusal::NoPayload(_) => Refused::InvalidInput,
    }
}

/// What the workflow of a trigger takes, as the build that it is for has said.
struct Taken<'a> {
    known: &'a Known,
    trigger: &'a Compiled,
}

impl Takes for Taken<'_> {
    fn parameters(&self) -> &[Parameter] {
        &self.known.parameters
    }

    fn faults(&self, input: &Value) -> Vec<String> {
        let faults = self.known.check(self.trigger.row.build.as_ref(), input);
        faults.iter().take(10).map(|fault| format!("{}: {}", place(&fault.pointer), fault.detail)).collect()
    }
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "the input" } else { pointer }
}

#[cfg(test)]
mod tests;
