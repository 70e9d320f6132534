//! How long a grant is good: only while this worker can know that it still stands.
//!
//! A direct grant may be on its way for any time. Until this worker holds it, it answers that it does not know of it, and the
//! scheduler gives the work to others. So a grant names the worker's last heartbeat that the scheduler had seen before, and is
//! good for [`limits::GRANT_VALID`] after that heartbeat was sent, by this worker's clock. Schedulers ask about a hold only
//! later than that ([`limits::HOLD_ASKED`]), by the database's clock. A grant that is not good is claimed again.

use std::{collections::VecDeque, time::Duration};

use piton_shared::limits;

/// Heartbeats that are remembered: more than are sent while a grant is good. A grant that names an older one is not good.
const REMEMBERED: usize = 256;

/// Until when a grant may be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    until: Duration,
}

impl Validity {
    /// Of what is not known to stand.
    const OVER: Self = Self { until: Duration::ZERO };

    /// Of what was granted after something was sent, at that moment of the steady clock.
    pub(super) fn since(sent: Duration) -> Self {
        Self { until: sent + limits::GRANT_VALID }
    }

    /// Whether it is over at that moment of the steady clock.
    pub(super) fn is_over(self, now: Duration) -> bool {
        now >= self.until
    }
}

/// When the last heartbeats were sent.
#[derive(Debug, Default)]
pub(super) struct SentHeartbeats {
    /// The number of the last one.
    last: u64,
    sent: VecDeque<Duration>,
}

impl SentHeartbeats {
    /// Numbers a heartbeat that is sent at that moment of the steady clock, or later.
    pub(super) fn number(&mut self, at: Duration) -> u64 {
        self.last += 1;
        if self.sent.len() == REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back(at);
        self.last
    }

    /// Of what was granted after this heartbeat was seen.
    pub(super) fn validity(&self, number: u64) -> Validity {
        let back = self.last.checked_sub(number).and_then(|back| usize::try_from(back).ok());
        let sent = back.and_then(|back| self.sent.iter().rev().nth(back));
        sent.copied().map_or(Validity::OVER, Validity::since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_grant_is_good_for_a_while_after_the_heartbeat_that_it_names() {
        let mut sent = SentHeartbeats::default();
        assert_eq!(sent.validity(0), Validity::OVER, "it names none");
        for second in 1..=2 * REMEMBERED as u32 {
            assert_eq!(sent.number(second * SECOND), u64::from(second));
        }
        let last = 2 * REMEMBERED as u32;
        for (number, good) in [
            (last, Some(last)),
            (last - 1, Some(last - 1)),
            (last - REMEMBERED as u32 + 1, Some(last - REMEMBERED as u32 + 1)),
            // Long forgotten, never sent, never named.
            (last - REMEMBERED as u32, None),
            (1, None),
            (last + 1, None),
            (0, None),
        ] {
            let validity = sent.validity(u64::from(number));
            assert_eq!(validity, good.map_or(Validity::OVER, |at| Validity::since(at * SECOND)), "{number}");
        }
        assert!(sent.validity(u64::MAX).is_over(Duration::ZERO));
    }

    #[test]
    fn a_grant_is_over_to_the_microsecond() {
        let validity = Validity::since(SECOND);
        let end = SECOND + limits::GRANT_VALID;
        assert!(!validity.is_over(end.saturating_sub(Duration::from_micros(1))));
        assert!(validity.is_over(end));
    }
}
