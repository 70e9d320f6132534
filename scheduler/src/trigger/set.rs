//! The triggers of an org, compiled.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use piton_expressions::{ExpressionError, Rules};
use piton_shared::trigger::Selector;
use uuid::Uuid;

use super::check::selector;
use crate::{
    event::brought,
    store::{EventRow, OrgTriggers, Source, TriggerRow},
};

/// All triggers of an org that count, as they stand under a version. Those of one workflow stand together, the declared ones
/// before the others and in their order.
#[derive(Debug)]
pub struct TriggerSet {
    version: i64,
    triggers: Vec<Arc<Compiled>>,
}

/// A trigger, with its expressions ready to be evaluated from their first use on.
#[derive(Debug)]
pub struct Compiled {
    /// As it is kept.
    pub row: TriggerRow,
    /// None: a pattern that this version cannot read means nothing.
    selector: Option<Selector>,
    rules: OnceLock<Rules>,
}

impl TriggerSet {
    /// Triggers as they stand; what was compiled of those that have not changed since `before` is taken from there.
    pub fn new(org: OrgTriggers, before: Option<&Self>) -> Self {
        let before: HashMap<Uuid, &Arc<Compiled>> =
            before.iter().flat_map(|set| &set.triggers).map(|compiled| (compiled.row.id, compiled)).collect();
        let mut rows = org.triggers;
        rows.sort_by(|one, two| (&one.workflow, place(one), one.id).cmp(&(&two.workflow, place(two), two.id)));
        let triggers = rows.into_iter().map(|row| match before.get(&row.id) {
            Some(known) if known.row == row => Arc::clone(known),
            _ => Arc::new(Compiled::new(row)),
        });
        Self { version: org.version, triggers: triggers.collect() }
    }

    /// The version that they stand under.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Those that mean an event, their filters apart.
    pub fn meaning<'a>(&'a self, event: &'a EventRow) -> impl Iterator<Item = &'a Arc<Compiled>> {
        let brought = brought(&event.origin);
        let only = event.origin.only();
        self.triggers.iter().filter(move |trigger| {
            only.is_none_or(|workflow| workflow == trigger.row.workflow)
                && trigger.selector.as_ref().is_some_and(|selector| selector.means(&event.name, brought))
        })
    }
}

/// The declared ones first, by their place.
fn place(row: &TriggerRow) -> u32 {
    match row.source {
        Source::Declared { place } => place,
        Source::Made => u32::MAX,
    }
}

impl Compiled {
    fn new(row: TriggerRow) -> Self {
        let selector = selector(&row.listens);
        if let Err(error) = &selector {
            tracing::warn!(trigger = %row.id, %error, "the pattern of a trigger cannot be read: it means nothing");
        }
        Self { selector: selector.ok(), rules: OnceLock::new(), row }
    }

    /// Its filter and its rule for inputs. Compiled when the first event asks for them, as part of that event's matching: an
    /// org with a thousand triggers must not spend more than its turn on them.
    ///
    /// # Errors
    /// When the machine has no thread left to read an expression on. That says nothing of the expression, and is not
    /// remembered of it.
    pub(super) fn rules(&self) -> Result<&Rules, ExpressionError> {
        if let Some(rules) = self.rules.get() {
            return Ok(rules);
        }
        let rules = Rules::compile_stored(self.row.listens.filter(), self.row.listens.input())?;
        Ok(self.rules.get_or_init(|| rules))
    }
}
