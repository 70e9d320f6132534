//! What a worker counts.

use piton_shared::subject::Method;

use super::{
    buckets,
    instruments::{ByLabel, ByLabels, Counter, Gauge, Histogram},
    labels::{ClaimOutcome, Ending, RequestOutcome, Retried, StepOutcome},
    registry::Registry,
};

/// A worker's metrics; its clones count together.
#[derive(Debug, Clone)]
pub struct WorkerMetrics {
    registry: Registry,
    /// Runs in memory.
    pub runs_held: Gauge,
    /// Places for runs.
    pub run_slots: Gauge,
    /// Functions being executed.
    pub steps_running: Gauge,
    /// Places for functions.
    pub step_slots: Gauge,
    /// Duration of a function's try.
    pub step_time: ByLabel<StepOutcome, Histogram>,
    /// What was tried again.
    pub retries: ByLabel<Retried, Counter>,
    /// Tasks that were delivered more than once.
    pub redeliveries: Counter,
    /// Claims, by what they came to.
    pub claims: ByLabel<ClaimOutcome, Counter>,
    /// From a claim to its answer.
    pub claim_time: Histogram,
    /// Journal rows read again when runs were resumed.
    pub replayed_rows: Counter,
    /// Rows of one append request.
    pub append_batch: Histogram,
    /// From an append request to its answer.
    pub append_time: Histogram,
    /// Rows that wait to be appended.
    pub append_waiting: Gauge,
    /// Dispatched work in this worker's hands, until what became of it is written.
    pub dispatches_held: Gauge,
    /// Claims of dispatched work, by what they came to.
    pub step_claims: ByLabel<ClaimOutcome, Counter>,
    /// From a claim of dispatched work to its answer.
    pub step_claim_time: Histogram,
    /// Ends of one report of dispatched work.
    pub finish_batch: Histogram,
    /// From a report of dispatched work to its answer.
    pub finish_time: Histogram,
    /// Ends of dispatched work that wait for their answer.
    pub finish_waiting: Gauge,
    /// From a heartbeat to its answer.
    pub heartbeat_time: Histogram,
    /// Leases that ended under this worker: it registered anew.
    pub leases_lost: Counter,
    /// Runs that ended or were parked here.
    pub runs_ended: ByLabel<Ending, Counter>,
    /// Requests to schedulers; heartbeats are a method of it.
    pub requests: ByLabels<Method, RequestOutcome, Counter>,
    /// Messages that were dropped because they were not read in time, as last seen.
    pub nats_dropped: Gauge,
    /// 1 while NATS can be reached.
    pub nats_up: Gauge,
}

impl Default for WorkerMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl WorkerMetrics {
    /// All of them, at zero.
    pub fn new() -> Self {
        let r = Registry::new();
        Self {
            runs_held: r.gauge(("piton_worker_held_runs", "Runs in this worker's memory.")),
            run_slots: r.gauge(("piton_worker_run_slots", "Runs it may hold at once.")),
            steps_running: r.gauge(("piton_worker_running_steps", "Functions being executed.")),
            step_slots: r.gauge(("piton_worker_step_slots", "Functions it may execute at once.")),
            step_time: r
                .histograms(("piton_worker_step_seconds", "Duration of one try of a function."), buckets::WORK_SECONDS),
            retries: r.counters(("piton_worker_retries_total", "What was tried again.")),
            redeliveries: r.counter(("piton_worker_redeliveries_total", "Tasks that were delivered more than once.")),
            claims: r.counters(("piton_worker_claims_total", "Claims of runs, by outcome.")),
            claim_time: r
                .histogram(("piton_worker_claim_seconds", "Time from a claim to its answer."), buckets::HOP_SECONDS),
            replayed_rows: r
                .counter(("piton_worker_replayed_rows_total", "Journal rows read again when runs were resumed.")),
            append_batch: r.histogram(("piton_worker_append_batch_rows", "Rows of one append request."), buckets::ROWS),
            append_time: r.histogram(
                ("piton_worker_append_seconds", "Time from an append request to its answer."),
                buckets::HOP_SECONDS,
            ),
            append_waiting: r.gauge(("piton_worker_append_waiting_rows", "Rows that wait to be appended.")),
            dispatches_held: r.gauge(("piton_worker_held_dispatches", "Dispatched work in this worker's hands.")),
            step_claims: r.counters(("piton_worker_step_claims_total", "Claims of dispatched work, by outcome.")),
            step_claim_time: r.histogram(
                ("piton_worker_step_claim_seconds", "Time from a claim of dispatched work to its answer."),
                buckets::HOP_SECONDS,
            ),
            finish_batch: r
                .histogram(("piton_worker_finish_batch_rows", "Ends of one report of dispatched work."), buckets::ROWS),
            finish_time: r.histogram(
                ("piton_worker_finish_seconds", "Time from a report of dispatched work to its answer."),
                buckets::HOP_SECONDS,
            ),
            finish_waiting: r
                .gauge(("piton_worker_finish_waiting", "Ends of dispatched work that wait for their answer.")),
            heartbeat_time: r.histogram(
                ("piton_worker_heartbeat_seconds", "Time from a heartbeat to its answer."),
                buckets::HOP_SECONDS,
            ),
            leases_lost: r.counter(("piton_worker_leases_lost_total", "Leases that ended under this worker.")),
            runs_ended: r.counters(("piton_worker_runs_ended_total", "Runs that ended or were parked on this worker.")),
            requests: r.counters_by(("piton_worker_requests_total", "Requests to schedulers, by method and outcome.")),
            nats_dropped: r.gauge((
                "piton_worker_nats_dropped_messages",
                "Messages dropped since the start because they were not read in time.",
            )),
            nats_up: r.gauge(("piton_worker_nats_up", "1 while NATS can be reached.")),
            registry: r,
        }
    }

    /// Prometheus' text format, version 0.0.4.
    pub fn render(&self) -> String {
        self.registry.render()
    }
}
