//! The workers that send their heartbeats here, and the room they have.
//!
//! Only a worker's home scheduler grants to it directly, so the room is counted in one place. It is an estimate all
//! the same: a worker that is given more than it has slots gives the rest back.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use piton_shared::{
    ids::WorkerId,
    message::{
        claim::Company,
        worker::{Heartbeat, Intent, Register},
    },
    name::{Build, Org, Queue},
};

use crate::server::DirectGrants;

/// Room for one run or function at a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Who has it.
    pub worker: WorkerId,
    /// Its last heartbeat that was seen here before the place was taken: by that it knows how long a grant is good.
    pub heartbeat: u64,
}

/// How much was given to a worker directly since it registered here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Given {
    runs: u32,
    steps: u32,
}

/// A worker's place in the roster.
#[derive(Debug)]
struct Member {
    org: Org,
    build: Option<Build>,
    queues: Vec<Queue>,
    workflows: Vec<String>,
    functions: Vec<String>,
    slots: u32,
    step_slots: u32,
    /// Nothing until it has said that it takes work: what leaves it then makes no room.
    intent: Option<Intent>,
    room: u32,
    step_room: u32,
    /// When it was last heard of, in sweeps of this scheduler.
    heard: u64,
    /// The number of its last heartbeat.
    heartbeat: u64,
    given: Given,
}

impl Member {
    fn give(&mut self, worker: WorkerId) -> Place {
        self.room -= 1;
        self.given.runs = self.given.runs.wrapping_add(1);
        Place { worker, heartbeat: self.heartbeat }
    }

    fn give_step(&mut self, worker: WorkerId) -> Place {
        self.step_room -= 1;
        self.given.steps = self.given.steps.wrapping_add(1);
        Place { worker, heartbeat: self.heartbeat }
    }

    fn keep(&mut self) {
        self.intent = Some(Intent::Solitary);
        self.room = 0;
    }
}

#[derive(Debug, Default)]
struct Members {
    workers: HashMap<WorkerId, Member>,
    sweep: u64,
}

/// The workers at home here. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Roster {
    members: Arc<Mutex<Members>>,
    direct: DirectGrants,
    silent: SilentSweeps,
}

/// Sweeps without a heartbeat after which a worker is given nothing directly.
#[derive(Debug, Clone, Copy)]
pub struct SilentSweeps(u64);

impl SilentSweeps {
    /// What half a lease has, and four at least: a worker whose heartbeats are late is not dead yet, but one that may be
    /// dead by the end of its lease is a bad place for new work.
    pub fn of(lease: Duration, sweep: Duration) -> Self {
        let sweeps = lease.as_millis() / 2 / sweep.as_millis().max(1);
        Self(u64::try_from(sweeps).unwrap_or(u64::MAX).clamp(4, u64::MAX / 1000))
    }
}

impl Roster {
    /// Nobody is at home yet.
    pub fn new(direct: DirectGrants, silent: SilentSweeps) -> Self {
        Self { members: Arc::default(), direct, silent }
    }

    /// A worker registered here.
    pub fn registered(&self, worker: &Register) {
        let mut members = self.members.lock();
        let heard = members.sweep;
        members.workers.insert(
            worker.worker,
            Member {
                org: worker.org.clone(),
                build: worker.build.clone(),
                queues: worker.queues.clone(),
                workflows: worker.workflows.clone(),
                functions: worker.functions.clone(),
                slots: worker.run_slots,
                step_slots: worker.step_slots,
                intent: None,
                room: 0,
                step_room: 0,
                heard,
                heartbeat: 0,
                given: Given::default(),
            },
        );
    }

    /// How much was given to a worker so far: to be asked when a heartbeat of it arrives.
    pub fn given(&self, worker: WorkerId) -> Given {
        self.members.lock().workers.get(&worker).map_or_else(Given::default, |member| member.given)
    }

    /// A worker said how much room it has. What was given to it while the heartbeat was being written, it did not know of.
    pub fn beat(&self, beat: &Heartbeat, before: Given) {
        let mut members = self.members.lock();
        let heard = members.sweep;
        if let Some(member) = members.workers.get_mut(&beat.worker) {
            member.heard = heard;
            // It came by another road than a newer one, which has said what is so.
            if beat.number < member.heartbeat {
                return;
            }
            member.heartbeat = beat.number;
            member.intent = Some(beat.intent);
            (member.room, member.step_room) = match beat.intent {
                Intent::Working => (
                    beat.free_runs.min(member.slots).saturating_sub(member.given.runs.wrapping_sub(before.runs)),
                    beat.free_steps
                        .min(member.step_slots)
                        .saturating_sub(member.given.steps.wrapping_sub(before.steps)),
                ),
                Intent::Draining | Intent::Solitary => (0, 0),
            };
        }
    }

