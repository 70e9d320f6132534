//! Each rule finds the history that breaks it, and nothing in one that breaks none.

use std::time::Duration;

use super::*;
use crate::chaos::{
    clients::SLOW,
    story::{Ended, Freeze, Kind, Left, Order, Started, WitnessRun},
    work::TICK,
};

fn ms(millis: u64) -> Moment {
    Moment(millis * 1000)
}

/// An execution in run `r`, in process 1: the step is named by its stage.
fn ran(stage: u32, token: (u32, u32), begun: u64, returned: u64) -> Execution {
    Execution {
        run: "r".to_owned(),
        key: format!("step#{stage}"),
        token,
        process: 1,
        stage,
        begun: ms(begun),
        left: Left::Returned(ms(returned)),
    }
}

fn in_process(process: u32, execution: Execution) -> Execution {
    Execution { process, ..execution }
}

fn left(left: Left, execution: Execution) -> Execution {
    Execution { left, ..execution }
}

fn started(kind: Kind) -> Started {
    Started {
        runs: vec!["r".to_owned()],
        kind,
        allowed: vec!["completed".to_owned(), "killed".to_owned()],
        ended: Some(Ended { state: "completed".to_owned(), at: ms(9_000) }),
        orders: Vec::new(),
    }
}

fn held(workflow: &str, state: &str) -> WitnessRun {
    WitnessRun { workflow: workflow.to_owned(), state: state.to_owned() }
}

/// One run of which nothing but the executions is in question.
fn story(kind: Kind, executions: Vec<Execution>) -> Story {
    let mut story = Story { executions, started: vec![started(kind)], ..Story::default() };
    story.witness.runs.insert("r".to_owned(), held("chaos_line", "completed"));
    story
}

fn rules(story: &Story) -> Vec<Rule> {
    let mut rules: Vec<_> = broken(story, Tolerance::default()).into_iter().map(|violation| violation.rule).collect();
    rules.sort();
    rules.dedup();
    rules
}

fn frozen(process: u32, from: u64, until: u64) -> Freeze {
    Freeze { process, from: ms(from), until: ms(until) }
}

#[test]
fn a_run_that_was_taken_over_breaks_nothing() {
    let executions = vec![
        ran(1, (1, 1), 0, 100),
        left(Left::Unknown, ran(2, (1, 1), 110, 0)),
        in_process(2, ran(2, (2, 1), 3_000, 3_100)),
        in_process(2, ran(3, (2, 1), 3_110, 3_200)),
    ];
    let mut story = story(Kind::Line, executions);
    story.deaths.insert(1, ms(150));
    assert_eq!(rules(&story), []);
}

#[test]
fn a_step_after_its_result() {
    let late = in_process(2, ran(1, (2, 1), 900, 950));
    let executions = vec![ran(1, (1, 1), 0, 100), ran(2, (1, 1), 110, 200), late];
    assert_eq!(rules(&story(Kind::Line, executions)), [Rule::BegunAfterItsResult]);
}

#[test]
fn a_step_within_the_jitter_of_its_result_is_none() {
    let executions = vec![ran(1, (1, 1), 0, 100), ran(2, (1, 1), 110, 200), in_process(2, ran(1, (2, 1), 300, 310))];
    assert_eq!(rules(&story(Kind::Line, executions)), []);
}

#[test]
fn a_frozen_process_overruns_by_one_call_and_no_more() {
    let calls = |count: u64| {
        let late = (0..count).map(|call| {
            let begun = 5_010 + call * 20;
            in_process(2, ran(1, (2, 1), begun, begun + 10))
        });
        let mut executions = vec![ran(1, (2, 1), 0, 100), ran(2, (2, 1), 110, 200)];
        executions.extend(late);
        let mut story = story(Kind::Line, executions);
        story.freezes.push(frozen(2, 50, 5_000));
        rules(&story)
    };
    assert_eq!(calls(1), []);
    assert_eq!(calls(2), [Rule::BegunAfterItsResult]);
}

