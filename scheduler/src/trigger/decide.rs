//! What an event comes to.

use std::{collections::HashMap, sync::Arc};

use piton_expressions::{DeepStack, EvaluationError, EventScope};
use piton_shared::{codec, journal::Payload, trigger::bind};
use serde_json::Value;

use super::{
    TriggerSet,
    set::{Compiled, Input},
};
use crate::{
    definition::Known,
    event::{brought, envelope, seen_by_expressions},
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

/// Whether a filter lets an event through.
enum Filtered {
    Through,
    Out,
    Lacking,
    Failed(String),
}

/// Decides, for one event, what its org's triggers start. All that are declared of one workflow start it once: by the first that
/// matches.
pub fn decide(room: &DeepStack, set: &TriggerSet, event: &EventRow, known: &KnownWorkflows) -> Decided {
    let mut decided = Decided::default();
    let mut meaning = set.meaning(event).peekable();
    if meaning.peek().is_none() {
        return decided;
    }
    let seen = Seen::new(room, event);
    // Of the workflow whose declared triggers are gone through: whether one has matched, and the first filter that failed.
    let mut of: Option<(&str, Alternatives)> = None;
    for trigger in meaning {
        let workflow = trigger.row.workflow.as_str();
        if let Some((_, alternatives)) = of.take_if(|(name, _)| *name != workflow) {
            decided.decisions.extend(alternatives.failed());
        }
        let declared = match trigger.row.source {
            Source::Declared { .. } => Some(&mut of.get_or_insert((workflow, Alternatives::None)).1),
            Source::Made => None,
        };
        if matches!(declared, Some(Alternatives::Matched)) {
            continue;
        }
        let failed = match seen.filtered(trigger) {
            Filtered::Out => continue,
            Filtered::Lacking => {
                decided.lacking += 1;
                continue;
            }
            Filtered::Through => None,
            Filtered::Failed(why) => {
                Some(Decision { trigger: Arc::clone(trigger), input: Err((Refused::FilterFailed, why)) })
            }
        };
        match (declared, failed) {
            // Another may match yet.
            (Some(alternatives), Some(failed)) => alternatives.note(failed),
            (None, Some(failed)) => decided.decisions.push(failed),
            (declared, None) => {
                if let Some(alternatives) = declared {
                    *alternatives = Alternatives::Matched;
                }
                let input = seen.input(trigger, known.get(workflow).and_then(Option::as_deref));
                decided.decisions.push(Decision { trigger: Arc::clone(trigger), input });
            }
        }
    }
    decided.decisions.extend(of.and_then(|(_, alternatives)| alternatives.failed()));
    decided
}

/// How far the triggers are that are declared of one workflow.
enum Alternatives {
    None,
    Failed(Decision),
    Matched,
}

impl Alternatives {
    fn note(&mut self, failed: Decision) {
        if let Self::None = self {
            *self = Self::Failed(failed);
        }
    }

    /// What is on record if none of them matched.
    fn failed(self) -> Option<Decision> {
        match self {
            Self::Failed(decision) => Some(decision),
            Self::None | Self::Matched => None,
        }
    }
}

/// An event as triggers see it.
struct Seen<'a> {
    event: &'a EventRow,
    data: Value,
    scope: EventScope,
}

impl<'a> Seen<'a> {
    fn new(room: &DeepStack, event: &'a EventRow) -> Self {
        // What was accepted as a payload reads as one.
        let data = event.data.as_deref().and_then(|data| codec::to_json(data).ok()).unwrap_or(Value::Null);
        let scope = EventScope::new(room, &seen_by_expressions(event, &data));
        Self { event, data, scope }
    }

    fn filtered(&self, trigger: &Compiled) -> Filtered {
        match &trigger.filter {
            None => Filtered::Through,
            Some(Err(unreadable)) => Filtered::Failed(format!("the filter cannot be read: {unreadable}")),
            Some(Ok(filter)) => match filter.holds(&self.scope) {
                Ok(true) => Filtered::Through,
                Ok(false) => Filtered::Out,
                Err(EvaluationError::Missing(_)) => Filtered::Lacking,
                Err(error) => Filtered::Failed(error.to_string()),
            },
        }
    }

    fn input(&self, trigger: &Compiled, known: Option<&Known>) -> Result<Payload, (Refused, String)> {
        let input = match &trigger.input {
            Input::Envelope => envelope(self.event, &self.data),
            Input::Expression(Err(unreadable)) => {
                return Err((Refused::InputFailed, format!("the input's expression cannot be read: {unreadable}")));
            }
            Input::Expression(Ok(expression)) => {
                expression.input(&self.scope).map_err(|error| (Refused::InputFailed, error.to_string()))?
            }
            Input::ByName => match known {
                // No worker has said what it takes: it gets what there is.
                None => self.data.clone(),
                Some(known) => {
                    let provider = brought(&self.event.origin).map(|brought| brought.provider);
                    bind(&known.parameters, provider, &self.data).map_err(|unbound| {
                        let cure = "publish it with the event, give the parameter a default, or make the input by an expression";
                        (Refused::Unbound, format!("{unbound}, which the workflow takes; {cure}"))
                    })?
                }
            },
        };
        let faults = known.map(|known| known.check(trigger.row.build.as_ref(), &input)).unwrap_or_default();
        if !faults.is_empty() {
            let said = faults.iter().map(|fault| format!("{}: {}", place(&fault.pointer), fault.detail));
            let said: Vec<_> = said.take(10).collect();
            return Err((Refused::InvalidInput, format!("the workflow does not take this input: {}", said.join("; "))));
        }
        codec::from_json(&input)
            .map_err(|error| (Refused::InvalidInput, format!("the input cannot be stored: {error}")))
    }
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "the input" } else { pointer }
}

#[cfg(test)]
mod tests;
