//! The matching of events, beside their acceptance: orgs take turns.

use std::{sync::Arc, time::Instant};

use futures::{StreamExt, stream::FuturesUnordered};
use parking_lot::Mutex;
use piton_shared::{limits, name::Org};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Looker, StartedRun,
    slice::{Job, Knowledge},
    turns::{Bounds, Turns},
};

const BOUNDS: Bounds =
    Bounds { of_org: limits::EVENTS_WAITING, of_all: limits::ALL_EVENTS_WAITING, of_turn: limits::EVENTS_LOOKED };

/// Where events are handed in to be matched. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MatchingHandle {
    waiting: Arc<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// None once nothing is matched here any more.
    turns: Mutex<Option<Turns<Job>>>,
    pushed: Notify,
}

impl MatchingHandle {
    /// A handle, and what matches that which comes through it.
    pub fn new(looker: Looker) -> (Self, EventMatching) {
        let waiting = Arc::new(Waiting { turns: Mutex::new(Some(Turns::new(BOUNDS))), pushed: Notify::new() });
        (Self { waiting: Arc::clone(&waiting) }, EventMatching { waiting, looker })
    }

    /// Has a new event matched: says which runs it started. Without an answer it is owed, or matched elsewhere.
    pub fn new_event(&self, org: &Org, event: Uuid) -> oneshot::Receiver<Vec<StartedRun>> {
        let (reply, answer) = oneshot::channel();
        self.push(org, event, Some(reply));
        answer
    }

    /// Has an event matched that a sweep found.
    pub fn owed_event(&self, org: &Org, event: Uuid) {
        self.push(org, event, None);
    }

    fn push(&self, org: &Org, event: Uuid, reply: Option<oneshot::Sender<Vec<StartedRun>>>) {
        let knowledge = Knowledge::Remembered;
        let job = Job { event, since: Instant::now(), reply, overtaken: 0, knowledge, begun: None };
        if let Some(turns) = &mut *self.waiting.turns.lock()
            && turns.push(org, job).is_ok()
        {
            self.waiting.pushed.notify_one();
        }
        // One for which there is no room is owed, and a sweep brings it again.
    }

    /// How many more events may wait here, of all orgs.
    pub fn room(&self) -> usize {
        self.waiting.turns.lock().as_ref().map_or(0, Turns::room)
    }

    /// Events of an org that wait here.
    pub fn waiting(&self, org: &Org) -> usize {
        self.waiting.turns.lock().as_ref().map_or(0, |turns| turns.of(org))
    }
}

/// The loop that matches events.
pub struct EventMatching {
    waiting: Arc<Waiting>,
    looker: Looker,
}

impl EventMatching {
    /// Matches until told to stop. Turns that are under way then come to their end; what waits stays owed.
    pub async fn run(self, stop: CancellationToken) {
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < limits::MATCHING_TURNS
                && let Some(turn) = self.waiting.turns.lock().as_mut().and_then(Turns::next)
            {
                running.push(self.looker.turn(turn));
            }
            tokio::select! {
                () = stop.cancelled() => break,
                Some(left) = running.next(), if !running.is_empty() => {
                    if let Some(turns) = &mut *self.waiting.turns.lock() {
                        turns.end(left);
                    }
                }
                () = self.waiting.pushed.notified() => {}
            }
        }
        // Dropped, their publishers are told that they are owed.
        drop(self.waiting.turns.lock().take());
        while running.next().await.is_some() {}
    }
}
