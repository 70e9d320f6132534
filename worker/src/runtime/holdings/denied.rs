//! What this worker has said that it does not hold.

use std::collections::{HashSet, VecDeque};

use uuid::Uuid;

/// Denials that are remembered: many times what a worker is said to hold at once, so each is remembered for far longer than a
/// scheduler takes to act on it.
const DENIED: usize = 16 * 1024;

/// Attempts, and holds on dispatched work, of which a scheduler was told, or has told, that they are not held here. It may have
/// given their work to another, so none of them begins.
#[derive(Debug, Default)]
pub(super) struct Denied {
    order: VecDeque<Uuid>,
    holds: HashSet<Uuid>,
}

impl Denied {
    pub(super) fn insert(&mut self, hold: Uuid) {
        if self.holds.insert(hold) {
            self.order.push_back(hold);
        }
        if self.order.len() > DENIED
            && let Some(oldest) = self.order.pop_front()
        {
            self.holds.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, hold: Uuid) -> bool {
        self.holds.contains(&hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut denied = Denied::default();
        let hold = |number: usize| Uuid::from_u128(number as u128);
        for number in 0..=DENIED {
            denied.insert(hold(number));
            denied.insert(hold(number));
        }
        assert!(!denied.contains(hold(0)));
        assert!(denied.contains(hold(1)) && denied.contains(hold(DENIED)));
        assert_eq!(denied.order.len(), denied.holds.len());
    }
}
