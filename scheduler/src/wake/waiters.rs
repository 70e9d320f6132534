//! Callers who wait for a run's end.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use piton_shared::{failure::Failure, ids::RunId, journal::Payload, message::wake::Ended};
use piton_transport::Bus;
use tokio::sync::{mpsc, watch};

/// Ends told to other schedulers in one message at most.
const ENDS: usize = 4096;

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// With a result.
    Completed(Payload),
    /// With a failure.
    Failed(Failure),
    /// Because it was asked to.
    Cancelled(Failure),
    /// Somehow: look.
    Elsewhere,
}

/// Announces one run's end to everybody who waits for it.
type Announcer = watch::Sender<Option<End>>;

/// Who waits for what. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Waiters {
    waiting: Arc<Mutex<HashMap<RunId, Weak<Announcer>>>>,
    ended: mpsc::Sender<RunId>,
}

/// One caller's wait; ends with it.
#[derive(Debug)]
pub struct Waiting {
    run: RunId,
    end: watch::Receiver<Option<End>>,
    sender: Arc<Announcer>,
    waiters: Waiters,
}

/// What is told to the other schedulers.
#[derive(Debug)]
pub struct Ends {
    ended: mpsc::Receiver<RunId>,
}

impl Waiters {
    /// Nobody waits yet.
    pub fn new() -> (Self, Ends) {
        let (send, receive) = mpsc::channel(ENDS);
        (Self { waiting: Arc::default(), ended: send }, Ends { ended: receive })
    }

    /// Begins to wait. Subscribe first, then look.
    pub fn wait_for(&self, run: RunId) -> Waiting {
        let mut waiting = self.waiting.lock();
        let sender = waiting.get(&run).and_then(Weak::upgrade).unwrap_or_else(|| {
            let sender = Arc::new(watch::Sender::new(None));
            waiting.insert(run, Arc::downgrade(&sender));
            sender
        });
        Waiting { run, end: sender.subscribe(), sender, waiters: self.clone() }
    }

    /// A run ended here: those who wait here are told, the other schedulers too.
    pub fn ended(&self, run: RunId, end: End) {
        self.told(run, end);
        // When the channel is full the others find out by looking, as they do anyway from time to time.
        if self.ended.try_send(run).is_err() {
            tracing::debug!(%run, "too many ends to tell the other schedulers");
        }
    }

    /// A run ended: those who wait here are told.
    pub fn told(&self, run: RunId, end: End) {
        // Whoever begins to wait from now on looks, and finds that it has ended.
        let sender = self.waiting.lock().remove(&run).and_then(|it| it.upgrade());
        if let Some(sender) = sender {
            sender.send_replace(Some(end));
        }
    }

    /// The runs somebody waits for here.
    pub fn waited_for(&self) -> Vec<RunId> {
        self.waiting.lock().keys().copied().collect()
    }
}

impl Waiting {
    /// Waits for the end.
    pub async fn end(&mut self) -> End {
        match self.end.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(End::Elsewhere),
            Err(_) => End::Elsewhere,
        }
    }

    /// Whether the end was told.
    pub fn has_ended(&self) -> bool {
        self.end.borrow().is_some()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = self.waiters.waiting.lock();
        // This one and nobody else: two strong references would mean another caller.
        let last = Arc::strong_count(&self.sender) == 1;
        let mine = waiting.get(&self.run).is_some_and(|it| std::ptr::eq(it.as_ptr(), Arc::as_ptr(&self.sender)));
        if last && mine {
            waiting.remove(&self.run);
        }
    }
}

impl Ends {
    /// Tells the other schedulers until every [`Waiters`] is gone.
    pub async fn run(mut self, bus: Bus) {
        let subject = bus.subjects().ended();
        let mut runs = Vec::with_capacity(64);
        while self.ended.recv_many(&mut runs, ENDS).await > 0 {
            if let Err(error) = bus.publish(&subject, &Ended { runs: std::mem::take(&mut runs) }).await {
                tracing::debug!(%error, "ends were not told; the other schedulers look from time to time");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use piton_shared::ids::uuid_v7;

    use super::*;

    #[tokio::test]
    async fn every_caller_is_told_and_nothing_is_kept() {
        let (waiters, _ends) = Waiters::new();
        let run = RunId::new(uuid_v7(1, [1; 10]));
        let (mut one, mut two) = (waiters.wait_for(run), waiters.wait_for(run));
        waiters.ended(run, End::Completed(vec![1]));
        assert_eq!(one.end().await, End::Completed(vec![1]));
        drop(one);
        assert_eq!(two.end().await, End::Completed(vec![1]));
        drop(two);
        assert!(waiters.waited_for().is_empty());
    }
}
