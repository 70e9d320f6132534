//! What `/metrics` shows, and that names follow the convention.

use std::{collections::BTreeMap, time::Duration};

use piton_shared::subject::Method;
use piton_telemetry::metrics::{
    ClaimOutcome, Ending, Group, RequestOutcome, SchedulerMetrics, StepOutcome, Swept, WorkerMetrics,
};

/// The types of all metrics in a page, by name.
fn types(page: &str) -> BTreeMap<&str, &str> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines.map(|line| line.split_once(' ').expect("a name and a type")).collect()
}

fn value<'a>(page: &'a str, series: &str) -> &'a str {
    let mut lines = page.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    lines.next().unwrap_or_else(|| panic!("no {series} in\n{page}"))
}

/// A page on which every metric is, those whose labels come with their first use included.
fn pages() -> [String; 2] {
    let scheduler = SchedulerMetrics::new();
    scheduler.http.answered("GET", "/v1/runs/{id}", 200, Duration::from_millis(3));
    [scheduler.render(), WorkerMetrics::new().render()]
}

#[test]
fn names_say_what_is_counted_and_in_which_unit() {
    for page in pages() {
        let types = types(&page);
        assert!(types.len() > 15, "all of them are shown before anything happened");
        for (name, kind) in types {
            assert!(name.starts_with("piton_"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            match kind {
                "counter" => assert!(name.ends_with("_total"), "{name}"),
                "histogram" => {
                    assert!(name.ends_with("_seconds") || name.ends_with("_rows"), "{name}");
                }
                "gauge" => {
                    assert!(!name.ends_with("_total") && !name.ends_with("_seconds"), "{name}");
                }
                other => panic!("{name} is a {other}"),
            }
            for reserved in ["_count", "_sum", "_bucket"] {
                assert!(!name.ends_with(reserved), "{name}");
            }
            assert!(page.contains(&format!("# HELP {name} ")), "{name} is explained");
        }
    }
}

#[test]
fn scheduler_and_worker_share_no_name() {
    let [scheduler, worker] = pages();
    let worker = types(&worker);
    let shared: Vec<_> = types(&scheduler).into_keys().filter(|n| worker.contains_key(n)).collect();
    assert_eq!(shared, ["piton_build_info"]);
}

#[test]
fn a_scheduler_shows_what_was_counted() {
    let metrics = SchedulerMetrics::new();
    let clone = metrics.clone();
    clone.commits.at(Group::Append).inc();
    clone.commit_rows.at(Group::Append).add(21);
    clone.commit_batch.at(Group::Append).rows(21);
    clone.commit_time.at(Group::Claim).seconds(Duration::from_micros(1700));
    clone.claims.at(ClaimOutcome::Stale).inc();
    clone.swept.at(Swept::Republished).add(3);
    clone.runs_ended.at(Ending::Completed).inc();
    clone.requests.at(Method::HandBack).at(RequestOutcome::Done).inc();
    clone.http.answered("POST", "/v1/runs", 201, Duration::from_millis(4));
    let waiting = clone.commit_waiting.at(Group::Intake).enter();
    let page = metrics.render();
    for (series, shown) in [
        (r#"piton_commits_total{group="append"}"#, "1"),
        (r#"piton_commits_total{group="intake"}"#, "0"),
        (r#"piton_commit_rows_total{group="append"}"#, "21"),
        (r#"piton_commit_batch_rows_bucket{group="append",le="20"}"#, "0"),
        (r#"piton_commit_batch_rows_bucket{group="append",le="50"}"#, "1"),
        (r#"piton_commit_seconds_bucket{group="claim",le="0.002"}"#, "1"),
        (r#"piton_claims_total{outcome="stale"}"#, "1"),
        (r#"piton_swept_total{what="republished"}"#, "3"),
        (r#"piton_runs_ended_total{outcome="completed"}"#, "1"),
        (r#"piton_nats_requests_total{method="handback",outcome="done"}"#, "1"),
        (r#"piton_http_requests_total{method="POST",route="/v1/runs",status="201"}"#, "1"),
        (r#"piton_commit_waiting_requests{group="intake"}"#, "1"),
    ] {
        assert_eq!(value(&page, series), shown, "{series}");
    }
    drop(waiting);
    let series = r#"piton_commit_waiting_requests{group="intake"}"#;
    assert_eq!(value(&metrics.render(), series), "0");
}

#[test]
fn a_worker_shows_what_was_counted() {
    let metrics = WorkerMetrics::new();
    metrics.step_time.at(StepOutcome::Panicked).seconds(Duration::from_secs(2));
    metrics.runs_held.set(5);
    metrics.requests.at(Method::Heartbeat).at(RequestOutcome::TimedOut).inc();
    let page = metrics.render();
    let step = r#"piton_worker_step_seconds_count{outcome="panicked"}"#;
    assert_eq!(value(&page, step), "1");
    assert_eq!(value(&page, "piton_worker_held_runs"), "5");
    let beat = r#"piton_worker_requests_total{method="heartbeat",outcome="timed_out"}"#;
    assert_eq!(value(&page, beat), "1");
}
