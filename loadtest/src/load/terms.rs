//! How much is asked for, and what cannot be asked for.

use piton_shared::limits::{EVENTS_PUBLISHED, SCHEDULES};
use serde::Serialize;

use super::{Fan, Workload};

/// Callers of an open loop at most, if nothing else is asked for.
const OPEN_MOST: usize = 1000;
/// Runs that are waited for at once at most, as a scheduler has it.
const WAITING: usize = 4096;

/// The terms of a load, which can be met. What belongs to one workload says nothing for others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Terms {
    /// What is asked for.
    #[serde(skip)]
    pub workload: Workload,
    /// Of W3.
    #[serde(flatten)]
    pub fan: Fan,
    /// Events of one request of W5.
    pub batch: u32,
    /// Schedules of W7.
    pub schedules: u32,
    /// Callers; of an open loop, runs under way at most.
    pub in_flight: usize,
    /// Runs offered a second; `None`: a closed loop.
    pub rate: Option<f64>,
}

/// Why they cannot be met.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TermsError {
    /// There is nobody to ask.
    #[error("nothing is in flight")]
    Nobody,
    /// A rate of nothing.
    #[error("a rate of {0} runs a second cannot be offered")]
    Rate(f64),
    /// Only runs are offered at a rate.
    #[error("{0} has no open loop: --rate goes with W1 and W4")]
    Closed(&'static str),
    /// Too many or too few at once.
    #[error("a request has 1 to {EVENTS_PUBLISHED} events, not {0}")]
    Batch(u32),
    /// Too many runs to be waited for.
    #[error("{0} events would be under way at once, and a scheduler lets {WAITING} runs be waited for")]
    Waiting(usize),
    /// Too many or too few.
    #[error("there can be 1 to {SCHEDULES} schedules, not {0}")]
    Schedules(u32),
}

impl Terms {
    /// The terms as they are asked for; `None` where the workload's own number is meant.
    pub fn new(
        workload: Workload,
        fan: Fan,
        (batch, schedules): (u32, u32),
        in_flight: Option<usize>,
        rate: Option<f64>,
    ) -> Result<Self, TermsError> {
        let own = if rate.is_some() { OPEN_MOST } else { workload.in_flight(batch) };
        let in_flight = in_flight.unwrap_or(own);
        let events = in_flight.saturating_mul(batch as usize);
        match workload {
            Workload::W2 | Workload::W3 | Workload::W5 | Workload::W6 | Workload::W7 if rate.is_some() => {
                return Err(TermsError::Closed(workload.name()));
            }
            Workload::W5 if batch == 0 || batch as usize > EVENTS_PUBLISHED => return Err(TermsError::Batch(batch)),
            Workload::W5 if events > WAITING => return Err(TermsError::Waiting(events)),
            Workload::W7 if schedules == 0 || i64::from(schedules) > SCHEDULES => {
                return Err(TermsError::Schedules(schedules));
            }
            Workload::W1 | Workload::W2 | Workload::W3 | Workload::W4 | Workload::W5 | Workload::W6 | Workload::W7 => {}
        }
        match rate {
            Some(rate) if !(rate.is_finite() && rate > 0.0) => return Err(TermsError::Rate(rate)),
            Some(_) | None => {}
        }
        if in_flight == 0 && workload != Workload::W7 {
            return Err(TermsError::Nobody);
        }
        Ok(Self { workload, fan, batch, schedules, in_flight, rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(
        workload: Workload,
        many: (u32, u32),
        in_flight: Option<usize>,
        rate: Option<f64>,
    ) -> Result<Terms, String> {
        let fan = Fan { items: 1000, at_once: 100 };
        Terms::new(workload, fan, many, in_flight, rate).map_err(|error| error.to_string())
    }

    #[test]
    fn each_workload_has_its_own_callers() {
        let callers = |workload, batch, rate| terms(workload, (batch, 100), None, rate).map(|terms| terms.in_flight);
        assert_eq!(callers(Workload::W1, 1, None), Ok(200));
        assert_eq!(callers(Workload::W1, 1, Some(500.0)), Ok(OPEN_MOST));
        assert_eq!(callers(Workload::W2, 1, None), Ok(1));
        assert_eq!(callers(Workload::W5, 1, None), Ok(200));
        assert_eq!(callers(Workload::W5, 50, None), Ok(4));
        assert_eq!(callers(Workload::W5, 500, None), Ok(1));
        assert_eq!(callers(Workload::W7, 1, None), Ok(0));
    }

    #[test]
    fn what_cannot_be_met_is_refused() {
        for (workload, many, in_flight, rate, why) in [
            (Workload::W1, (1, 1), Some(0), None, "nothing is in flight"),
            (Workload::W4, (1, 1), None, Some(0.0), "a rate of 0 runs a second cannot be offered"),
            (Workload::W4, (1, 1), None, Some(f64::NAN), "a rate of NaN runs a second cannot be offered"),
            (Workload::W3, (1, 1), None, Some(9.0), "W3 has no open loop: --rate goes with W1 and W4"),
            (Workload::W5, (501, 1), None, None, "a request has 1 to 500 events, not 501"),
            (Workload::W5, (0, 1), None, None, "a request has 1 to 500 events, not 0"),
            (
                Workload::W5,
                (500, 1),
                Some(9),
                None,
                "4500 events would be under way at once, and a scheduler lets 4096 runs be waited for",
            ),
            (Workload::W7, (1, 0), None, None, "there can be 1 to 10000 schedules, not 0"),
        ] {
            assert_eq!(terms(workload, many, in_flight, rate), Err(why.to_owned()));
        }
    }
}
