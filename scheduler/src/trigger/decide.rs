//! What an event comes to: decided by [`piton_expressions::decide`], for what the store knows of triggers and workflows.

use std::{collections::HashMap, sync::Arc};

use piton_expressions::{Candidate, DeepStack, ExpressionError, Refusal, Seen, Standing, Takes};
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

/// The decision about one event, which can be interrupted between two triggers.
#[derive(Debug, Default)]
pub struct Deciding {
    /// Triggers that were asked, of those that mean the event.
    asked: usize,
    so_far: piton_expressions::Deciding<Arc<Compiled>>,
}

/// How far a decision is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Every trigger was asked.
    Complete,
    /// Some are left.
    Interrupted,
}

impl Deciding {
    /// Asks triggers about an event while there is time: one at least, so that every call comes further.
    ///
    /// # Errors
    /// When the machine has no thread left to read an expression on; the same call may be made later.
    pub fn go_on(
        &mut self,
        room: &DeepStack,
        set: &TriggerSet,
        event: &EventRow,
        known: &KnownWorkflows,
        mut time_left: impl FnMut() -> bool,
    ) -> Result<Progress, ExpressionError> {
        let mut left = set.meaning(event).skip(self.asked).peekable();
        if left.peek().is_none() {
            return Ok(Progress::Complete);
        }
        let id = event.given_id.clone().unwrap_or_else(|| event.id.to_string());
        let seen = Seen::new(room, facts(event, &id));
        while let Some(trigger) = left.next() {
            let candidate = Candidate {
                trigger: Arc::clone(trigger),
                workflow: &trigger.row.workflow,
                standing: match trigger.row.source {
                    Source::Declared { .. } => Standing::Declared,
                    Source::Made => Standing::Alone,
                },
                rules: trigger.rules()?,
                takes: known
                    .get(&trigger.row.workflow)
                    .and_then(Option::as_deref)
                    .map(|known| Taken { known, trigger }),
            };
            self.asked += 1;
            self.so_far.ask(&seen, candidate);
            if left.peek().is_some() && !time_left() {
                return Ok(Progress::Interrupted);
            }
        }
        Ok(Progress::Complete)
    }

    /// What was decided, once every trigger was asked.
    pub fn end(self) -> Decided {
        let piton_expressions::Decided { decisions, lacking } = self.so_far.end();
        let decisions = decisions.into_iter().map(|decision| Decision {
            trigger: decision.trigger,
            input: decision.input.map_err(|refusal| (reason(&refusal), refusal.to_string())),
        });
        Decided { decisions: decisions.collect(), lacking }
    }
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
