//! What the batches of one transaction do next, as far as one commit goes.

use super::course::{Course, course};
use crate::store::{BatchId, BatchLook, Release, Slot, Wanted};

/// What a transaction does about its batches.
#[derive(Debug, Default)]
pub struct Plan {
    /// What it does.
    pub wanted: Wanted,
    /// Batches that may have room for more than one commit takes.
    pub more: Vec<BatchId>,
}

/// Decides: at most `most` items are given away in all, each to the slot that `place` finds for it, if there is one.
pub fn plan(looks: &[BatchLook], most: u32, mut place: impl FnMut(&BatchLook) -> Option<Slot>) -> Plan {
    let mut plan = Plan::default();
    let mut left = most;
    for look in looks {
        match course(look, left) {
            Course::Wait if left == 0 => plan.more.push(look.id.clone()),
            Course::Wait => {}
            Course::Settle => plan.wanted.settles.push(look.id.clone()),
            Course::Release(items) => {
                left -= items;
                if left == 0 {
                    plan.more.push(look.id.clone());
                }
                // The slots go to the first items: once none is found there is none for the rest.
                let slots = (0..items).map_while(|_| place(look)).collect();
                let (first, last) = (look.released + 1, look.released + items);
                plan.wanted.releases.push(Release { batch: look.id.clone(), first, last, slots });
            }
            Course::End { summary, failure } => plan.wanted.ends.push((look.id.clone(), summary, failure)),
        }
    }
    plan
}
