//! Rules about executions: when they may begin, and what may be under way beside them.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::{Rule, Tolerance, Violation, was_frozen};
use crate::chaos::{
    moment::Moment,
    story::{Execution, Kind, Left, Order, Started, Story},
};

/// The workflow that a schedule with the overlap policy `skip` starts.
pub(super) const SCHEDULED: &str = "chaos_tick";

pub(super) fn broken(story: &Story, tolerance: Tolerance) -> Vec<Violation> {
    let mut runs: BTreeMap<&str, Vec<&Execution>> = BTreeMap::new();
    for execution in &story.executions {
        runs.entry(&execution.run).or_default().push(execution);
    }
    let started: HashMap<&str, &Started> =
        story.started.iter().flat_map(|one| one.runs.iter().map(move |run| (run.as_str(), one))).collect();
    let mut check = Check { story, tolerance, found: Vec::new() };
    for (run, executions) in &mut runs {
        executions.sort_by_key(|execution| execution.begun);
        check.results(executions);
        check.steps(executions);
        if let Some(started) = started.get(run) {
            check.orders(started, executions);
            check.kind(&started.kind, executions);
        }
    }
    check.schedules(&runs);
    check.found
}

struct Check<'a> {
    story: &'a Story,
    tolerance: Tolerance,
    found: Vec<Violation>,
}

