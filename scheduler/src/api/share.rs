//! Bounded places, of which no one caller takes all.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use parking_lot::Mutex;

/// Counts places by who has them: an org, an endpoint, a peer. Clones count together.
#[derive(Debug)]
pub(super) struct Shares<K> {
    most: usize,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

/// A place that is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share<K: Hash + Eq> {
    key: K,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K> Clone for Shares<K> {
    fn clone(&self) -> Self {
        Self { most: self.most, taken: Arc::clone(&self.taken) }
    }
}

impl<K: Hash + Eq + Clone> Shares<K> {
    /// At most so many places each.
    pub(super) fn of(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// Three quarters of the places each: whoever takes all it can leaves some for the others.
    pub(super) fn of_places(places: usize) -> Self {
        Self::of(places - places / 4)
    }

    /// Half of the places each.
    pub(super) fn half_of(places: usize) -> Self {
        Self::of(places.div_ceil(2))
    }

    /// A place, if this one has not taken all of its own.
    pub(super) fn take(&self, key: &K) -> Option<Share<K>> {
        let mut taken = self.taken.lock();
        let count = taken.get(key).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        taken.insert(key.clone(), count + 1);
        Some(Share { key: key.clone(), taken: Arc::clone(&self.taken) })
    }
}

impl<K: Hash + Eq> Drop for Share<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                // Only who has places is remembered.
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_the_share_of_another_and_places_come_back() {
        let shares = Shares::of_places(4);
        let mine: Vec<_> = std::iter::from_fn(|| shares.take(&1)).collect();
        assert_eq!(mine.len(), 3);
        assert!(shares.take(&2).is_some());
        drop(mine);
        assert!(shares.take(&1).is_some());
        assert!(shares.taken.lock().is_empty(), "nobody is remembered who has none");
        assert!(Shares::of_places(0).take(&1).is_none() && Shares::of_places(1).take(&1).is_some());
    }
}
