//! The outcome of a load, for people and as one JSON object.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::{
    load::{Balance, Seen, Terms, Workload},
    measure::{Component, DatabaseCounts, GroupReport, Groups, Machine, Spent, between},
};

/// What a load test found. Times in milliseconds, memory in MB of 2^20 bytes.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `W1` to `W7`.
    pub workload: &'static str,
    /// What `runs` counts: runs that completed; of W5 events whose runs completed, of W6 deliveries that were accepted, of
    /// W7 firings. Each of those starts one run.
    pub counted: &'static str,
    /// What the quantiles are of, in a word.
    pub timed: &'static str,
    /// So many a second.
    pub runs_per_s: f64,
    /// Steps of those runs a second.
    pub steps_per_s: f64,
    /// Of the time from a caller's request to the answer that the run completed; of W5 and W6 to the answer that it was
    /// accepted; of W7 from when a schedule was to fire to the begin of the transaction in which it did. In an open loop
    /// from when the request should have been sent.
    pub p50_ms: f64,
    /// The same.
    pub p90_ms: f64,
    /// The same.
    pub p99_ms: f64,
    /// The same.
    pub max_ms: f64,
    /// The same until the run had ended, where that is not what is timed anyway: of W5 and W7.
    pub until_ended: Option<Times>,
    /// CPU of all processes by step, in microseconds; of the load generator alone if the stack is somebody else's.
    pub cpu_us_per_step: f64,
    /// The same by component.
    pub cpu_us_per_step_by: BTreeMap<Component, f64>,
    /// The share of the machine's CPU time that all of them used.
    pub cpu_used: f64,
    /// Memory at the end of the measured time.
    pub rss_mb: f64,
    /// The same by component.
    pub rss_mb_by: BTreeMap<Component, f64>,
    /// The most that was seen of each component, twice a second.
    pub peak_rss_mb_by: BTreeMap<Component, f64>,
    /// By the database's own counters; null if they could not be read.
    pub database: Option<DatabaseReport>,
    /// The group commits of all schedulers by kind, by their own counters; heartbeats and sweeps apart.
    pub groups: BTreeMap<String, GroupReport>,
    /// How many were counted in the measured time.
    pub runs: u64,
    /// Every run that was started, warm-up included, and how many of them are missing: nothing may be.
    #[serde(flatten)]
    pub balance: Balance,
    /// What went wrong, by what came instead.
    pub errors: BTreeMap<String, u64>,
    /// How we were called.
    pub command: String,
    /// What was measured.
    pub commit: String,
    /// How.
    pub settings: Settings,
    /// On what.
    pub machine: Machine,
}

/// Quantiles in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Times {
    /// The median.
    pub p50_ms: f64,
    /// Nine of ten are below.
    pub p90_ms: f64,
    /// 99 of a hundred are below.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// From `pg_stat_database`, `pg_stat_user_tables` and `pg_stat_wal`, read with `psql` before and after the measured time.
/// Every transaction counts as a commit, also those of sweeps and heartbeats, and those that only read.
#[derive(Debug, Clone, Serialize)]
pub struct DatabaseReport {
    /// Transactions a second.
    pub commits_per_s: f64,
    /// Journal rows inserted for each commit.
    pub journal_rows_per_commit: f64,
    /// Rows of all tables written for each commit.
    pub rows_per_commit: f64,
    /// Rows of all tables written for each flush of the write-ahead log: what group commit brings.
    pub rows_per_flush: f64,
    /// Bytes of the write-ahead log for each step.
    pub wal_bytes_per_step: f64,
    /// Flushes of the write-ahead log a second.
    pub wal_syncs_per_s: f64,
    /// Transactions rolled back.
    pub rollbacks: u64,
}