#[test]
fn a_step_after_the_end_of_its_run() {
    let executions = vec![ran(1, (1, 1), 9_500, 9_600)];
    assert_eq!(rules(&story(Kind::Line, executions)), [Rule::BegunAfterTheEnd]);
}

#[test]
fn a_step_after_a_confirmed_kill() {
    let mut story = story(Kind::Line, vec![ran(1, (1, 1), 0, 100), ran(2, (1, 1), 2_000, 2_100)]);
    story.started[0].orders.push(Order::Killed(ms(1_000)));
    assert_eq!(rules(&story), [Rule::BegunAfterAKill]);
    story.started[0].orders = vec![Order::Killed(ms(1_900))];
    assert_eq!(rules(&story), [], "it was on its way");
}

#[test]
fn a_step_in_a_confirmed_pause() {
    let mut story = story(Kind::Line, vec![ran(1, (1, 1), 0, 100), ran(2, (1, 1), 2_000, 2_100)]);
    story.started[0].orders.push(Order::Paused { from: ms(1_000), until: ms(3_000) });
    assert_eq!(rules(&story), [Rule::BegunInAPause]);
    story.started[0].orders = vec![Order::Paused { from: ms(1_000), until: ms(1_900) }];
    assert_eq!(rules(&story), [], "it was resumed");
}

#[test]
fn two_executions_of_a_step_at_once() {
    let overlapping = || vec![ran(1, (1, 1), 0, 4_000), in_process(2, ran(1, (2, 1), 3_000, 3_100))];
    assert_eq!(rules(&story(Kind::Line, overlapping())), [Rule::Overlap]);

    let mut explained = story(Kind::Line, overlapping());
    explained.freezes.push(frozen(1, 100, 3_900));
    assert_eq!(rules(&explained), [], "its worker stood still, and noticed as soon as it went on");
    explained.freezes = vec![frozen(1, 100, 2_900)];
    assert_eq!(rules(&explained), [Rule::Overlap], "it went on for a second more");
    explained.freezes = vec![frozen(2, 100, 2_900)];
    assert_eq!(rules(&explained), [], "the second is the one call of a frozen process");

    let mut dead = story(Kind::Line, overlapping());
    dead.executions[0].left = Left::Unknown;
    assert_eq!(rules(&dead), [Rule::Overlap], "it never left");
    dead.deaths.insert(1, ms(500));
    assert_eq!(rules(&dead), []);
}

#[test]
fn a_token_that_goes_back() {
    let executions = vec![ran(1, (2, 1), 0, 100), in_process(2, ran(1, (1, 1), 200, 300)), ran(1, (2, 2), 400, 500)];
    assert_eq!(rules(&story(Kind::Line, executions)), [Rule::TokenWentBack]);
}

#[test]
fn more_items_than_the_bound() {
    let item = |number: u64, begun, returned| Execution {
        key: format!("batch#1/{number}"),
        ..ran(2, (1, 1), begun, returned)
    };
    let kind = Kind::Bulk { stage: 2, bound: 2 };
    let items = |third| vec![ran(1, (1, 1), 0, 10), item(1, 20, 2_000), item(2, 20, 2_000), item(3, third, 3_000)];
    assert_eq!(rules(&story(kind.clone(), items(1_000))), [Rule::BoundExceeded]);
    assert_eq!(rules(&story(kind.clone(), items(2_010))), []);

    let mut dead = story(kind, items(1_000));
    dead.executions[1] = in_process(2, left(Left::Unknown, dead.executions[1].clone()));
    dead.deaths.insert(2, ms(500));
    assert_eq!(rules(&dead), [], "what a dead worker had does not count");
}

#[test]
fn a_timer_that_is_early() {
    let executions = |second| vec![ran(1, (1, 1), 0, 100), ran(2, (2, 1), second, second + 10)];
    let kind = Kind::Doze { micros: 500_000 };
    assert_eq!(rules(&story(kind.clone(), executions(550))), [Rule::TimerEarly]);
    assert_eq!(rules(&story(kind, executions(601))), []);
}

