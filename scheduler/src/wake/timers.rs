//! Timers: fired once, by the database's clock, never early.

use std::{sync::Arc, time::Duration};

use piton_shared::{
    limits,
    name::{Build, Org, Queue},
};
use piton_telemetry::metrics::SchedulerMetrics;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::Teller;
use crate::{
    dispatch::{Backlog, Giver},
    store::{Room, Store, StoreError},
};

/// Tells the loop that a timer was set. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Timers {
    next: Arc<parking_lot::Mutex<Option<Instant>>>,
    sooner: Arc<Notify>,
}

impl Timers {
    /// A timer was set that is due in this time.
    pub fn due_in(&self, due: Duration) {
        let at = Instant::now() + due;
        let mut next = self.next.lock();
        if next.is_none_or(|known| at < known) {
            *next = Some(at);
            self.sooner.notify_one();
        }
    }
}

/// Fires what is due.
pub struct TimerLoop {
    /// Where timers lie.
    pub store: Store,
    /// Who wakes the runs.
    pub teller: Teller,
    /// How much room queues have: a million runs that are due at once are not published at once.
    pub backlog: Backlog,
    /// Who gives away what is to be tried again.
    pub giver: Giver,
    /// Who says that one was set.
    pub timers: Timers,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
    /// How often to look when nothing is known to be due: timers set through other schedulers.
    pub every: Duration,
}

impl TimerLoop {
    /// Fires until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.fire().await {
                Ok(0) => self.pause(&stop).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "failed to fire timers");
                    self.pause(&stop).await;
                }
            }
        }
    }

    /// Fires timers, and lets work whose next try is due be executed; says how much.
    async fn fire(&self) -> Result<usize, StoreError> {
        let mut full = Room::Some;
        let place = |org: &Org, queue: &Queue, build: Option<&Build>| {
            let room = self.backlog.take(org, queue, build);
            if room == Room::None {
                full = Room::None;
            }
            room
        };
        let fired = self.store.fire_due_into(limits::FIRE_ROWS, place).await?;
        if full == Room::None {
            self.backlog.put_off();
        }
        let mut count = fired.len();
        for told in &fired {
            self.metrics.timers_fired.add(u64::from(told.fired));
            self.metrics.timer_lag.seconds(told.lag);
        }
        self.teller.tell(fired).await;
        let due = self.store.steps_due(limits::SWEEP_ROWS).await?;
        count += due.len();
        for step in &due {
            self.metrics.timers_fired.inc();
            self.metrics.timer_lag.seconds(step.lag);
        }
        self.giver.offer(due.into_iter().map(|step| step.offer).collect());
        Ok(count)
    }

    async fn pause(&self, stop: &CancellationToken) {
        let latest = Instant::now() + self.every;
        let due = match self.store.next_due().await {
            // The clocks differ by the time the answer took: ask again a moment later rather than early.
            Ok(Some(due)) => latest.min(Instant::now() + due + Duration::from_millis(1)),
            Ok(None) | Err(_) => latest,
        };
        *self.timers.next.lock() = Some(due);
        loop {
            let until = self.timers.next.lock().unwrap_or(due);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(until) => return,
                () = self.timers.sooner.notified() => {}
            }
        }
    }
}
