//! Polls a workflow to a standstill, and says what became of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    machine::{Body, Machine, Outcome},
    mismatch,
    scope::Scope,
};
use crate::{limits, parked::Parked};

impl Machine {
    pub(super) fn park(&mut self, reason: Parked) {
        self.replace(Body::Parked(reason));
    }

    /// The destructors of a workflow are the user's code: what they throw must not reach the driver.
    pub(super) fn replace(&mut self, body: Body) {
        let before = std::mem::replace(&mut self.body, body);
        let _turn = self.core.alarm.turn();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(before)));
    }

    /// Polls until nothing wakes the workflow any more, and says what became of it.
    pub(super) fn settle(&mut self) {
        if self.core.alarm.heard_stranger() {
            self.core.ledger().park_stranger();
        }
        let mut idle = 0;
        loop {
            let (parked, moves) = {
                let ledger = self.core.ledger();
                (ledger.parked.clone(), ledger.moves)
            };
            if let Some(reason) = parked {
                return self.park(reason);
            }
            self.core.alarm.take_rung();
            let polled = self.poll();
            if self.core.alarm.heard_stranger() {
                self.core.ledger().park_stranger();
            }
            let parked = self.core.ledger().parked.is_some();
            match polled {
                Err(message) => return self.park(Parked::Panic { message }),
                Ok(_) if parked => continue,
                Ok(Poll::Ready(outcome)) => return self.replace(Body::Ended(outcome)),
                Ok(Poll::Pending) => {}
            }
            let mut ledger = self.core.ledger();
            if !self.core.alarm.take_rung() {
                if ledger.open() > 0 || ledger.fetches.open().is_some() {
                    return;
                }
                // It waits, and there is nothing that could answer it.
                ledger.park_stranger();
            } else if ledger.moves != moves {
                idle = 0;
            } else {
                idle += 1;
                if idle >= limits::IDLE_POLLS {
                    ledger.park_limit(format!(
                        "it woke itself {idle} times without asking for anything: await what its context offers"
                    ));
                }
            }
        }
    }

    /// One poll of the workflow; the message if it panicked.
    fn poll(&mut self) -> Result<Poll<Outcome>, String> {
        let core = &self.core;
        let body = &mut self.body;
        let _turn = core.alarm.turn();
        self.polls += 1;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            if let Body::New(_) = body {
                let parked = Parked::Panic { message: "it panicked while it was called".to_owned() };
                if let Body::New(make) = std::mem::replace(body, Body::Parked(parked)) {
                    *body = Body::Running(make(Scope::top(Arc::clone(core))));
                }
            }
            match body {
                Body::Running(future) => future.as_mut().poll(&mut Context::from_waker(&core.alarm.waker())),
                Body::New(_) | Body::Ended(_) | Body::Parked(_) => Poll::Pending,
            }
        }));
        polled.map_err(|panic| mismatch::panic_message(panic.as_ref()))
    }
}
