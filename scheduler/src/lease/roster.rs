//! The workers that send their heartbeats here, and the room they have.
//!
//! Only a worker's home scheduler grants to it directly, so the room is counted in one place. It is an estimate all
//! the same: a worker that is given more than it has slots gives the rest back.

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
}

impl Member {
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
            },
        );
    }

    /// A worker said how much room it has.
    pub fn beat(&self, beat: &Heartbeat) {
        let mut members = self.members.lock();
        let heard = members.sweep;
        if let Some(member) = members.workers.get_mut(&beat.worker) {
            member.heard = heard;
            member.heartbeat = member.heartbeat.max(beat.number);
            member.intent = Some(beat.intent);
            (member.room, member.step_room) = match beat.intent {
                Intent::Working => (beat.free_runs.min(member.slots), beat.free_steps.min(member.step_slots)),
                Intent::Draining | Intent::Solitary => (0, 0),
            };
        }
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
        member.step_room -= 1;
        Some(Place { worker, heartbeat: member.heartbeat })
    }

    /// Takes a place at the worker with the most free step slots that has the function, if any has some.
    pub fn place_step(&self, org: &Org, queue: &Queue, build: Option<&Build>, function: &str) -> Option<Place> {
        let serves = |member: &Member| member.step_room > 0 && member.functions.iter().any(|name| name == function);
        let mut members = self.members.lock();
        let (worker, member) = self.roomiest(&mut members, org, queue, build, serves, |member| member.step_room)?;
        member.step_room -= 1;
        Some(Place { worker, heartbeat: member.heartbeat })
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
        match company {
            Company::Shared => member.room -= 1,
            Company::Alone => member.keep(),
        }
        Some(Place { worker, heartbeat: member.heartbeat })
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

#[cfg(test)]
mod tests {
    use piton_shared::{ids::uuid_v7, limits};

    use super::*;

    fn usual() -> SilentSweeps {
        SilentSweeps::of(limits::LEASE, limits::SWEEP)
    }

    fn worker(number: u8) -> WorkerId {
        WorkerId::new(uuid_v7(1, [number; 10]))
    }

    fn register(worker: WorkerId) -> Register {
        Register {
            worker,
            org: Org::DEFAULT,
            name: "w".into(),
            host: "h".into(),
            process: 1,
            build: None,
            queues: vec![Queue::DEFAULT],
            workflows: vec!["order".into()],
            functions: vec![],
            run_slots: 2,
            step_slots: 1,
        }
    }

    fn beat(worker: WorkerId, free_runs: u32) -> Heartbeat {
        Heartbeat {
            worker,
            number: 0,
            intent: Intent::Working,
            free_runs,
            free_steps: 1,
            control_applied: 0,
            under_way: vec![],
        }
    }

    fn at(roster: &Roster, workflow: &str, company: Company) -> Option<WorkerId> {
        roster.place(&Org::DEFAULT, &Queue::DEFAULT, None, workflow, company).map(|place| place.worker)
    }

    #[test]
    fn a_place_names_the_last_heartbeat_that_was_seen() {
        let roster = Roster::new(DirectGrants::On, usual());
        let one = worker(1);
        roster.registered(&register(one));
        // Answers of two heartbeats may pass each other.
        for (number, last) in [(3, 3), (2, 3), (4, 4)] {
            roster.beat(&Heartbeat { number, ..beat(one, 2) });
            let place = roster.place(&Org::DEFAULT, &Queue::DEFAULT, None, "order", Company::Shared);
            assert_eq!(place, Some(Place { worker: one, heartbeat: last }));
            assert_eq!(roster.take_step(one), place);
        }
    }

    #[test]
    fn gives_nothing_to_a_worker_that_drains_however_many_runs_leave_it() {
        let roster = Roster::new(DirectGrants::On, usual());
        let one = worker(1);
        roster.registered(&register(one));
        roster.left(one);
        let place = || at(&roster, "order", Company::Shared);
        assert_eq!(place(), None, "it has not said a word yet");
        roster.beat(&beat(one, 1));
        roster.beat(&Heartbeat { intent: Intent::Draining, ..beat(one, 1) });
        roster.left(one);
        assert_eq!(place(), None);
        roster.beat(&beat(one, 1));
        assert_eq!(place(), Some(one));
        roster.left(one);
        assert_eq!(place(), Some(one));
    }

    #[test]
    fn a_worker_that_is_kept_for_one_run_is_given_nothing_until_it_says_so() {
        let roster = Roster::new(DirectGrants::On, usual());
        let (one, two) = (worker(1), worker(2));
        let place = |company| at(&roster, "order", company);
        roster.registered(&register(one));
        roster.beat(&beat(one, 2));
        assert_eq!(place(Company::Alone), Some(one));
        roster.left(one);
        assert_eq!(place(Company::Shared), None, "what leaves it makes no room");
        roster.beat(&Heartbeat { intent: Intent::Solitary, ..beat(one, 2) });
        assert_eq!(place(Company::Shared), None);
        roster.beat(&beat(one, 2));
        assert_eq!(place(Company::Shared), Some(one));

        roster.registered(&register(two));
        roster.beat(&beat(two, 2));
        roster.keep(two);
        roster.left(two);
        assert_eq!((place(Company::Shared), place(Company::Shared)), (Some(one), None));
    }

    #[test]
    fn gives_nothing_to_a_worker_that_is_silent_for_half_its_lease() {
        for (lease, sweep, heard) in [(2500, 250, 5), (700, 50, 7), (700, 250, 4), (3_600_000, 50, 36_000)] {
            let roster = Roster::new(
                DirectGrants::On,
                SilentSweeps::of(Duration::from_millis(lease), Duration::from_millis(sweep)),
            );
            let one = worker(1);
            roster.registered(&register(one));
            roster.beat(&beat(one, 2));
            (1..heard).for_each(|_| roster.swept());
            let place = || at(&roster, "order", Company::Shared);
            assert_eq!(place(), Some(one), "{lease} ms, {sweep} ms");
            roster.swept();
            assert_eq!(place(), None, "{lease} ms, {sweep} ms");
            roster.beat(&beat(one, 2));
            assert_eq!(place(), Some(one), "it is heard again");
        }
    }

    #[test]
    fn gives_to_the_roomiest_and_never_more_than_said() {
        let roster = Roster::new(DirectGrants::On, usual());
        let (one, two) = (worker(1), worker(2));
        roster.registered(&register(one));
        roster.registered(&register(two));
        let place = || at(&roster, "order", Company::Shared);
        assert_eq!(place(), None, "nobody has said that it has room");
        roster.beat(&beat(one, 1));
        roster.beat(&beat(two, 9));
        assert_eq!(place(), Some(two));
        let mut rest = [place(), place()];
        rest.sort();
        assert_eq!(rest, [Some(one), Some(two)]);
        assert_eq!(place(), None);
        roster.left(one);
        assert_eq!(place(), Some(one));
        assert_eq!(at(&roster, "other", Company::Shared), None);
    }
}
