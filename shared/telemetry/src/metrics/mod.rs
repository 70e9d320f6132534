//! Every metric of Piton, with its name, help, unit and labels.
//!
//! Two catalogues, [`SchedulerMetrics`] and [`WorkerMetrics`], each a struct of handles that is made once, cloned
//! and passed around; each has a registry of its own, so that several can live in one process. Handles are
//! resolved when the catalogue is made: counting is one atomic addition. Labels are enums, so that no caller
//! can make up a series; routes are templates, never paths.
//!
//! Names: `piton_`, what, unit; counters end in `_total`, times are seconds, sizes rows.

mod buckets;
mod http;
mod instruments;
mod labels;
mod registry;
mod scheduler;
mod worker;

pub use http::HttpMetrics;
pub use instruments::{ByLabel, ByLabels, Counter, Entered, Gauge, Histogram};
pub use labels::{
    Accepted, AppendOutcome, ClaimOutcome, Delivered, Ending, FinishOutcome, FiringOutcome, Group, Label, Matched,
    PublishOutcome, RequestOutcome, Retried, StepOutcome, Swept,
};
pub use scheduler::SchedulerMetrics;
pub use worker::WorkerMetrics;
