//! Reads of what no row of the journal holds.
//!
//! While one is open nothing else is told, live and in replay, so that every replay sees the same order. They are
//! served one after the other, in the order in which they were asked for.

use std::collections::VecDeque;

use piton_shared::{
    replay::{Fetch, FetchedResults},
    time::Timestamp,
};

use super::{Attempt, Effect, Stage};

/// Reads that are open; the first is under way.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    open: VecDeque<Fetch>,
}

impl Fetches {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}

impl Attempt {
    pub(super) fn ask_fetch(&mut self, fetch: Fetch, effects: &mut Vec<Effect>) {
        if self.fetches.is_empty() {
            effects.push(Effect::Fetch(fetch.clone()));
        }
        self.fetches.open.push_back(fetch);
    }

    /// Takes what was read. What was asked for by a machine that is gone fits only the same question, and results of a
    /// batch that has ended never change.
    pub(super) fn fetched(
        &mut self,
        fetch: &Fetch,
        results: FetchedResults,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if self.fetches.open.front() != Some(fetch) {
            return;
        }
        self.fetches.open.pop_front();
        if let Some(next) = self.fetches.open.front() {
            effects.push(Effect::Fetch(next.clone()));
        }
        match &mut self.stage {
            Stage::Live(machine) => {
                let turn = machine.supply(fetch.id, results);
                self.turn(turn, now, effects);
            }
            Stage::Replaying { .. } => self.go_on_replaying(fetch.id, results, now, effects),
            Stage::Reading | Stage::Stale | Stage::Closing | Stage::Over => {}
        }
    }
}