/// How it was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    /// What was asked for.
    #[serde(flatten)]
    pub terms: Terms,
    /// Measured.
    pub seconds: f64,
    /// Before that.
    pub warm_up_seconds: f64,
    /// `piton serve` processes; 0: somebody else's.
    pub schedulers: usize,
    /// Worker processes of ours.
    pub workers: usize,
    /// Whether the database's folder is on `disk` or in `memory`; `unknown` if it is somebody else's.
    pub storage: &'static str,
    /// The mean of writing 8 KiB over and flushing it where the database is, just before: no commit is faster. Null
    /// if the stack is somebody else's.
    pub flush_ms: Option<f64>,
    /// Of Postgres, where they could be read.
    pub postgres: BTreeMap<String, String>,
    /// `release` or `debug`.
    pub build: &'static str,
}

impl Settings {
    /// How requests follow each other, in words.
    pub fn pace(&self) -> String {
        let Terms { workload, in_flight, rate, batch, schedules, .. } = self.terms;
        match (rate, workload) {
            (Some(rate), _) => format!("{rate} a second offered, at most {in_flight} under way"),
            (None, Workload::W5) => format!("{in_flight} callers, {batch} events a request"),
            (None, Workload::W7) => format!("{schedules} schedules of every second"),
            (None, Workload::W1 | Workload::W2 | Workload::W3 | Workload::W4 | Workload::W6) => {
                format!("{in_flight} in flight")
            }
        }
    }
}

impl Times {
    fn of(histogram: &Histogram<u64>) -> Self {
        let milliseconds = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        let (p50_ms, p90_ms) = (milliseconds(0.5), milliseconds(0.9));
        Self { p50_ms, p90_ms, p99_ms: milliseconds(0.99), max_ms: milliseconds(1.0) }
    }

    fn text(self) -> String {
        let Self { p50_ms, p90_ms, p99_ms, max_ms } = self;
        format!("p50 {p50_ms:.2}  p90 {p90_ms:.2}  p99 {p99_ms:.2}  max {max_ms:.2}")
    }
}

/// What was seen around the measured time.
#[derive(Debug)]
pub struct Window {
    /// How long it was.
    pub elapsed: Duration,
    /// At its begin.
    pub before: BTreeMap<Component, Spent>,
    /// At its end.
    pub after: BTreeMap<Component, Spent>,
    /// The most memory, in bytes.
    pub peak: BTreeMap<Component, u64>,
    /// What the schedulers had counted at its begin and at its end.
    pub groups: [Groups; 2],
    /// What the database counted meanwhile.
    pub database: Option<DatabaseCounts>,
}

