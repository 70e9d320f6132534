//! Timers: fired once, by the database's clock, never early.

use std::{sync::Arc, time::Duration};

use piton_shared::limits;
use piton_telemetry::metrics::SchedulerMetrics;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::Teller;
use crate::store::Store;

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
            match self.store.fire_due(limits::SWEEP_ROWS).await {
                Ok(fired) if fired.is_empty() => self.pause(&stop).await,
                Ok(fired) => {
                    for told in &fired {
                        self.metrics.timers_fired.add(u64::from(told.fired));
                        self.metrics.timer_lag.seconds(told.lag);
                    }
                    self.teller.tell(fired).await;
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "failed to fire timers");
                    self.pause(&stop).await;
                }
            }
        }
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
