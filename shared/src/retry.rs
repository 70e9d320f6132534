//! When a failed try is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    failure::{Cause, Failure, Retry},
    time::Timestamp,
};

/// How often and how patiently a step is tried. Every field has a default, and the whole is a pure function of what
/// is journaled: nothing of it lives in memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryPolicy {
    /// Tries in all, the first included. Defaults to 5; zero counts as 1.
    pub max_tries: u32,
    /// How the delay grows from try to try. Defaults to doubling.
    pub backoff: Backoff,
    /// The delay after the first try. Defaults to half a second.
    pub initial: Duration,
    /// The longest delay. Defaults to a minute.
    pub max_delay: Duration,
    /// How long after the start of the first try the last one may begin. Defaults to no bound.
    pub max_elapsed: Option<Duration>,
    /// How the delay is spread, so that what failed together does not come back together. Defaults to full.
    pub jitter: Jitter,
}

/// How the delay grows from try to try.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// Always the initial delay.
    Constant,
    /// The initial delay times the number of tries made.
    Linear,
    /// The initial delay times `factor` for every try after the first. A factor below 1 counts as 1.
    Exponential {
        /// What each delay is multiplied with.
        factor: f64,
    },
}

/// How a delay is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// Anything from nothing to the delay.
    Full,
    /// The delay as it is.
    None,
}

/// What follows a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Try again.
    Retry {
        /// So long after the failure.
        after: Duration,
    },
    /// Journal the failure: the step is over.
    GiveUp(GiveUpReason),
}

/// Why there is no other try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum GiveUpReason {
    /// The failure says that no try will mend it.
    #[error("the failure is permanent")]
    Permanent,
    /// The run was asked to stop.
    #[error("the run was cancelled")]
    Cancelled,
    /// All tries were made.
    #[error("all tries were made")]
    TriesUsedUp,
    /// The next try would begin after `max_elapsed`.
    #[error("the time for tries is over")]
    TimeUsedUp,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_tries: 5,
            backoff: Backoff::Exponential { factor: 2.0 },
            initial: Duration::from_millis(500),
            max_delay: Duration::from_mins(1),
            max_elapsed: None,
            jitter: Jitter::Full,
        }
    }
}

impl RetryPolicy {
    /// One try only.
    pub fn never() -> Self {
        Self { max_tries: 1, ..Self::default() }
    }

    /// Delays that grow by `factor`, from `initial` on, up to a minute or `initial` if that is longer.
    pub fn exponential(initial: Duration, factor: f64) -> Self {
        Self { backoff: Backoff::Exponential { factor }, ..Self::from_first(initial) }
    }

    /// Delays that grow by `initial`, from `initial` on, up to a minute or `initial` if that is longer.
    pub fn linear(initial: Duration) -> Self {
        Self { backoff: Backoff::Linear, ..Self::from_first(initial) }
    }

    /// The same delay always, not spread.
    pub fn constant(delay: Duration) -> Self {
        Self { backoff: Backoff::Constant, jitter: Jitter::None, ..Self::from_first(delay) }
    }

    /// No delay may be cut below the first.
    fn from_first(initial: Duration) -> Self {
        let usual = Self::default();
        Self { initial, max_delay: usual.max_delay.max(initial), ..usual }
    }

    /// Tries in all, the first included.
    #[must_use]
    pub fn max_tries(self, max_tries: u32) -> Self {
        Self { max_tries, ..self }
    }

    /// The delay after the first try.
    #[must_use]
    pub fn initial(self, initial: Duration) -> Self {
        Self { initial, ..self }
    }

    /// The longest delay.
    #[must_use]
    pub fn max_delay(self, max_delay: Duration) -> Self {
        Self { max_delay, ..self }
    }

    /// How long after the start of the first try the last one may begin.
    #[must_use]
    pub fn max_elapsed(self, max_elapsed: Duration) -> Self {
        Self { max_elapsed: Some(max_elapsed), ..self }
    }

    /// How the delay grows from try to try.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// How the delay is spread.
    #[must_use]
    pub fn jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// The delay after try `try_number` (from 1), before it is spread.
    pub fn delay(&self, try_number: u32) -> Duration {
        let times = match self.backoff {
            Backoff::Constant => 1.0,
            Backoff::Linear => f64::from(try_number.max(1)),
            Backoff::Exponential { factor } => {
                let factor = if factor.is_finite() { factor.max(1.0) } else { 1.0 };
                factor.powf(f64::from(try_number.max(1) - 1))
            }
        };
        Duration::try_from_secs_f64(self.initial.as_secs_f64() * times)
            .map_or(self.max_delay, |it| it.min(self.max_delay))
    }

