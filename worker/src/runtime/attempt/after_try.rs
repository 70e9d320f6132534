//! What follows the end of a try, wherever it was executed.

use std::time::Duration;

use piton_shared::{
    failure::Failure,
    journal::Outcome,
    limits,
    retry::{Decision, RetryPolicy},
    time::Timestamp,
};

use super::Bounds;

/// What follows the end of a try.
#[derive(Debug, PartialEq)]
pub(crate) enum AfterTry {
    /// The step is over.
    Over(Outcome),
    /// Another try follows.
    Again {
        /// Why this one failed.
        failure: Failure,
        /// How long to wait before the next.
        after: Duration,
    },
}

/// Decides what follows a try that ended at `now`, with `failed` tries of the step having failed before it.
///
/// `bounds` say when the first try began; `random`, from 0 to 1, spreads the wait before the next.
pub(crate) fn after_try(
    outcome: Outcome,
    policy: &RetryPolicy,
    bounds: &Bounds,
    failed: u32,
    now: Timestamp,
    random: f64,
) -> AfterTry {
    let failure = match outcome {
        Ok(value) => return AfterTry::Over(Ok(value)),
        Err(failure) => failure,
    };
    let first_started = bounds.first_started.unwrap_or(now);
    match policy.decide(&failure, failed + 1, first_started, now, random) {
        Decision::Retry { after } if bounds.over_at(now.plus(after)) => {
            AfterTry::Over(Err(over_with(bounds.out_of_time(), &failure)))
        }
        Decision::Retry { after } => AfterTry::Again { failure, after },
        Decision::GiveUp(_) => AfterTry::Over(Err(failure)),
    }
}

/// A step that ran out of time, with what its last try failed of.
fn over_with(mut over: Failure, last: &Failure) -> Failure {
    over.chain.push(last.message.clone());
    over.chain.extend(last.chain.iter().take(limits::FAILURE_CHAIN - 1).cloned());
    over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_try() {
        let policy = RetryPolicy::constant(Duration::from_secs(2)).max_tries(3);
        let (first, now) = (Timestamp::EPOCH, Timestamp::EPOCH.plus(Duration::from_secs(5)));
        let bounds = |timeout| Bounds {
            try_timeout: None,
            timeout: Some(Duration::from_secs(timeout)),
            first_started: Some(first),
        };
        let failure = Failure::new("down");
        let after = |outcome, timeout, failed| after_try(outcome, &policy, &bounds(timeout), failed, now, 1.0);
        let again = AfterTry::Again { failure: failure.clone(), after: Duration::from_secs(2) };

        assert_eq!(after(Ok(vec![1]), 1, 9), AfterTry::Over(Ok(vec![1])), "a result counts also when it is late");
        assert_eq!(after(Err(failure.clone()), 8, 1), again);
        assert_eq!(after(Err(failure.clone()), 8, 2), AfterTry::Over(Err(failure.clone())), "all tries were made");
        let permanent = Failure::permanent("no");
        assert_eq!(after(Err(permanent.clone()), 8, 0), AfterTry::Over(Err(permanent)));
        let AfterTry::Over(Err(over)) = after(Err(failure), 7, 0) else {
            panic!("the next try would begin when the time is over");
        };
        assert_eq!(over.chain, ["down"]);
    }
}