impl Check<'_> {
    fn say(&mut self, rule: Rule, what: String, lines: &[&Execution]) {
        self.found.push(Violation { rule, what, lines: lines.iter().map(ToString::to_string).collect() });
    }

    /// Whether `execution` began later than a moment after which it may not, by more than a machine may need.
    fn late(&self, execution: &Execution, after: Moment) -> Option<Duration> {
        let late = execution.begun > after.plus(self.tolerance.jitter);
        (late && !was_frozen(self.story, self.tolerance, execution)).then(|| execution.begun.since(after))
    }

    /// A step begins only when the results of all lower stages are acknowledged: from then on none of those may begin.
    fn results(&mut self, executions: &[&Execution]) {
        for execution in executions {
            let Some(next) = executions.iter().find(|other| other.stage > execution.stage) else { continue };
            if let Some(late) = self.late(execution, next.begun) {
                let what = format!("a step began {late:?} after one that needs its result");
                self.say(Rule::BegunAfterItsResult, what, &[next, execution]);
            }
        }
    }

    /// Executions of one step, in the order in which they began.
    fn steps(&mut self, executions: &[&Execution]) {
        let mut steps: BTreeMap<&str, Vec<&Execution>> = BTreeMap::new();
        for execution in executions {
            steps.entry(&execution.key).or_default().push(execution);
        }
        for executions in steps.values() {
            for (at, second) in executions.iter().enumerate() {
                let before = &executions[..at];
                if let Some(first) = before.iter().find(|first| self.overlaps(first, second)) {
                    let what = format!(
                        "an execution began {:?} before the one before it was over",
                        self.story.over(first).since(second.begun)
                    );
                    self.say(Rule::Overlap, what, &[first, second]);
                }
                if let Some(newest) = before.iter().max_by_key(|first| first.token)
                    && second.token < newest.token
                    && !was_frozen(self.story, self.tolerance, second)
                {
                    let what = format!("the token went from {:?} back to {:?}", newest.token, second.token);
                    self.say(Rule::TokenWentBack, what, &[newest, second]);
                }
            }
        }
    }

    /// Whether the second began while the first was under way, and no freeze explains it.
    fn overlaps(&self, first: &Execution, second: &Execution) -> bool {
        let over = self.story.over(first);
        let beside = over > second.begun.plus(self.tolerance.jitter);
        beside
            && !was_frozen(self.story, self.tolerance, second)
            // Its worker could not drop it in time: it stood still. Once it goes on it has to notice.
            && !self.story.freezes_of(first.process).any(|freeze| {
                freeze.from <= second.begun.plus(self.tolerance.jitter)
                    && freeze.until > first.begun
                    && over <= freeze.until.plus(self.tolerance.thaw)
            })
    }

    fn orders(&mut self, started: &Started, executions: &[&Execution]) {
        for execution in executions {
            if let Some(ended) = &started.ended
                && let Some(late) = self.late(execution, ended.at)
            {
                let what = format!("a step began {late:?} after its run was known to be {}", ended.state);
                self.say(Rule::BegunAfterTheEnd, what, &[execution]);
            }
            for order in &started.orders {
                match *order {
                    Order::Killed(at) => {
                        if let Some(late) = self.late(execution, at) {
                            let what = format!("a step began {late:?} after the kill was confirmed at {at}");
                            self.say(Rule::BegunAfterAKill, what, &[execution]);
                        }
                    }
                    Order::Paused { from, until } => {
                        if execution.begun < until
                            && let Some(late) = self.late(execution, from)
                        {
                            let what = format!("a step began {late:?} after the pause was confirmed at {from}");
                            self.say(Rule::BegunInAPause, what, &[execution]);
                        }
                    }
                }
            }
        }
    }

    fn kind(&mut self, kind: &Kind, executions: &[&Execution]) {
        match *kind {
            Kind::Line | Kind::Fan | Kind::Count { .. } => {}
            Kind::Bulk { stage, bound } => self.bound(executions, stage, bound),
            Kind::Doze { micros } => self.timer(executions, micros),
        }
    }

    fn bound(&mut self, executions: &[&Execution], stage: u32, bound: u32) {
        let items: Vec<_> = executions.iter().copied().filter(|execution| execution.stage == stage).collect();
        for item in &items {
            let at = item.begun;
            let beside: Vec<_> = items.iter().copied().filter(|other| self.is_under_way(other, at)).collect();
            if beside.len() > bound as usize && !was_frozen(self.story, self.tolerance, item) {
                let what = format!("{} items were under way at {at}, and {bound} may be", beside.len());
                self.say(Rule::BoundExceeded, what, &beside);
                return;
            }
        }
    }

    /// Whether an execution counts against a bound at that moment: it runs, and its worker does not stand still.
    fn is_under_way(&self, execution: &Execution, at: Moment) -> bool {
        let stands_still = |process| {
            let mut freezes = self.story.freezes_of(process);
            freezes.any(|freeze| freeze.from <= at && at <= freeze.until.plus(self.tolerance.thaw))
        };
        let begun = execution.begun <= at;
        begun && self.story.over(execution) > at.plus(self.tolerance.jitter) && !stands_still(execution.process)
    }

    /// The timer is set once the first stage has returned, and the second begins once it has fired.
    fn timer(&mut self, executions: &[&Execution], micros: u64) {
        let returned =
            executions.iter().filter(|execution| execution.stage == 1).filter_map(|execution| match execution.left {
                Left::Returned(at) => Some((at, *execution)),
                Left::Dropped(_) | Left::Unknown => None,
            });
        let first = returned.min_by_key(|(at, _)| *at);
        let second = executions.iter().find(|execution| execution.stage == 2);
        if let (Some((at, first)), Some(second)) = (first, second) {
            let slept = second.begun.since(at);
            if slept < Duration::from_micros(micros) {
                let what = format!("a sleep of {:?} was over after {slept:?}", Duration::from_micros(micros));
                self.say(Rule::TimerEarly, what, &[first, second]);
            }
        }
    }

    fn schedules(&mut self, runs: &BTreeMap<&str, Vec<&Execution>>) {
        let scheduled = |run: &str| self.story.witness.runs.get(run).is_some_and(|run| run.workflow == SCHEDULED);
        let mut scheduled: Vec<_> = runs.iter().filter(|(run, _)| scheduled(run)).map(|(_, all)| all).collect();
        scheduled.sort_by_key(|executions| executions[0].begun);
        for pair in scheduled.windows(2) {
            let (first, second) = (pair[0], pair[1][0]);
            if let Some(last) = first.iter().find(|last| {
                // What a frozen or dead worker leaves behind is of a run that has gone on elsewhere.
                matches!(last.left, Left::Returned(_)) && self.overlaps(last, second)
            }) {
                let what = "a run of a schedule began while the one before it went on".to_owned();
                self.say(Rule::SchedulesOverlap, what, &[last, second]);
            }
        }
    }
}
