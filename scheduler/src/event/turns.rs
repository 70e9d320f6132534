//! Which events are matched next: orgs take turns, so that one whose filters are costly delays only its own events.

use std::collections::{HashMap, VecDeque};

use piton_shared::name::Org;

/// Events that wait for their matching, by org.
#[derive(Debug)]
pub(super) struct Turns<J> {
    orgs: HashMap<Org, Lane<J>>,
    /// Orgs that wait for a turn, the next first.
    order: VecDeque<Org>,
    waiting: usize,
    bounds: Bounds,
}

/// How much may wait, and how much is a turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Events of one org.
    pub(super) of_org: usize,
    /// Events of all orgs.
    pub(super) of_all: usize,
    /// Events of one turn.
    pub(super) of_turn: usize,
}

/// The events of an org.
#[derive(Debug)]
struct Lane<J> {
    jobs: VecDeque<J>,
    at: At,
}

/// Where an org stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// It waits for a turn, which it may share with other orgs.
    Waiting,
    /// It waits for a turn, after one that was too short for it: it gets one of its own.
    WaitingAlone,
    /// It has a turn now.
    Turn,
}

/// What is matched together.
#[derive(Debug)]
pub(super) struct Turn<J> {
    /// Whose turn it is.
    pub(super) orgs: Vec<Org>,
    /// What to match, in order.
    pub(super) jobs: Vec<(Org, J)>,
}

/// What a turn left over.
#[derive(Debug)]
pub(super) struct Left<J> {
    /// Whose turn it was.
    pub(super) orgs: Vec<Org>,
    /// What is still to be matched, in order.
    pub(super) jobs: Vec<(Org, J)>,
    /// The org at whose event the time ran out: those behind it in the turn did not get to theirs.
    pub(super) slow: Option<Org>,
}

