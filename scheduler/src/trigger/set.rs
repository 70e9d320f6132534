//! The triggers of an org, compiled.

use std::{collections::HashMap, sync::Arc};

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

/// A trigger, with its expressions ready to be evaluated.
#[derive(Debug)]
pub struct Compiled {
    /// As it is kept.
    pub row: TriggerRow,
    /// None: a pattern that this version cannot read means nothing.
    selector: Option<Selector>,
    pub(super) rules: Rules,
}

impl TriggerSet {
    /// Compiles triggers; those that have not changed since `before` are taken from there.
    ///
    /// # Errors
    /// When the machine has no thread left to read an expression on. That says nothing of the expression, and must not be remembered of it.
    pub fn compile(org: OrgTriggers, before: Option<&Self>) -> Result<Self, ExpressionError> {
        let before: HashMap<Uuid, &Arc<Compiled>> =
            before.iter().flat_map(|set| &set.triggers).map(|compiled| (compiled.row.id, compiled)).collect();
        let mut rows = org.triggers;
        rows.sort_by(|one, two| (&one.workflow, place(one), one.id).cmp(&(&two.workflow, place(two), two.id)));
        let triggers = rows.into_iter().map(|row| match before.get(&row.id) {
            Some(known) if known.row == row => Ok(Arc::clone(known)),
            _ => Compiled::new(row).map(Arc::new),
        });
        Ok(Self { version: org.version, triggers: triggers.collect::<Result<_, _>>()? })
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
    fn new(row: TriggerRow) -> Result<Self, ExpressionError> {
        let selector = selector(&row.listens);
        if let Err(error) = &selector {
            tracing::warn!(trigger = %row.id, %error, "the pattern of a trigger cannot be read: it means nothing");
        }
        Ok(Self { selector: selector.ok(), rules: Rules::compile(row.listens.filter(), row.listens.input())?, row })
    }
}
