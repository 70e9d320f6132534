//! Upper bounds of histogram buckets, and why these.

/// One hop or one commit: from a hundred microseconds (a reply on the same machine) over one to ten
/// milliseconds (where a healthy commit lies, so finest there) to the seconds of a lock or an outage.
pub(super) const HOP_SECONDS: &[f64] = &[
    0.0001, 0.000_25, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// What people wrote: functions, requests that wait. From a millisecond to the hours of a long function; a
/// factor of two to five apart, for nobody tunes them by the millisecond.
pub(super) const WORK_SECONDS: &[f64] =
    &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0];

/// Whole runs: from tens of milliseconds to the weeks of one that waits for people.
pub(super) const RUN_SECONDS: &[f64] =
    &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 43_200.0, 86_400.0, 604_800.0, 2_592_000.0];

/// How late something was that has a time: a sweep is a quarter of a second, five seconds are our promise for
/// what a crash delays.
pub(super) const LAG_SECONDS: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 600.0];

/// Rows of a batch: one when idle, the goal of twenty when busy, up to the bound of a commit.
pub(super) const ROWS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1024.0];
