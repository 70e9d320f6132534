//! Calls beside each other: joins, races, withdrawals and cancels.

use std::sync::Arc;

use futures::{
    FutureExt, StreamExt,
    future::{Either, join, join_all, select},
    stream::FuturesUnordered,
};

use super::{
    super::{Call, Scope, Turn},
    world::{Body, Origin, World, or_error, step, value, workflow},
};
use crate::{
    codec,
    failure::{Failure, StepError},
    time::Timestamp,
};

fn race() -> Body {
    workflow(|scope: Scope| async move {
        let winner = match select(step(&scope, "left", 1), step(&scope, "right", 2)).await {
            Either::Left((value, _)) | Either::Right((value, _)) => value?,
        };
        Ok(step(&scope, "last", winner).await?)
    })
}

#[test]
fn a_loser_is_withdrawn_and_its_late_result_tolerated() {
    let body = Arc::new(race());
    let mut world = World::resume(&body, &[]);
    world.finish_key("right#1");
    assert_eq!(world.withdrawn.len(), 1);
    assert_eq!(world.open_keys(), ["last#1"]);
    world.finish_withdrawn(0);
    assert_eq!(value::<u64>(world.run()), 4);
    for crash in 0..world.journal.len() {
        let mut again = World::resume(&body, &world.journal[..crash]);
        assert!(again.withdrawn.is_empty(), "nobody is told to withdraw what it never heard of");
        for row in &world.journal[crash..] {
            again.tell(row.clone());
        }
        assert_eq!(again.end, world.end, "after {crash} rows");
    }
}

#[test]
fn what_is_asked_and_dropped_at_once_is_never_heard_of() {
    let mut world = World::begin(workflow(|scope: Scope| async move {
        assert!(step(&scope, "peek", 1).now_or_never().is_none());
        Ok(step(&scope, "f", 1).await?)
    }));
    assert_eq!(world.open_keys(), ["f#1"]);
    assert_eq!(value::<u64>(world.run()), 2);
}

#[test]
fn joins_take_any_number_and_any_order() {
    for count in [1, 29, 31, 400] {
        let body = Arc::new(workflow(move |scope: Scope| async move {
            let all = join_all((0..count).map(|i| step(&scope, "f", i * 10))).await;
            Ok(all.into_iter().map(or_error).sum::<u64>())
        }));
        let mut forth = World::resume(&body, &[]);
        let mut back = World::resume(&body, &[]);
        assert_eq!(forth.open.len() as u64, count);
        while back.end.is_none() {
            back.finish(back.open.len() - 1, Origin::Outside);
        }
        assert_eq!(Some(forth.run()), back.end);
    }
}

#[test]
fn unordered_futures_come_in_the_order_of_the_journal() {
    let body = Arc::new(workflow(|scope: Scope| async move {
        let mut unordered: FuturesUnordered<_> = (0..40).map(|i| step(&scope, "f", i * 10)).collect();
        let mut seen = vec![];
        while let Some(value) = unordered.next().await {
            seen.push(value?);
        }
        Ok(seen)
    }));
    let mut world = World::resume(&body, &[]);
    let mut expected: Vec<u64> = vec![];
    while world.end.is_none() {
        let index = (expected.len() * 7) % world.open.len();
        let Call::Step(call) = &world.open[index] else { panic!("only steps are asked") };
        expected.push(codec::decode::<u64>(&call.input).expect("it is a number") + 1);
        world.finish(index, Origin::Own);
    }
    assert_eq!(world.end.clone().map(value::<Vec<u64>>), Some(expected));
    assert_eq!(World::resume(&body, &world.journal).end, world.end);
}

#[test]
fn a_cancel_ends_every_open_call_once_and_lets_the_workflow_compensate() {
    let body = Arc::new(workflow(|scope: Scope| async move {
        let (left, right) = join(step(&scope, "left", 1), step(&scope, "right", 1)).await;
        assert_eq!((left, right), (Err(StepError::Cancelled), Err(StepError::Cancelled)));
        let at = scope.cancelled().map(Timestamp::as_micros);
        Ok((step(&scope, "undo", 1).await?, at))
    }));
    let mut world = World::resume(&body, &[]);
    world.cancel();
    assert_eq!(world.open_keys(), ["undo#1"]);
    assert_eq!(world.withdrawn.len(), 2);
    world.cancel();
    assert_eq!(world.open_keys(), ["undo#1"], "a second cancel does not cancel the compensation");
    world.finish_withdrawn(1);
    assert_eq!(value::<(u64, Option<i64>)>(world.run()), (2, Some(2000)));
    assert_eq!(World::resume(&body, &world.journal).end, world.end);
}

#[test]
fn an_error_that_says_cancelled_says_so_on_the_run() {
    let mut world = World::begin(workflow(|scope: Scope| async move { Ok(step(&scope, "f", 1).await?) }));
    world.cancel();
    assert_eq!(world.end, Some(Turn::Ended(Err(Failure::cancelled()))));
}

#[test]
fn rows_behind_the_end_are_tolerated_if_the_workflow_knows_them() {
    let body = Arc::new(race());
    let mut world = World::resume(&body, &[]);
    world.finish_key("left#1");
    let loser = world.withdrawn[0].clone();
    world.run();
    let end = world.end.clone();
    let late = world.row(&loser, Origin::Outside, Ok(vec![1]));
    world.tell(late);
    world.cancel();
    assert_eq!(world.end, end);
    assert_eq!(World::resume(&body, &world.journal).end, end);
}

#[test]
fn a_waker_moves_with_its_future() {
    let mut world = World::begin(workflow(|scope: Scope| async move {
        let mut step = step(&scope, "f", 1);
        // Polled once with a waker of nobody, then by a task of its own.
        assert!((&mut step).now_or_never().is_none());
        let mut tasks: FuturesUnordered<_> = [step].into_iter().collect();
        Ok(tasks.next().await.expect("one is in it")?)
    }));
    assert_eq!(value::<u64>(world.run()), 2);
}
