//! Steps that wait to be given away, in the order in which they were asked for.

use std::collections::{HashMap, VecDeque};

use piton_shared::{journal::StepKey, message::dispatch::NewDispatch};

/// Steps that wait to be given away.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// May name steps that are gone.
    order: VecDeque<StepKey>,
    by_key: HashMap<StepKey, NewDispatch>,
}

impl Given {
    pub(super) fn push(&mut self, dispatch: NewDispatch) {
        let key = dispatch.key.clone();
        if self.by_key.insert(key.clone(), dispatch).is_none() {
            self.order.push_back(key);
        }
    }

    /// Takes back what was on its way, before all others.
    pub(super) fn restore(&mut self, dispatches: Vec<NewDispatch>) {
        for dispatch in dispatches.into_iter().rev() {
            self.order.push_front(dispatch.key.clone());
            self.by_key.insert(dispatch.key.clone(), dispatch);
        }
    }

    pub(super) fn pop_if(&mut self, takes: impl FnOnce(&NewDispatch) -> bool) -> Option<NewDispatch> {
        while let Some(key) = self.order.front() {
            if let Some(first) = self.by_key.get(key) {
                if !takes(first) {
                    return None;
                }
                let first = self.by_key.remove(key);
                self.order.pop_front();
                return first;
            }
            self.order.pop_front();
        }
        None
    }

    pub(super) fn remove(&mut self, key: &StepKey) -> Option<NewDispatch> {
        self.by_key.remove(key)
    }

    pub(super) fn clear(&mut self) {
        self.order.clear();
        self.by_key.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}
