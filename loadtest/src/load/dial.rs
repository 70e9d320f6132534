//! When a load counts, and when it is over.

use std::{cell::Cell, rc::Rc};

use tokio::time::Instant;

/// The hand on the loop: it is turned to *measure* once and to *over* once. Its clones are one.
#[derive(Debug, Clone, Default)]
pub struct Dial(Rc<Cell<Moments>>);

#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    measured: Option<Instant>,
    over: Option<Instant>,
}

impl Dial {
    /// From now on it counts.
    pub fn measure(&self) {
        self.0.set(Moments { measured: Some(Instant::now()), ..self.0.get() });
    }

    /// From now on nothing is started, and nothing that happens counts.
    pub fn stop(&self) {
        self.0.set(Moments { over: Some(Instant::now()), ..self.0.get() });
    }

    /// Whether nothing is to be started any more.
    pub(super) fn is_over(&self) -> bool {
        self.0.get().over.is_some()
    }

    /// Whether it was over by then.
    pub(super) fn was_over(&self, at: Instant) -> bool {
        self.0.get().over.is_some_and(|over| over <= at)
    }

    /// Whether what belongs to this moment counts.
    pub(super) fn counts(&self, at: Instant) -> bool {
        self.0.get().measured.is_some_and(|measured| measured <= at) && !self.was_over(at)
    }

    /// From when to when it counted; `None` while that is not known.
    pub(super) fn window(&self) -> Option<[Instant; 2]> {
        let Moments { measured, over } = self.0.get();
        Some([measured?, over?])
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_lies_between_both_turns_counts() {
        let dial = Dial::default();
        let second = async || {
            tokio::time::advance(Duration::from_secs(1)).await;
            Instant::now()
        };
        let early = second().await;
        assert!(!dial.counts(early));
        dial.measure();
        let begin = Instant::now();
        let amid = second().await;
        assert!(dial.counts(begin) && dial.counts(amid) && !dial.counts(early - Duration::from_secs(1)));
        assert_eq!(dial.window(), None);
        let end = second().await;
        assert!(dial.counts(end) && !dial.is_over());
        dial.clone().stop();
        assert!(!dial.counts(end) && dial.counts(amid), "what was due before still counts");
        assert!(dial.is_over() && dial.was_over(end) && !dial.was_over(amid));
        assert_eq!(dial.window(), Some([begin, end]));
    }
}
