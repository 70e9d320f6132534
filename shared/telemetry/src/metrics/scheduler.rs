//! What a scheduler counts.

use piton_shared::subject::Method;

use super::{
    buckets,
    http::HttpMetrics,
    instruments::{ByLabel, ByLabels, Counter, Gauge, Histogram},
    labels::{
        Accepted, AppendOutcome, ClaimOutcome, Delivered, Ending, FinishOutcome, FiringOutcome, Group, Matched,
        PublishOutcome, RequestOutcome, Retried, Swept,
    },
    registry::Registry,
};

/// A scheduler's metrics; its clones count together.
#[derive(Debug, Clone)]
pub struct SchedulerMetrics {
    registry: Registry,
    /// Requests that wait for their group commit.
    pub commit_waiting: ByLabel<Group, Gauge>,
    /// How long a request waited before its commit began.
    pub commit_wait: ByLabel<Group, Histogram>,
    /// Commits.
    pub commits: ByLabel<Group, Counter>,
    /// Rows committed; divided by the commits, what batching brings.
    pub commit_rows: ByLabel<Group, Counter>,
    /// Rows of each commit.
    pub commit_batch: ByLabel<Group, Histogram>,
    /// Duration of a commit; of claims, the claim latency.
    pub commit_time: ByLabel<Group, Histogram>,
    /// Requests refused because too many waited, or the database was away.
    pub commit_unavailable: ByLabel<Group, Counter>,
    /// Claims, by what they came to.
    pub claims: ByLabel<ClaimOutcome, Counter>,
    /// Claims of dispatched work, by what they came to.
    pub step_claims: ByLabel<ClaimOutcome, Counter>,
    /// Ends of dispatched work, by what they came to.
    pub finishes: ByLabel<FinishOutcome, Counter>,
    /// From when somebody could execute dispatched work to its claim.
    pub step_lag: Histogram,
    /// Tasks of dispatched work published.
    pub steps_published: ByLabel<PublishOutcome, Counter>,
    /// Dispatched work that waits for room, as last seen.
    pub backlog_steps: Gauge,
    /// Appends, by what they came to.
    pub appends: ByLabel<AppendOutcome, Counter>,
    /// What was tried again.
    pub retries: ByLabel<Retried, Counter>,
    /// Tasks published.
    pub published: ByLabel<PublishOutcome, Counter>,
    /// Tasks in the stream, as last seen.
    pub stream_tasks: Gauge,
    /// Runs accepted and not published yet, as last seen.
    pub backlog_runs: Gauge,
    /// Sweeps.
    pub sweeps: Counter,
    /// Duration of a sweep.
    pub sweep_time: Histogram,
    /// What sweeps found overdue and put right.
    pub swept: ByLabel<Swept, Counter>,
    /// Workers whose lease runs, as last seen.
    pub workers: Gauge,
    /// Timers fired.
    pub timers_fired: Counter,
    /// How late a timer fired.
    pub timer_lag: Histogram,
    /// Occurrences of schedules, by what became of them.
    pub firings: ByLabel<FiringOutcome, Counter>,
    /// Events published, by what they came to.
    pub events_accepted: ByLabel<Accepted, Counter>,
    /// Matches of triggers with events, by what they came to.
    pub event_matches: ByLabel<Matched, Counter>,
    /// Runs accepted.
    pub runs_started: Counter,
    /// Runs that ended or were parked.
    pub runs_ended: ByLabel<Ending, Counter>,
    /// From acceptance to the end.
    pub run_time: ByLabel<Ending, Histogram>,
    /// From acceptance to the first claim.
    pub run_start_lag: Histogram,
    /// What arrived at webhooks' endpoints.
    pub webhooks: ByLabel<Delivered, Counter>,
    /// Of that, what was only counted because enough of its kind was on record.
    pub webhooks_unrecorded: Counter,
    /// Requests of workers.
    pub requests: ByLabels<Method, RequestOutcome, Counter>,
    /// From a worker's request to its answer.
    pub request_time: ByLabel<Method, Histogram>,
    /// Messages that were dropped because they were not read in time, as last seen.
    pub nats_dropped: Gauge,
    /// 1 while NATS can be reached.
    pub nats_up: Gauge,
    /// 1 while the database can be reached.
    pub database_up: Gauge,
    /// HTTP requests.
    pub http: HttpMetrics,
}

