//! Cost is counted in polls and not in time: linear in what is new.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};

use super::{
    super::{Call, Durable, Replayed, Request, Scope, Turn},
    world::{Origin, World, machine, step, value, workflow},
};

use crate::{
    journal::{Entry, Kind, Place},
    limits,
    time::Timestamp,
};

/// Counts how often what is inside is polled.
struct Counted<F> {
    inner: F,
    polls: Arc<AtomicU64>,
}

impl<F: Future + Unpin> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.inner).poll(cx)
    }
}

fn counted(call: Durable<u64>, polls: &Arc<AtomicU64>) -> Counted<Durable<u64>> {
    Counted { inner: call, polls: Arc::clone(polls) }
}

#[test]
fn a_long_sequence_costs_one_poll_a_row() {
    const STEPS: u64 = 5_000;
    let body = Arc::new(workflow(|scope: Scope| async move {
        for _ in 0..STEPS {
            step(&scope, "f", 1).await?;
        }
        Ok(())
    }));
    let mut world = World::resume(&body, &[]);
    world.run();
    assert_eq!(world.machine.polls(), STEPS + 1);
    let mut again = machine(&body);
    assert!(matches!(again.replay(&world.journal), Ok(Replayed::All(Turn::Ended(Ok(_))))));
    assert_eq!(again.polls(), STEPS + 1);
}

#[test]
fn a_wide_join_polls_each_future_twice() {
    const WIDTH: u64 = 3_000;
    let polls = Arc::new(AtomicU64::new(0));
    let join = {
        let polls = Arc::clone(&polls);
        workflow(move |scope: Scope| {
            let polls = Arc::clone(&polls);
            async move {
                join_all((0..WIDTH).map(|_| counted(step(&scope, "f", 1), &polls))).await;
                Ok(())
            }
        })
    };
    let unordered = {
        let polls = Arc::clone(&polls);
        workflow(move |scope: Scope| {
            let polls = Arc::clone(&polls);
            async move {
                let calls = (0..WIDTH).map(|_| counted(step(&scope, "f", 1), &polls));
                let tasks: FuturesUnordered<_> = calls.collect();
                assert_eq!(tasks.count().await as u64, WIDTH);
                Ok(())
            }
        })
    };
    for body in [join, unordered] {
        polls.store(0, Ordering::Relaxed);
        let body = Arc::new(body);
        let mut world = World::resume(&body, &[]);
        while world.end.is_none() {
            world.finish(world.open.len() - 1, Origin::Outside);
        }
        assert_eq!(polls.load(Ordering::Relaxed), 2 * WIDTH);
        assert!(world.machine.polls() <= WIDTH + 3, "{}", world.machine.polls());
        polls.store(0, Ordering::Relaxed);
        let again = World::resume(&body, &world.journal);
        assert!(again.end.is_some());
        assert_eq!(polls.load(Ordering::Relaxed), 2 * WIDTH);
    }
}

#[test]
fn a_cancel_of_many_is_one_turn() {
    const WIDTH: u64 = 2_000;
    let polls = Arc::new(AtomicU64::new(0));
    let body = {
        let polls = Arc::clone(&polls);
        workflow(move |scope: Scope| {
            let polls = Arc::clone(&polls);
            async move {
                join_all((0..WIDTH).map(|_| counted(step(&scope, "f", 1), &polls))).await;
                Ok(())
            }
        })
    };
    let mut world = World::begin(body);
    world.cancel();
    assert!(world.end.is_some());
    assert_eq!(polls.load(Ordering::Relaxed), 2 * WIDTH);
}

#[test]
fn a_long_replay_keeps_what_is_open_only() {
    let body = Arc::new(workflow(|scope: Scope| async move {
        let open = step(&scope, "open", 1);
        let busy = async {
            for _ in 0..500 {
                step(&scope, "busy", 1).await?;
            }
            Ok(())
        };
        let (open, busy): (_, Result<(), crate::failure::StepError>) = futures::join!(open, busy);
        busy?;
        Ok(open?)
    }));
    let mut world = World::resume(&body, &[]);
    for _ in 0..400 {
        world.finish(1, Origin::Own);
    }
    let again = World::resume(&body, &world.journal);
    assert_eq!(again.open_keys(), ["open#1", "busy#401"]);
    assert_eq!(again.keys.len(), 2);
}

#[test]
fn as_many_calls_as_may_be_open_cost_one_poll_each() {
    let width = limits::OPEN_CALLS;
    let body = Arc::new(workflow(move |scope: Scope| async move {
        let fan = scope.fan_out("parallel");
        let calls = (0..width).map(|index| step(&fan.branch(index.to_string()), "f", 1));
        let tasks: FuturesUnordered<_> = calls.collect();
        Ok(tasks.count().await)
    }));
    let mut machine = machine(&body);
    let Turn::Waiting(requests) = machine.begin() else { panic!("it waits") };
    assert_eq!(requests.len(), width);
    // It gives way now and then while it asks.
    let asking = machine.polls();
    assert!(asking <= width as u64 / 16, "{asking}");
    let mut last = Turn::Waiting(vec![]);
    for (number, request) in requests.into_iter().rev().enumerate() {
        let Request::Start(Call::Step(call)) = request else { panic!("only steps are asked for") };
        let entry = Entry {
            key: call.key,
            kind: Kind::Step,
            name: call.function.into_owned(),
            input: call.input,
            outcome: Ok(vec![1]),
            place: Place::Outside { number: number as u32 + 1 },
            started_at: Timestamp::EPOCH,
            finished_at: Timestamp::EPOCH,
            worker: None,
            try_number: 1,
        };
        last = machine.deliver(&entry).expect("the row is the next");
    }
    assert_eq!(value::<usize>(last), width);
    assert_eq!(machine.polls(), asking + width as u64);
}
