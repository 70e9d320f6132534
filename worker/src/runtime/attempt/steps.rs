//! The open steps of a run, by what they wait for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use piton_shared::{journal::StepKey, time::Timestamp};

use super::step::{Step, StepStage};

/// The open steps. Each change costs a logarithm of their number, whatever it is.
#[derive(Debug, Default)]
pub(super) struct Steps {
    by_key: BTreeMap<StepKey, Step>,
    /// Numbers only grow, so the first is the next to come free. May name steps that are gone.
    blocked: VecDeque<(u32, StepKey)>,
    /// May name steps that are gone.
    ready: VecDeque<StepKey>,
    due: BTreeSet<(Timestamp, StepKey)>,
    running: usize,
    timers: usize,
    /// Steps of a machine that was dropped.
    aside: BTreeMap<StepKey, Step>,
}

impl Steps {
    pub(super) fn get(&self, key: &StepKey) -> Option<&Step> {
        self.by_key.get(key)
    }

    /// Changes what a step knows; its stage goes by [`Steps::set`].
    pub(super) fn get_mut(&mut self, key: &StepKey) -> Option<&mut Step> {
        self.by_key.get_mut(key)
    }

    pub(super) fn insert(&mut self, step: Step) {
        let key = step.call.key.clone();
        self.remove(&key);
        self.count(&key, step.stage);
        self.by_key.insert(key, step);
    }

    pub(super) fn remove(&mut self, key: &StepKey) -> Option<Step> {
        let step = self.by_key.remove(key)?;
        self.discount(key, step.stage);
        Some(step)
    }

    pub(super) fn set(&mut self, key: &StepKey, stage: StepStage) {
        let Some(step) = self.by_key.get_mut(key) else {
            return;
        };
        let before = std::mem::replace(&mut step.stage, stage);
        self.discount(key, before);
        self.count(key, stage);
    }

    /// The next step that may begin, now that own rows up to `acknowledged` are.
    pub(super) fn next_ready(&mut self, acknowledged: u32, now: Timestamp) -> Option<StepKey> {
        while let Some((until, _)) = self.blocked.front()
            && *until <= acknowledged
        {
            let (until, key) = self.blocked.pop_front()?;
            if self.stage(&key) == Some(StepStage::Blocked { until }) {
                self.set(&key, StepStage::Ready);
            }
        }
        while let Some((due, key)) = self.due.first().cloned()
            && due <= now
        {
            self.set(&key, StepStage::Ready);
        }
        while let Some(key) = self.ready.pop_front() {
            if self.stage(&key) == Some(StepStage::Ready) {
                return Some(key);
            }
        }
        None
    }

    pub(super) fn stage(&self, key: &StepKey) -> Option<StepStage> {
        self.by_key.get(key).map(|step| step.stage)
    }

    /// Takes back what runs: it begins anew, under the next number. Returns what ran.
    pub(super) fn interrupt(&mut self) -> Vec<StepKey> {
        let mut running = self.running_keys();
        for key in &running {
            if let Some(step) = self.by_key.get_mut(key) {
                step.next_try += 1;
            }
            self.set(key, StepStage::Ready);
        }
        for (key, step) in self.aside.iter_mut().filter(|(_, step)| step.stage == StepStage::Running) {
            step.next_try += 1;
            step.stage = StepStage::Ready;
            running.push(key.clone());
        }
        running
    }

    /// Takes back a step whose function was to begin and has not: it begins under the same number.
    pub(super) fn take_back(&mut self, key: &StepKey) {
        if self.stage(key) == Some(StepStage::Running) {
            self.set(key, StepStage::Ready);
        }
        if let Some(step) = self.aside.get_mut(key).filter(|step| step.stage == StepStage::Running) {
            step.stage = StepStage::Ready;
        }
    }

    /// Forgets all of them. Returns what ran.
    pub(super) fn clear(&mut self) -> Vec<StepKey> {
        let mut running = self.running_keys();
        running.extend(self.drop_set_aside());
        *self = Self::default();
        running
    }

    /// Puts all of them aside, to be asked for again by a new machine.
    pub(super) fn set_aside(&mut self) {
        let before = std::mem::take(self);
        self.aside = before.by_key;
    }

    /// The step of this key that was put aside.
    pub(super) fn set_aside_step(&mut self, key: &StepKey) -> Option<Step> {
        self.aside.remove(key)
    }

    /// Forgets those that were not asked for again. Returns what ran.
    pub(super) fn drop_set_aside(&mut self) -> Vec<StepKey> {
        let aside = std::mem::take(&mut self.aside).into_iter();
        aside.filter(|(_, step)| step.stage == StepStage::Running).map(|(key, _)| key).collect()
    }

    /// When the first wait in memory is over.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Functions that are executed or wait for a slot.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// Steps that this attempt moves by itself: all but those that wait for a timer.
    pub(super) fn busy(&self) -> usize {
        self.by_key.len() - self.timers
    }

    fn running_keys(&self) -> Vec<StepKey> {
        if self.running == 0 {
            return Vec::new();
        }
        let running = self.by_key.iter().filter(|(_, step)| step.stage == StepStage::Running);
        running.map(|(key, _)| key.clone()).collect()
    }

    fn count(&mut self, key: &StepKey, stage: StepStage) {
        match stage {
            StepStage::Blocked { until } => self.blocked.push_back((until, key.clone())),
            StepStage::Ready => self.ready.push_back(key.clone()),
            StepStage::Running => self.running += 1,
            StepStage::Waiting { due } => {
                self.due.insert((due, key.clone()));
            }
            StepStage::Timer => self.timers += 1,
        }
    }

    fn discount(&mut self, key: &StepKey, stage: StepStage) {
        match stage {
            StepStage::Blocked { .. } | StepStage::Ready => {}
            StepStage::Running => self.running -= 1,
            StepStage::Waiting { due } => {
                self.due.remove(&(due, key.clone()));
            }
            StepStage::Timer => self.timers -= 1,
        }
    }
}