#[test]
fn two_runs_of_a_schedule_at_once() {
    let of = |run: &str, begun, returned| Execution { run: run.to_owned(), ..ran(1, (1, 1), begun, returned) };
    let mut story = Story { executions: vec![of("a", 0, 1_000), of("b", 500, 900)], ..Story::default() };
    for run in ["a", "b"] {
        story.witness.runs.insert(run.to_owned(), held("chaos_tick", "completed"));
    }
    assert_eq!(rules(&story), [Rule::SchedulesOverlap]);
    story.executions[1].begun = ms(1_010);
    story.executions[1].left = Left::Returned(ms(1_100));
    assert_eq!(rules(&story), []);
}

#[test]
fn what_became_of_a_start() {
    let good = story(Kind::Line, Vec::new());
    assert_eq!(rules(&good), []);
    let mut two = good.clone();
    two.started[0].runs.push("s".to_owned());
    assert_eq!(rules(&two), [Rule::TwoRuns]);
    let mut lost = good.clone();
    lost.witness.runs.clear();
    assert_eq!(rules(&lost), [Rule::Lost]);
    let mut open = good.clone();
    open.started[0].ended = None;
    assert_eq!(rules(&open), [Rule::NotEnded]);
    let mut unasked = good.clone();
    unasked.witness.runs.insert("s".to_owned(), held("chaos_tick", "queued"));
    assert_eq!(rules(&unasked), [Rule::NotEnded]);
    let mut unnamed = good.clone();
    unnamed.witness.runs.insert("s".to_owned(), held("chaos_line", "completed"));
    assert_eq!(rules(&unnamed), [Rule::TwoRuns], "its key made a run besides");
    let mut otherwise = good.clone();
    otherwise.started[0].allowed = vec!["cancelled".to_owned()];
    assert_eq!(rules(&otherwise), [Rule::EndedOtherwise]);
    let mut changed = good;
    changed.started[0].ended = Some(Ended { state: "killed".to_owned(), at: ms(9_000) });
    assert_eq!(rules(&changed), [Rule::EndChanged]);
    changed.started[0].ended = Some(Ended { state: "parked: mismatch".to_owned(), at: ms(9_000) });
    changed.witness.runs.insert("r".to_owned(), held("chaos_line", "parked"));
    assert_eq!(rules(&changed), [Rule::EndChanged], "only poison may park it");
}

#[test]
fn slow_steps_outlast_what_is_tolerated() {
    let most = 2 * Tolerance::default().jitter;
    for millis in [SLOW.start, TICK] {
        assert!(Duration::from_millis(millis) > most, "{millis} ms");
    }
}

#[test]
fn a_session_that_counts_wrong() {
    let mut story = story(Kind::Count { session: "s".to_owned() }, Vec::new());
    for (held, found) in [(1, vec![]), (0, vec![Rule::Miscounted]), (2, vec![Rule::Miscounted])] {
        story.witness.sessions.insert("s".to_owned(), held);
        assert_eq!(rules(&story), found, "{held}");
    }
}

#[test]
fn a_violation_shows_its_lines() {
    let late = in_process(2, ran(1, (2, 1), 900, 950));
    let story = story(Kind::Line, vec![ran(1, (1, 1), 0, 100), ran(2, (1, 1), 110, 200), late]);
    let shown = broken(&story, Tolerance { jitter: Duration::ZERO, thaw: Duration::ZERO })[0].to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(
        lines,
        [
            "BegunAfterItsResult: a step began 790ms after one that needs its result",
            "    r step#2 token (1, 1) process 1 stage 2 begun 0.110000 returned 0.200000",
            "    r step#1 token (2, 1) process 2 stage 1 begun 0.900000 returned 0.950000",
        ]
    );
}