    /// What follows the failure of try `try_number` (from 1) at `now`, when the first try began at `first_started`.
    ///
    /// `random` spreads the delay: 0 for none of it, 1 for all; anything else is brought between.
    pub fn decide(
        &self,
        failure: &Failure,
        try_number: u32,
        first_started: Timestamp,
        now: Timestamp,
        random: f64,
    ) -> Decision {
        if failure.cause == Cause::Cancelled {
            return Decision::GiveUp(GiveUpReason::Cancelled);
        }
        match failure.retry {
            Retry::Permanent => return Decision::GiveUp(GiveUpReason::Permanent),
            Retry::Retryable => {}
        }
        if try_number >= self.max_tries {
            return Decision::GiveUp(GiveUpReason::TriesUsedUp);
        }
        let delay = self.delay(try_number);
        let after = match self.jitter {
            Jitter::None => delay,
            Jitter::Full => {
                let share = if random.is_nan() { 1.0 } else { random.clamp(0.0, 1.0) };
                Duration::try_from_secs_f64(delay.as_secs_f64() * share).map_or(delay, |it| it.min(delay))
            }
        };
        if self.max_elapsed.is_some_and(|max| now.since(first_started).saturating_add(after) > max) {
            return Decision::GiveUp(GiveUpReason::TimeUsedUp);
        }
        Decision::Retry { after }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decide(policy: &RetryPolicy, failure: &Failure, try_number: u32) -> Decision {
        policy.decide(failure, try_number, Timestamp::EPOCH, Timestamp::EPOCH, 1.0)
    }

    #[test]
    fn the_default_doubles_from_half_a_second_and_ends_after_five() {
        let policy = RetryPolicy::default();
        let failure = Failure::new("down");
        let after: Vec<_> = (1..=5).map(|number| decide(&policy, &failure, number)).collect();
        let retry = |millis| Decision::Retry { after: Duration::from_millis(millis) };
        assert_eq!(
            after,
            [retry(500), retry(1000), retry(2000), retry(4000), Decision::GiveUp(GiveUpReason::TriesUsedUp)]
        );
        assert_eq!(policy.delay(1000), policy.max_delay);
    }

    #[test]
    fn a_delay_that_was_asked_for_is_not_cut() {
        let (hour, day) = (Duration::from_hours(1), Duration::from_hours(24));
        for policy in [RetryPolicy::constant(hour), RetryPolicy::linear(hour), RetryPolicy::exponential(hour, 2.0)] {
            assert_eq!((policy.delay(1), policy.delay(3)), (hour, hour), "{policy:?}");
        }
        let linear = RetryPolicy::linear(hour).max_delay(day);
        assert_eq!((linear.delay(1), linear.delay(3)), (hour, hour * 3));
        assert_eq!(RetryPolicy::linear(Duration::from_secs(1)).delay(1000), Duration::from_mins(1));
    }

    #[test]
    fn what_cannot_be_mended_is_given_up() {
        let policy = RetryPolicy::default();
        assert_eq!(decide(&policy, &Failure::permanent("no"), 1), Decision::GiveUp(GiveUpReason::Permanent));
        assert_eq!(decide(&policy, &Failure::cancelled(), 1), Decision::GiveUp(GiveUpReason::Cancelled));
        assert_eq!(decide(&RetryPolicy::never(), &Failure::panic("x"), 1), Decision::GiveUp(GiveUpReason::TriesUsedUp));
    }

    #[test]
    fn a_policy_reads_what_it_wrote_and_fills_in_what_is_missing() {
        let policy = RetryPolicy::linear(Duration::from_secs(2)).max_elapsed(Duration::from_secs(9));
        let json = serde_json::to_string(&policy).expect("it is plain data");
        assert_eq!(serde_json::from_str::<RetryPolicy>(&json).expect("it was just written"), policy);
        assert_eq!(serde_json::from_str::<RetryPolicy>("{}").expect("all have defaults"), RetryPolicy::default());
    }

    fn policies() -> impl Strategy<Value = RetryPolicy> {
        let backoff = prop_oneof![
            Just(Backoff::Constant),
            Just(Backoff::Linear),
            any::<f64>().prop_map(|factor| Backoff::Exponential { factor }),
        ];
        let jitter = prop_oneof![Just(Jitter::Full), Just(Jitter::None)];
        (any::<u32>(), backoff, any::<Duration>(), any::<Duration>(), any::<Option<Duration>>(), jitter).prop_map(
            |(max_tries, backoff, initial, max_delay, max_elapsed, jitter)| RetryPolicy {
                max_tries,
                backoff,
                initial,
                max_delay,
                max_elapsed,
                jitter,
            },
        )
    }

    proptest! {
        #[test]
        fn no_bound_is_passed(
            policy in policies(),
            try_number: u32,
            first: i64,
            elapsed: Duration,
            random: f64,
        ) {
            let first = Timestamp::from_micros(first);
            let now = first.plus(elapsed);
            match policy.decide(&Failure::new("x"), try_number, first, now, random) {
                Decision::Retry { after } => {
                    prop_assert!(try_number < policy.max_tries);
                    prop_assert!(after <= policy.max_delay);
                    prop_assert!(policy.max_elapsed.is_none_or(|max| now.since(first).saturating_add(after) <= max));
                }
                Decision::GiveUp(reason) => prop_assert!(
                    try_number >= policy.max_tries || reason == GiveUpReason::TimeUsedUp,
                    "{reason}"
                ),
            }
        }

        #[test]
        fn delays_never_shrink(policy in policies(), try_number in 1u32..10_000) {
            prop_assert!(policy.delay(try_number) <= policy.delay(try_number + 1));
        }
    }
}