impl Report {
    /// Puts it together.
    pub fn new(seen: &Seen, balance: Balance, window: &Window, settings: Settings) -> Self {
        let workload = settings.terms.workload;
        let seconds = window.elapsed.as_secs_f64();
        let runs = seen.done;
        let steps = (runs * workload.steps(settings.terms.fan)) as f64;
        let Times { p50_ms, p90_ms, p99_ms, max_ms } = Times::of(&seen.latencies);
        let until_ended = match workload {
            Workload::W1 | Workload::W2 | Workload::W3 | Workload::W4 | Workload::W6 => None,
            Workload::W5 | Workload::W7 => Some(Times::of(&seen.until_ended)),
        };
        let machine = Machine::here();
        let cpu: BTreeMap<Component, f64> = window
            .after
            .iter()
            .map(|(component, after)| {
                let before = window.before.get(component).copied().unwrap_or_default();
                (*component, after.cpu.saturating_sub(before.cpu).as_secs_f64())
            })
            .collect();
        let all_cpu: f64 = cpu.values().sum();
        let memory: BTreeMap<_, _> = window.after.iter().map(|(part, spent)| (*part, mb(spent.memory))).collect();
        let database = window.database.map(|counts| DatabaseReport {
            commits_per_s: counts.commits as f64 / seconds,
            journal_rows_per_commit: per(counts.journal_rows as f64, counts.commits as f64),
            rows_per_commit: per(counts.rows_written as f64, counts.commits as f64),
            rows_per_flush: per(counts.rows_written as f64, counts.wal_syncs as f64),
            wal_bytes_per_step: per(counts.wal_bytes as f64, steps),
            wal_syncs_per_s: counts.wal_syncs as f64 / seconds,
            rollbacks: counts.rollbacks,
        });
        Self {
            workload: workload.name(),
            counted: workload.counted(),
            timed: workload.timed(),
            runs_per_s: runs as f64 / seconds,
            steps_per_s: steps / seconds,
            p50_ms,
            p90_ms,
            p99_ms,
            max_ms,
            until_ended,
            cpu_us_per_step: per(all_cpu * 1e6, steps),
            cpu_us_per_step_by: cpu.iter().map(|(part, spent)| (*part, per(spent * 1e6, steps))).collect(),
            cpu_used: all_cpu / (seconds * machine.cores as f64),
            rss_mb: memory.values().sum(),
            rss_mb_by: memory,
            peak_rss_mb_by: window.peak.iter().map(|(part, bytes)| (*part, mb(*bytes))).collect(),
            database,
            groups: between(&window.groups[0], &window.groups[1], seconds),
            runs,
            balance,
            errors: seen.errors.clone(),
            command: std::env::args().collect::<Vec<_>>().join(" "),
            commit: crate::measure::commit(),
            settings,
            machine,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            writeln!(text, "{name:<22}{value}").expect("writing to a string cannot fail");
        };
        let Settings { seconds, schedulers, workers, storage, build, .. } = &self.settings;
        line("workload", format!("{}, {}, {seconds:.0} s, {build} build", self.workload, self.settings.pace()));
        line("stack", format!("{schedulers} schedulers, {workers} workers, database on {storage}"));
        if let Some(flush) = self.settings.flush_ms {
            line("flush of 8 KiB, ms", format!("{flush:.2}"));
        }
        line(&format!("{} a second", self.counted), format!("{:.0}", self.runs_per_s));
        line("steps a second", format!("{:.0}", self.steps_per_s));
        let Self { p50_ms, p90_ms, p99_ms, max_ms, .. } = *self;
        line(&format!("{}, ms", self.timed), Times { p50_ms, p90_ms, p99_ms, max_ms }.text());
        if let Some(times) = &self.until_ended {
            line("until run ended, ms", times.text());
        }
        let Balance { started, missing } = self.balance;
        line("started in all", format!("{started} runs, {missing} of them missing in the end"));
        line("CPU a step, µs", format!("{:.1} ({})", self.cpu_us_per_step, parts(&self.cpu_us_per_step_by)));
        line("CPU of the machine", format!("{:.0} %", self.cpu_used * 100.0));
        line("memory, MB", format!("{:.0} ({})", self.rss_mb, parts(&self.rss_mb_by)));
        line("peak memory, MB", parts(&self.peak_rss_mb_by));
        match &self.database {
            None => line("database", "not read: there is no psql here, or no way to the database".to_owned()),
            Some(found) => {
                let rows = format!(
                    "{:.1} of the journal, {:.1} of all tables",
                    found.journal_rows_per_commit, found.rows_per_commit
                );
                line("rows a commit", rows);
                line("rows a flush", format!("{:.1} of all tables", found.rows_per_flush));
                line("commits a second", format!("{:.0}", found.commits_per_s));
                line(
                    "WAL",
                    format!(
                        "{:.0} bytes a step, {:.0} flushes a second",
                        found.wal_bytes_per_step, found.wal_syncs_per_s
                    ),
                );
            }
        }
        for (group, found) in &self.groups {
            let GroupReport { commits_per_s, rows_per_commit, commit_ms } = found;
            let found = format!("{commits_per_s:.0} a second, {rows_per_commit:.1} rows each, {commit_ms:.2} ms");
            line(&format!("commits of {group}"), found);
        }
        for (error, count) in &self.errors {
            line("error", format!("{count} × {error}"));
        }
        line("commit", self.commit.clone());
        let Machine { processor, cores, memory_mb, kernel } = &self.machine;
        line("machine", format!("{cores} × {processor}, {memory_mb} MB, Linux {kernel}"));
        text
    }
}

fn parts(of: &BTreeMap<Component, f64>) -> String {
    let parts = of.iter().map(|(component, value)| format!("{} {value:.1}", component.name()));
    parts.collect::<Vec<_>>().join(", ")
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Zero where there is nothing to divide by: JSON has no other number for it.
fn per(what: f64, each: f64) -> f64 {
    if each > 0.0 { what / each } else { 0.0 }
}
