//! Counters, gauges and histograms, and families of them by label.

use std::{fmt, marker::PhantomData, time::Duration};

use super::labels::Label;

/// Counts what happened; never falls.
#[derive(Debug, Clone)]
pub struct Counter(pub(super) prometheus::IntCounter);

impl Counter {
    /// Once more.
    pub fn inc(&self) {
        self.0.inc();
    }

    /// That often more.
    pub fn add(&self, more: u64) {
        self.0.inc_by(more);
    }

    /// How often so far.
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

/// Says how much there is now.
#[derive(Debug, Clone)]
pub struct Gauge(pub(super) prometheus::IntGauge);

impl Gauge {
    /// That much.
    pub fn set(&self, now: i64) {
        self.0.set(now);
    }

    /// That much more, or less.
    pub fn add(&self, difference: i64) {
        self.0.add(difference);
    }

    /// One more, until the returned value is dropped.
    pub fn enter(&self) -> Entered {
        self.0.inc();
        Entered(self.clone())
    }

    /// How much now.
    pub fn get(&self) -> i64 {
        self.0.get()
    }
}

/// Counts as one on a [`Gauge`] while it lives.
#[derive(Debug)]
#[must_use = "it counts while it lives"]
pub struct Entered(Gauge);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// Sorts values into buckets.
#[derive(Debug, Clone)]
pub struct Histogram(pub(super) prometheus::Histogram);

impl Histogram {
    /// A time, in seconds.
    pub fn seconds(&self, time: Duration) {
        self.0.observe(time.as_secs_f64());
    }

    /// A number of rows.
    pub fn rows(&self, rows: usize) {
        self.0.observe(rows as f64);
    }

    /// How many values so far.
    pub fn count(&self) -> u64 {
        self.0.get_sample_count()
    }
}

/// One instrument for each value of a label.
pub struct ByLabel<L, I> {
    each: Box<[I]>,
    label: PhantomData<fn(L)>,
}

impl<L: Label, I> ByLabel<L, I> {
    pub(super) fn new(instrument: impl Fn(L) -> I) -> Self {
        Self { each: L::ALL.iter().map(|&value| instrument(value)).collect(), label: PhantomData }
    }

    /// The one for this value.
    pub fn at(&self, value: L) -> &I {
        &self.each[place(value)]
    }
}

/// One instrument for each pair of values.
pub type ByLabels<A, B, I> = ByLabel<A, ByLabel<B, I>>;

fn place<L: Label>(value: L) -> usize {
    // A handful of values: a search costs less than a hash.
    let found = L::ALL.iter().position(|other| *other == value);
    found.expect("a label lists all of its values")
}

impl<L, I: Clone> Clone for ByLabel<L, I> {
    fn clone(&self) -> Self {
        Self { each: self.each.clone(), label: PhantomData }
    }
}

impl<L: Label, I: fmt::Debug> fmt::Debug for ByLabel<L, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = L::ALL.iter().map(|value| value.as_str());
        f.debug_map().entries(names.zip(&self.each)).finish()
    }
}