impl Default for SchedulerMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl SchedulerMetrics {
    /// All of them, at zero.
    pub fn new() -> Self {
        let r = Registry::new();
        Self {
            commit_waiting: r.gauges(("piton_commit_waiting_requests", "Requests that wait for their group commit.")),
            commit_wait: r.histograms(
                ("piton_commit_wait_seconds", "Time a request waits before its commit begins."),
                buckets::HOP_SECONDS,
            ),
            commits: r.counters(("piton_commits_total", "Group commits.")),
            commit_rows: r.counters(("piton_commit_rows_total", "Rows of group commits.")),
            commit_batch: r.histograms(("piton_commit_batch_rows", "Rows of one group commit."), buckets::ROWS),
            commit_time: r.histograms(("piton_commit_seconds", "Duration of one group commit."), buckets::HOP_SECONDS),
            commit_unavailable: r.counters((
                "piton_commit_unavailable_total",
                "Requests told to come back: too many wait, or the database is away.",
            )),
            claims: r.counters(("piton_claims_total", "Claims of runs, by outcome.")),
            step_claims: r.counters(("piton_step_claims_total", "Claims of dispatched work, by outcome.")),
            finishes: r.counters(("piton_step_finishes_total", "Ends of dispatched work, by outcome.")),
            step_lag: r.histogram(
                ("piton_step_lag_seconds", "Time from when dispatched work may be executed to its claim."),
                buckets::LAG_SECONDS,
            ),
            steps_published: r
                .counters(("piton_step_tasks_published_total", "Tasks of dispatched work sent to the stream.")),
            backlog_steps: r.gauge(("piton_backlog_steps", "Dispatched work that waits for room, as last seen.")),
            appends: r.counters(("piton_appends_total", "Appends to journals, by outcome.")),
            retries: r.counters(("piton_retries_total", "What was tried again.")),
            published: r.counters(("piton_tasks_published_total", "Run tasks sent to the stream.")),
            stream_tasks: r.gauge(("piton_stream_tasks", "Run tasks in the stream, as last seen.")),
            backlog_runs: r.gauge(("piton_backlog_runs", "Runs that wait to be published, as last seen.")),
            sweeps: r.counter(("piton_sweeps_total", "Sweeps.")),
            sweep_time: r.histogram(("piton_sweep_seconds", "Duration of one sweep."), buckets::HOP_SECONDS),
            swept: r.counters(("piton_swept_total", "What sweeps found overdue and put right.")),
            workers: r.gauge(("piton_workers", "Workers whose lease runs, as last seen.")),
            timers_fired: r.counter(("piton_timers_fired_total", "Timers fired.")),
            timer_lag: r.histogram(
                ("piton_timer_lag_seconds", "Time from a timer's due time to its firing."),
                buckets::LAG_SECONDS,
            ),
            firings: r.counters(("piton_schedule_firings_total", "Occurrences of schedules, by what became of them.")),
            events_accepted: r.counters(("piton_events_total", "Events published, by outcome.")),
            event_matches: r.counters(("piton_event_matches_total", "Triggers that meant an event, by outcome.")),
            runs_started: r.counter(("piton_runs_started_total", "Runs accepted.")),
            runs_ended: r.counters(("piton_runs_ended_total", "Runs that ended or were parked.")),
            run_time: r
                .histograms(("piton_run_seconds", "Time from a run's acceptance to its end."), buckets::RUN_SECONDS),
            run_start_lag: r.histogram(
                ("piton_run_start_lag_seconds", "Time from a run's acceptance to its first claim."),
                buckets::LAG_SECONDS,
            ),
            webhooks: r.counters(("piton_webhook_deliveries_total", "Deliveries of webhooks, by outcome.")),
            webhooks_unrecorded: r.counter((
                "piton_webhook_unrecorded_total",
                "Deliveries of webhooks of which no record was kept, since there are enough of their kind.",
            )),
            requests: r.counters_by(("piton_nats_requests_total", "Requests of workers.")),
            request_time: r.histograms(
                ("piton_nats_request_seconds", "Time from a worker's request to its answer."),
                buckets::HOP_SECONDS,
            ),
            nats_dropped: r.gauge((
                "piton_nats_dropped_messages",
                "Messages dropped since the start because they were not read in time.",
            )),
            nats_up: r.gauge(("piton_nats_up", "1 while NATS can be reached.")),
            database_up: r.gauge(("piton_database_up", "1 while the database can be reached.")),
            http: HttpMetrics::new(&r),
            registry: r,
        }
    }

    /// What `/metrics` answers: Prometheus' text format, version 0.0.4.
    pub fn render(&self) -> String {
        self.registry.render()
    }
}