    /// The same place with the worker's newest heartbeat that was seen here. To be asked just before the granting statement.
    pub fn seen(&self, place: Place) -> Place {
        let members = self.members.lock();
        let heartbeat = members.workers.get(&place.worker).map_or(0, |member| member.heartbeat);
        Place { heartbeat: heartbeat.max(place.heartbeat), ..place }
    }

    /// A worker is gone, or at home elsewhere.
    pub fn gone(&self, worker: WorkerId) {
        self.members.lock().workers.remove(&worker);
    }

    /// A run left a worker's hands.
    pub fn left(&self, worker: WorkerId) {
        if let Some(member) = self.members.lock().workers.get_mut(&worker)
            && member.intent == Some(Intent::Working)
        {
            member.room = (member.room + 1).min(member.slots);
        }
    }

    /// Runs went to a worker by a claim.
    pub fn took(&self, worker: WorkerId, runs: u32) {
        if let Some(member) = self.members.lock().workers.get_mut(&worker) {
            member.room = member.room.saturating_sub(runs);
        }
    }

    /// A worker was granted a run that runs alone: it has no room until it says so.
    pub fn keep(&self, worker: WorkerId) {
        if let Some(member) = self.members.lock().workers.get_mut(&worker) {
            member.keep();
        }
    }

    /// Dispatched work left a worker's hands.
    pub fn step_left(&self, worker: WorkerId) {
        if let Some(member) = self.members.lock().workers.get_mut(&worker)
            && member.intent == Some(Intent::Working)
        {
            member.step_room = (member.step_room + 1).min(member.step_slots);
        }
    }

    /// Dispatched work went to a worker by a claim.
    pub fn took_steps(&self, worker: WorkerId, steps: u32) {
        if let Some(member) = self.members.lock().workers.get_mut(&worker) {
            member.step_room = member.step_room.saturating_sub(steps);
        }
    }

    /// A worker lacks a function that it was given, or has no slot for it: it is given nothing until its next heartbeat.
    pub fn step_returned(&self, worker: WorkerId) {
        if let Some(member) = self.members.lock().workers.get_mut(&worker) {
            member.step_room = 0;
        }
    }

    /// Takes a place at this worker, if it is at home here and has a free step slot.
    pub fn take_step(&self, worker: WorkerId) -> Option<Place> {
        if self.direct == DirectGrants::Off {
            return None;
        }
        let mut members = self.members.lock();
        let sweep = members.sweep;
        let member = members.workers.get_mut(&worker)?;
        if member.step_room == 0 || member.heard + self.silent.0 <= sweep {
            return None;
        }
        Some(member.give_step(worker))
    }

    /// Takes a place at the worker with the most free step slots that has the function, if any has some.
    pub fn place_step(&self, org: &Org, queue: &Queue, build: Option<&Build>, function: &str) -> Option<Place> {
        let serves = |member: &Member| member.step_room > 0 && member.functions.iter().any(|name| name == function);
        let mut members = self.members.lock();
        let (worker, member) = self.roomiest(&mut members, org, queue, build, serves, |member| member.step_room)?;
        Some(member.give_step(worker))
    }

    /// Takes a place at the worker with the most room for a run, if any has some. For one that runs alone all of its
    /// room is taken.
    pub fn place(
        &self,
        org: &Org,
        queue: &Queue,
        build: Option<&Build>,
        workflow: &str,
        company: Company,
    ) -> Option<Place> {
        let serves = |member: &Member| member.room > 0 && member.workflows.iter().any(|name| name == workflow);
        let mut members = self.members.lock();
        let (worker, member) = self.roomiest(&mut members, org, queue, build, serves, |member| member.room)?;
        let place = member.give(worker);
        match company {
            Company::Shared | Company::Few(_) => {}
            Company::Alone => member.keep(),
        }
        Some(place)
    }

    /// Of those that listen there and `serve`, the one with the most room.
    fn roomiest<'a>(
        &self,
        members: &'a mut Members,
        org: &Org,
        queue: &Queue,
        build: Option<&Build>,
        serves: impl Fn(&Member) -> bool,
        room: impl Fn(&Member) -> u32,
    ) -> Option<(WorkerId, &'a mut Member)> {
        if self.direct == DirectGrants::Off {
            return None;
        }
        let sweep = members.sweep;
        members
            .workers
            .iter_mut()
            .filter(|(_, member)| {
                member.heard + self.silent.0 > sweep
                    && member.org == *org
                    && member.queues.contains(queue)
                    && build.is_none_or(|build| member.build.as_ref() == Some(build))
                    && serves(member)
            })
            .max_by_key(|(_, member)| room(member))
            .map(|(worker, member)| (*worker, member))
    }

    /// Counts a sweep; a worker that stays silent is given nothing and then forgotten.
    pub fn swept(&self) {
        let mut members = self.members.lock();
        members.sweep += 1;
        let sweep = members.sweep;
        members.workers.retain(|_, member| member.heard + 100 * self.silent.0 > sweep);
    }
}