impl<J> Turns<J> {
    /// Nothing waits.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { orgs: HashMap::new(), order: VecDeque::new(), waiting: 0, bounds }
    }

    /// Lets an event wait for its org's turn; gives it back when too many wait.
    pub(super) fn push(&mut self, org: &Org, job: J) -> Result<(), J> {
        if self.room() == 0 || self.of(org) >= self.bounds.of_org {
            return Err(job);
        }
        let order = &mut self.order;
        let lane = self.orgs.entry(org.clone()).or_insert_with(|| {
            order.push_back(org.clone());
            Lane { jobs: VecDeque::new(), at: At::Waiting }
        });
        lane.jobs.push_back(job);
        self.waiting += 1;
        Ok(())
    }

    /// How many more events may wait, of all orgs.
    pub(super) fn room(&self) -> usize {
        self.bounds.of_all.saturating_sub(self.waiting)
    }

    /// Events of an org that wait.
    pub(super) fn of(&self, org: &Org) -> usize {
        self.orgs.get(org).map_or(0, |lane| lane.jobs.len())
    }

    /// The next turn: the events of the org that has waited longest, and of those behind it as far as there is room. An org
    /// that was too slow for its last turn has this one alone.
    pub(super) fn next(&mut self) -> Option<Turn<J>> {
        let mut turn = Turn { orgs: Vec::new(), jobs: Vec::new() };
        // Orgs that are passed over because they need a turn of their own.
        let mut passed = VecDeque::new();
        while turn.jobs.len() < self.bounds.of_turn
            && let Some(org) = self.order.pop_front()
        {
            let Some(lane) = self.orgs.get_mut(&org) else { continue };
            let alone = lane.at == At::WaitingAlone;
            if alone && !turn.orgs.is_empty() {
                passed.push_back(org);
                continue;
            }
            lane.at = At::Turn;
            let some = lane.jobs.len().min(self.bounds.of_turn - turn.jobs.len());
            self.waiting -= some;
            turn.jobs.extend(lane.jobs.drain(..some).map(|job| (org.clone(), job)));
            turn.orgs.push(org);
            if alone {
                break;
            }
        }
        passed.append(&mut self.order);
        self.order = passed;
        (!turn.orgs.is_empty()).then_some(turn)
    }

    /// Ends a turn. What is left over comes first in its org's next turn. Orgs that did not get to their events are next; those
    /// that did wait behind all others, the slow one for a turn of its own.
    pub(super) fn end(&mut self, left: Left<J>) {
        let Left { mut orgs, jobs, slow } = left;
        for (org, job) in jobs.into_iter().rev() {
            if let Some(lane) = self.orgs.get_mut(&org) {
                lane.jobs.push_front(job);
                self.waiting += 1;
            }
        }
        let reached = orgs.iter().position(|org| slow.as_ref() == Some(org)).map_or(orgs.len(), |slow| slow + 1);
        for org in orgs.split_off(reached).into_iter().rev() {
            if let Some(lane) = self.orgs.get_mut(&org) {
                lane.at = At::Waiting;
                self.order.push_front(org);
            }
        }
        for org in orgs {
            let Some(lane) = self.orgs.get_mut(&org) else { continue };
            if lane.jobs.is_empty() {
                self.orgs.remove(&org);
                continue;
            }
            lane.at = if slow.as_ref() == Some(&org) { At::WaitingAlone } else { At::Waiting };
            self.order.push_back(org);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(name: &str) -> Org {
        Org::new(name.to_owned()).expect("a name")
    }

    fn turns(of_turn: usize) -> Turns<u32> {
        Turns::new(Bounds { of_org: 8, of_all: 12, of_turn })
    }

    fn fill(turns: &mut Turns<u32>, of: &str, jobs: impl IntoIterator<Item = u32>) {
        for job in jobs {
            turns.push(&org(of), job).expect("there is room");
        }
    }

    fn jobs(turn: &Turn<u32>) -> Vec<(&str, u32)> {
        turn.jobs.iter().map(|(org, job)| (org.as_str(), *job)).collect()
    }

    #[test]
    fn quick_orgs_share_a_turn_in_their_order() {
        let mut turns = turns(4);
        fill(&mut turns, "a", 1..=2);
        fill(&mut turns, "b", 3..=5);
        let turn = turns.next().expect("some wait");
        assert_eq!(jobs(&turn), [("a", 1), ("a", 2), ("b", 3), ("b", 4)]);
        fill(&mut turns, "a", [6]);
        assert!(turns.next().is_none(), "an org has one turn at a time");
        turns.end(Left { orgs: turn.orgs, jobs: Vec::new(), slow: None });
        let turn = turns.next().expect("some wait");
        assert_eq!(turn.jobs.len(), 2);
        turns.end(Left { orgs: turn.orgs, jobs: Vec::new(), slow: None });
        assert!(turns.next().is_none());
        assert!(turns.orgs.is_empty() && turns.order.is_empty() && turns.waiting == 0);
    }

    #[test]
    fn a_slow_org_waits_behind_the_others_and_has_its_turns_alone() {
        let mut turns = turns(4);
        fill(&mut turns, "slow", 1..=2);
        fill(&mut turns, "b", [3]);
        fill(&mut turns, "c", [4]);
        let Turn { orgs, jobs: left } = turns.next().expect("some wait");
        // The time ran out in the first event: nobody else came to theirs.
        turns.end(Left { orgs, jobs: left, slow: Some(org("slow")) });
        let turn = turns.next().expect("some wait");
        assert_eq!(jobs(&turn), [("b", 3), ("c", 4)]);
        let slow = turns.next().expect("beside it");
        assert_eq!(jobs(&slow), [("slow", 1), ("slow", 2)]);
        fill(&mut turns, "d", [5]);
        turns.end(Left { orgs: slow.orgs, jobs: vec![(org("slow"), 2)], slow: Some(org("slow")) });
        assert_eq!(jobs(&turns.next().expect("some wait")), [("d", 5)]);
        assert_eq!(jobs(&turns.next().expect("some wait")), [("slow", 2)], "what is left comes first");
    }

    /// Runs a turn in which each event of a costly org takes all of the time; says which orgs got to an event.
    fn run(turns: &mut Turns<u32>, costly: &[&str]) -> Vec<Org> {
        let Turn { orgs, mut jobs } = turns.next().expect("some wait");
        let cut = jobs.iter().position(|(org, _)| costly.contains(&org.as_str())).map_or(jobs.len(), |at| at + 1);
        let left = jobs.split_off(cut);
        let reached: Vec<_> = jobs.into_iter().map(|(org, _)| org).collect();
        let slow = if left.is_empty() { None } else { reached.last().cloned() };
        turns.end(Left { orgs, jobs: left, slow });
        reached
    }

    #[test]
    fn cheap_orgs_have_their_turn_within_as_many_turns_as_there_are_costly_ones() {
        let mut turns = turns(8);
        for of in ["d", "e", "c", "b", "h"] {
            fill(&mut turns, of, [1, 2]);
        }
        let mut reached = Vec::new();
        for _ in 0..3 {
            reached.extend(run(&mut turns, &["d", "h"]));
            for of in ["d", "h"] {
                turns.push(&org(of), 3).ok();
            }
        }
        for of in ["e", "c", "b", "h"] {
            assert!(reached.contains(&org(of)), "{of} waits behind {reached:?}");
        }
    }

    #[test]
    fn an_org_that_had_its_turn_does_not_go_before_those_that_had_none() {
        let mut turns = turns(8);
        for of in ["quick", "slow", "behind"] {
            fill(&mut turns, of, [1]);
        }
        let Turn { orgs, mut jobs } = turns.next().expect("some wait");
        fill(&mut turns, "quick", [2]);
        fill(&mut turns, "new", [1]);
        turns.end(Left { orgs, jobs: jobs.split_off(1), slow: Some(org("slow")) });
        let order: Vec<_> = turns.order.iter().map(Org::as_str).collect();
        assert_eq!(order, ["behind", "new", "quick", "slow"]);
    }

    #[test]
    fn what_waits_is_bounded_for_each_org_and_for_all() {
        let mut turns = turns(4);
        fill(&mut turns, "a", 1..=8);
        assert_eq!(turns.push(&org("a"), 9), Err(9));
        fill(&mut turns, "b", 1..=4);
        assert_eq!(turns.push(&org("c"), 1), Err(1));
        let turn = turns.next().expect("some wait");
        assert_eq!(turns.push(&org("c"), 1), Ok(()));
        assert_eq!(turn.orgs, [org("a")]);
    }
}
