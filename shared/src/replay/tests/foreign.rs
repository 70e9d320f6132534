//! What is not durable and is named.

use std::{
    sync::{Arc, Mutex},
    task::{Poll, Waker},
};

use futures::future::{join, poll_fn};

use super::{
    super::Scope,
    world::{World, parked, step, value, workflow},
};
use crate::{journal::StepKey, limits, parked::Parked};

/// Pending until somebody wakes it from elsewhere.
fn stranger(waker: &Arc<Mutex<Option<Waker>>>) -> impl Future<Output = ()> + use<> {
    let waker = Arc::clone(waker);
    let mut polled = false;
    poll_fn(move |cx| {
        waker.lock().expect("nobody panics").replace(cx.waker().clone());
        if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
    })
}

#[test]
fn waiting_for_nothing_durable_is_named() {
    let body = workflow(|scope: Scope| async move {
        step(&scope, "f", 1).await?;
        std::future::pending::<()>().await;
        Ok(())
    });
    let mut world = World::begin(body);
    world.finish_key("f#1");
    assert_eq!(parked(world), Parked::ForeignAwait { after: Some(StepKey::new("f#1")) });
    let at_once = workflow(|_: Scope| async move {
        std::future::pending::<()>().await;
        Ok(())
    });
    assert_eq!(parked(World::begin(at_once)), Parked::ForeignAwait { after: None });
}

#[test]
fn a_wake_from_elsewhere_is_named_at_the_next_turn() {
    let waker = Arc::default();
    let body = {
        let waker = Arc::clone(&waker);
        workflow(move |scope: Scope| {
            let stranger = stranger(&waker);
            async move {
                let (value, ()) = join(step(&scope, "f", 1), stranger).await;
                Ok(value?)
            }
        })
    };
    let mut world = World::begin(body);
    assert!(!world.machine.woken_by_stranger());
    waker.lock().expect("nobody panics").take().expect("it was polled").wake();
    assert!(world.machine.woken_by_stranger());
    world.finish_key("f#1");
    assert_eq!(parked(world), Parked::ForeignAwait { after: Some(StepKey::new("f#1")) });
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it is about another thread")]
fn a_wake_by_another_thread_within_a_poll_is_foreign() {
    let body = workflow(|scope: Scope| async move {
        let mut polled = false;
        let elsewhere = poll_fn(move |cx| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            std::thread::spawn(move || waker.wake()).join().expect("it only wakes");
            Poll::Pending
        });
        let (value, ()) = join(step(&scope, "f", 1), elsewhere).await;
        Ok(value?)
    });
    assert_eq!(parked(World::begin(body)), Parked::ForeignAwait { after: None });
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it is about another thread")]
fn a_context_used_by_another_thread_is_foreign() {
    let body = workflow(|scope: Scope| async move {
        let elsewhere = scope.clone();
        std::thread::spawn(move || drop(step(&elsewhere, "f", 1))).join().expect("it only asks");
        Ok(step(&scope, "f", 1).await?)
    });
    assert_eq!(parked(World::begin(body)), Parked::ForeignAwait { after: None });
}

fn yields(times: u32) -> impl Future<Output = ()> {
    let mut left = times;
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

#[test]
fn yields_are_polled_again_and_bounded() {
    let body = workflow(|scope: Scope| async move {
        yields(limits::IDLE_POLLS - 1).await;
        step(&scope, "f", 1).await?;
        yields(100).await;
        Ok(())
    });
    let mut world = World::begin(body);
    world.run();
    assert_eq!(world.end.map(value::<()>), Some(()));
    let endless = workflow(|_: Scope| async move {
        yields(u32::MAX).await;
        Ok(())
    });
    let Parked::Limit { message } = parked(World::begin(endless)) else { panic!("it never waits") };
    assert!(message.contains("woke itself"), "{message}");
}
