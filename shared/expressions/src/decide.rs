//! What an event comes to under the triggers that mean it.

use piton_shared::{codec, journal::Payload};

use crate::{Refusal, Rules, Seen, Takes, rules::Filtered};

/// A trigger that means an event by its name and by where it comes from.
#[derive(Debug)]
pub struct Candidate<'a, T, K> {
    /// What the decision is about.
    pub trigger: T,
    /// The workflow that it starts.
    pub workflow: &'a str,
    /// Whether there are alternatives to it.
    pub standing: Standing,
    /// Its filter, and its rule for inputs.
    pub rules: &'a Rules,
    /// What the workflow takes, if that is known.
    pub takes: Option<K>,
}

/// Whether a trigger is one of several that start a run together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Declared beside its workflow: all that are, are alternatives.
    Declared,
    /// For itself.
    Alone,
}

/// All that one event comes to.
#[derive(Debug)]
pub struct Decided<T> {
    /// In the order of the triggers.
    pub decisions: Vec<Decision<T>>,
    /// Filters that asked for something that the event does not have: no match, and worth counting.
    pub lacking: u64,
}

/// What one trigger makes of an event that it matches.
#[derive(Debug)]
pub struct Decision<T> {
    /// The trigger.
    pub trigger: T,
    /// The input of the run, or why there is none.
    pub input: Result<Payload, Refusal>,
}

impl<T> Default for Decided<T> {
    fn default() -> Self {
        Self { decisions: Vec::new(), lacking: 0 }
    }
}

/// Decides what the triggers that mean an event start: a [`Deciding`] that is asked all of them at once.
pub fn decide<'a, T, K: Takes>(
    seen: &Seen<'_>,
    candidates: impl IntoIterator<Item = Candidate<'a, T, K>>,
) -> Decided<T> {
    let mut deciding = Deciding::default();
    for candidate in candidates {
        deciding.ask(seen, candidate);
    }
    deciding.end()
}

/// A decision that is made trigger by trigger, so that it can be interrupted between two of them. All that are declared of one
/// workflow start it once: by the first that matches. Those of one workflow come one after the other, the declared ones first
/// and in their order.
#[derive(Debug)]
pub struct Deciding<T> {
    decided: Decided<T>,
    /// Of the workflow whose declared triggers are gone through: whether one has matched, and the first filter that failed.
    of: Option<(String, Alternatives<T>)>,
}

impl<T> Default for Deciding<T> {
    fn default() -> Self {
        Self { decided: Decided::default(), of: None }
    }
}

impl<T> Deciding<T> {
    /// Decides about the next trigger.
    pub fn ask<K: Takes>(&mut self, seen: &Seen<'_>, candidate: Candidate<'_, T, K>) {
        let Candidate { trigger, workflow, standing, rules, takes } = candidate;
        if let Some((_, alternatives)) = self.of.take_if(|(name, _)| name != workflow) {
            self.decided.decisions.extend(alternatives.failed());
        }
        let declared = match standing {
            Standing::Declared => Some(&mut self.of.get_or_insert_with(|| (workflow.to_owned(), Alternatives::None)).1),
            Standing::Alone => None,
        };
        if matches!(declared, Some(Alternatives::Matched)) {
            return;
        }
        let failed = match rules.filtered(seen) {
            Filtered::Out => return,
            Filtered::Lacking => {
                self.decided.lacking += 1;
                return;
            }
            Filtered::Through => None,
            Filtered::Failed(why) => Some(why),
        };
        match (declared, failed) {
            // Another may match yet.
            (Some(alternatives), Some(why)) => alternatives.note(Decision { trigger, input: Err(why) }),
            (None, Some(why)) => self.decided.decisions.push(Decision { trigger, input: Err(why) }),
            (declared, None) => {
                if let Some(alternatives) = declared {
                    *alternatives = Alternatives::Matched;
                }
                let input = rules
                    .input(seen, takes.as_ref())
                    .and_then(|input| codec::from_json(&input).map_err(|error| Refusal::NoPayload(error.to_string())));
                self.decided.decisions.push(Decision { trigger, input });
            }
        }
    }

    /// All that was decided, once every trigger was asked.
    pub fn end(mut self) -> Decided<T> {
        self.decided.decisions.extend(self.of.and_then(|(_, alternatives)| alternatives.failed()));
        self.decided
    }
}

/// How far the triggers are that are declared of one workflow.
#[derive(Debug)]
enum Alternatives<T> {
    None,
    Failed(Decision<T>),
    Matched,
}

impl<T> Alternatives<T> {
    fn note(&mut self, failed: Decision<T>) {
        if let Self::None = self {
            *self = Self::Failed(failed);
        }
    }

    /// What is on record if none of them matched.
    fn failed(self) -> Option<Decision<T>> {
        match self {
            Self::Failed(decision) => Some(decision),
            Self::None | Self::Matched => None,
        }
    }
}
