//! Rules about what became of runs in the end.

use std::collections::{BTreeMap, HashSet};

use super::{Rule, Violation, executions::SCHEDULED};
use crate::chaos::story::{Kind, Started, Story, WitnessRun};

pub(super) fn broken(story: &Story) -> Vec<Violation> {
    let mut found = Vec::new();
    for started in &story.started {
        found.extend(one(story, started));
    }
    found.extend(unasked(story));
    found.extend(sessions(story));
    found
}

fn one(story: &Story, started: &Started) -> Option<Violation> {
    let say = |rule, what: String| Some(Violation { rule, what, lines: vec![format!("{started:?}")] });
    let [run] = started.runs.as_slice() else {
        return say(Rule::TwoRuns, format!("one idempotency key made {} runs", started.runs.len()));
    };
    let Some(held) = story.witness.runs.get(run) else {
        return say(Rule::Lost, format!("run {run} was acknowledged and is not there"));
    };
    match &started.ended {
        Some(ended) if ended.state != held.state => {
            say(Rule::EndChanged, format!("run {run} was told to be {}, and is {}", ended.state, held.state))
        }
        Some(ended) if !started.allowed.contains(&ended.state) => {
            say(Rule::EndedOtherwise, format!("run {run} is {}, and may be {:?}", ended.state, started.allowed))
        }
        Some(_) => None,
        None => say(Rule::NotEnded, format!("run {run} is {}", held.state)),
    }
}

/// Runs that no answer named. The schedule makes some, and they end as well. Every other one is a second run of a key, since
/// callers repeat a start until it is answered.
fn unasked(story: &Story) -> Vec<Violation> {
    let known: HashSet<_> = story.started.iter().flat_map(|started| &started.runs).collect();
    let unknown = story.witness.runs.iter().filter(|(run, _)| !known.contains(run));
    let say = |(run, held): (&String, &WitnessRun)| {
        let WitnessRun { workflow, state } = held;
        let (rule, what) = if workflow != SCHEDULED {
            (Rule::TwoRuns, format!("run {run} of {workflow} is {state}, and no answer to a start named it"))
        } else if !held.is_over() {
            (Rule::NotEnded, format!("run {run} of {workflow} is {state}"))
        } else {
            return None;
        };
        Some(Violation { rule, what, lines: Vec::new() })
    };
    unknown.filter_map(say).collect()
}

fn sessions(story: &Story) -> Vec<Violation> {
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for started in &story.started {
        let completed = started.ended.as_ref().is_some_and(|ended| ended.state == "completed");
        if let Kind::Count { session } = &started.kind {
            *counted.entry(session).or_default() += u64::from(completed);
        }
    }
    let differs = |(session, runs): (&str, u64)| {
        let held = story.witness.sessions.get(session).copied().unwrap_or(0);
        (held != runs).then(|| Violation {
            rule: Rule::Miscounted,
            what: format!("session {session} counts {held}, and {runs} runs of it completed"),
            lines: Vec::new(),
        })
    };
    counted.into_iter().filter_map(differs).collect()
}
