//! The functions that are executed now, all of them polled by the run that waits for them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use parking_lot::Mutex;
use piton_shared::{
    failure::Failure,
    journal::{Outcome, StepKey},
    time::Timestamp,
};

use super::away::WorkId;
use crate::{Ended, TryHandle, runtime::panicked};

/// One try under way.
pub(super) struct Executing {
    pub(super) of: Of,
    pub(super) key: StepKey,
    pub(super) try_number: u32,
    /// Its place among the tries of the story.
    pub(super) record: usize,
    pub(super) started_at: Timestamp,
    /// When its time is over, and how it fails then.
    pub(super) limit: Option<(Timestamp, Failure)>,
    pub(super) work: Work,
    pub(super) handle: TryHandle,
}

/// Who executes a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    /// The worker that holds the run.
    Run,
    /// Whoever took this work, which the run gave away.
    Away(WorkId),
}

/// What a try does.
pub(super) enum Work {
    /// It ends so, then.
    Scripted { ends: Timestamp, outcome: Outcome },
    /// It goes on until it is stopped.
    Endless,
    /// Something that is polled.
    Polled(Polled),
}

/// A future and who wakes it.
pub(super) struct Polled {
    future: Ended,
    bell: Arc<Bell>,
    /// What it takes on the virtual clock once it has ended.
    takes: Duration,
}

impl Polled {
    /// Calls what makes the future; a panic in there is one of the try.
    pub(super) fn new(call: impl FnOnce() -> Ended, takes: Duration) -> Self {
        let future = catch_unwind(AssertUnwindSafe(call))
            .unwrap_or_else(|panic| Box::pin(std::future::ready(Err(panicked(panic.as_ref())))));
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), run: Mutex::new(None) });
        Self { future, bell, takes }
    }

    fn poll(&mut self, run: &Waker) -> Poll<Outcome> {
        *self.bell.run.lock() = Some(run.clone());
        if !self.bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&self.bell));
        let future = &mut self.future;
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(future).poll(&mut Context::from_waker(&waker))));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(panic.as_ref()))))
    }

    /// Whether somebody may still wake it: nobody does of whom nobody kept the waker.
    fn may_wake(&self) -> bool {
        self.bell.rung.load(Ordering::Acquire) || Arc::strong_count(&self.bell) > 1
    }
}

/// Wakes the run when one of its functions is woken.
struct Bell {
    rung: AtomicBool,
    run: Mutex<Option<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        if let Some(run) = self.run.lock().take() {
            run.wake();
        }
    }
}

/// What became of the functions under way.
pub(super) enum Moved {
    /// This one has ended by itself.
    Ended(Box<Executing>, Outcome),
    /// None ends before time passes.
    Standstill,
}

/// Waits until a function ends by itself, or none will before time passes: those that were woken by nobody within
/// `patience` are not waited for.
pub(super) async fn moved(executing: &mut Vec<Executing>, now: Timestamp, patience: Duration) -> Moved {
    let mut waited = None;
    std::future::poll_fn(move |context| {
        if let Some((index, outcome)) = first_ended(executing, now, context.waker()) {
            return Poll::Ready(Moved::Ended(Box::new(executing.remove(index)), outcome));
        }
        let may_wake = executing.iter().any(|one| matches!(&one.work, Work::Polled(polled) if polled.may_wake()));
        if !may_wake {
            return Poll::Ready(Moved::Standstill);
        }
        if waited.is_none() && tokio::runtime::Handle::try_current().is_ok() {
            waited = Some(Box::pin(tokio::time::sleep(patience)));
        }
        match waited.as_mut().map(|waited| waited.as_mut().poll(context)) {
            Some(Poll::Ready(())) => Poll::Ready(Moved::Standstill),
            Some(Poll::Pending) | None => Poll::Pending,
        }
    })
    .await
}

fn first_ended(executing: &mut [Executing], now: Timestamp, run: &Waker) -> Option<(usize, Outcome)> {
    for (index, one) in executing.iter_mut().enumerate() {
        match &mut one.work {
            Work::Scripted { ends, outcome } if *ends <= now => return Some((index, outcome.clone())),
            Work::Scripted { .. } | Work::Endless => {}
            Work::Polled(polled) => {
                let Poll::Ready(outcome) = polled.poll(run) else { continue };
                if polled.takes.is_zero() {
                    return Some((index, outcome));
                }
                // Its code has run; its end comes when the time is over that it is said to take.
                one.work = Work::Scripted { ends: one.started_at.plus(polled.takes), outcome };
            }
        }
    }
    None
}

/// The next moment at which one of them ends or runs out of time.
pub(super) fn next_moment(executing: &[Executing]) -> Option<Timestamp> {
    let ends = executing.iter().filter_map(|one| match &one.work {
        Work::Scripted { ends, .. } => Some(*ends),
        Work::Endless | Work::Polled(_) => None,
    });
    let limits = executing.iter().filter_map(|one| one.limit.as_ref().map(|(at, _)| *at));
    ends.chain(limits).min()
}

/// Takes one whose time is over.
pub(super) fn out_of_time(executing: &mut Vec<Executing>, now: Timestamp) -> Option<(Executing, Failure)> {
    // One that ends at the very moment has ended in time.
    let in_time = |one: &Executing, at: Timestamp| matches!(&one.work, Work::Scripted { ends, .. } if *ends <= at);
    let over = |one: &Executing| one.limit.as_ref().is_some_and(|(at, _)| *at <= now && !in_time(one, *at));
    let index = executing.iter().position(over)?;
    let mut one = executing.remove(index);
    let (_, failure) = one.limit.take()?;
    Some((one, failure))
}
