//! How long to wait before the next try to connect: the one user of `backoff`.
//!
//! For connections only. How steps are retried is decided by `piton_shared::retry`, whose state is a row.

use piton_shared::limits;
use std::time::Duration;

use backoff::{ExponentialBackoff, backoff::Backoff as _};

const FACTOR: f64 = 2.0;
/// Each wait is spread by this part of itself to either side, so that a thousand workers that lost the same
/// server do not come back in the same instant.
const SPREAD: f64 = 0.5;

/// Waits between tries to connect: doubling, spread by half to either side, without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    /// Before the first try. Defaults to 50 ms.
    pub initial: Duration,
    /// At most, before it is spread. Defaults to [`limits::RECONNECT_WAIT`].
    pub max: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { initial: Duration::from_millis(50), max: limits::RECONNECT_WAIT }
    }
}

/// Whether another try may help.
#[derive(Debug)]
pub enum TryError<E> {
    /// It may.
    Passing(E),
    /// It would fail the same way.
    Lasting(E),
}

impl Reconnect {
    /// The wait before try number `attempt`, counted from 1.
    pub fn delay(&self, attempt: usize) -> Duration {
        let mut policy = self.policy(None);
        let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(31);
        policy.current_interval = self.initial.saturating_mul(1 << doublings).min(self.max);
        policy.next_backoff().unwrap_or(self.max)
    }

    /// Tries at once, and again until it succeeds, fails for good, or `within` has passed; the last failure
    /// is returned.
    pub async fn until<T, E, Fut>(&self, within: Duration, attempt: impl FnMut() -> Fut) -> Result<T, E>
    where
        E: std::fmt::Display,
        Fut: Future<Output = Result<T, TryError<E>>>,
    {
        let mut attempt = attempt;
        let attempt = move || {
            let attempt = attempt();
            async {
                attempt.await.map_err(|error| match error {
                    TryError::Passing(error) => backoff::Error::transient(error),
                    TryError::Lasting(error) => backoff::Error::permanent(error),
                })
            }
        };
        backoff::future::retry_notify(self.policy(Some(within)), attempt, |error, wait| {
            tracing::debug!(%error, ?wait, "could not connect yet");
        })
        .await
    }

    fn policy(&self, within: Option<Duration>) -> ExponentialBackoff {
        ExponentialBackoff {
            current_interval: self.initial,
            initial_interval: self.initial,
            randomization_factor: SPREAD,
            multiplier: FACTOR,
            max_interval: self.max,
            max_elapsed_time: within,
            ..ExponentialBackoff::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound_and_never_end() {
        let policy = Reconnect::default();
        for (attempt, middle) in [(0, 50), (1, 50), (2, 100), (4, 400), (7, 500), (usize::MAX, 500)] {
            let wait = policy.delay(attempt).as_millis();
            assert!(wait >= middle / 2 && wait <= middle * 3 / 2 + 1, "try {attempt} waits {wait} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_in_time_and_at_once_for_good() {
        let policy = Reconnect::default();
        let mut tries = 0;
        let failed: Result<(), &str> = policy
            .until(Duration::from_millis(5), || {
                tries += 1;
                async { Err(TryError::Passing("no")) }
            })
            .await;
        assert_eq!((failed, tries), (Err("no"), 1), "the first wait would pass the deadline");
        let mut tries = 0;
        let failed: Result<(), &str> = policy
            .until(Duration::from_mins(1), || {
                tries += 1;
                async { Err(TryError::Lasting("never")) }
            })
            .await;
        assert_eq!((failed, tries), (Err("never"), 1));
        let mut tries = 0;
        let done = policy
            .until(Duration::from_mins(1), || {
                tries += 1;
                let now = tries;
                async move { if now < 3 { Err(TryError::Passing("not yet")) } else { Ok(now) } }
            })
            .await;
        assert_eq!(done, Ok(3));
    }
}
