//! What the schedulers count of their group commits, as `/metrics` shows it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::{Api, ApiError};

/// Counters of one kind of group commit: `intake`, `append`, `claim`, `heartbeat` and others.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GroupCounts {
    commits: f64,
    rows: f64,
    seconds: f64,
}

/// Group commits of one kind, in the measured time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GroupReport {
    /// How many a second.
    pub commits_per_s: f64,
    /// How much each carried.
    pub rows_per_commit: f64,
    /// How long each took.
    pub commit_ms: f64,
}

/// By kind, over all schedulers.
pub type Groups = BTreeMap<String, GroupCounts>;

/// Reads the counters of all schedulers.
pub async fn groups(apis: &[impl AsRef<Api>]) -> Result<Groups, ApiError> {
    let mut groups = Groups::new();
    for api in apis {
        let answer = api.as_ref().get("/metrics").await?;
        add(&String::from_utf8_lossy(&answer.body), &mut groups);
    }
    Ok(groups)
}

/// What was counted between two looks; kinds that did nothing are left out.
pub fn between(before: &Groups, after: &Groups, seconds: f64) -> BTreeMap<String, GroupReport> {
    let reports = after.iter().filter_map(|(group, after)| {
        let before = before.get(group).copied().unwrap_or_default();
        let commits = after.commits - before.commits;
        let report = GroupReport {
            commits_per_s: commits / seconds,
            rows_per_commit: (after.rows - before.rows) / commits,
            commit_ms: (after.seconds - before.seconds) / commits * 1000.0,
        };
        (commits > 0.0).then(|| (group.clone(), report))
    });
    reports.collect()
}

fn add(text: &str, groups: &mut Groups) {
    for line in text.lines() {
        let Some((name, value)) = line.split_once("{group=\"") else { continue };
        let Some((group, value)) = value.split_once("\"}") else { continue };
        let Ok(value) = value.trim().parse::<f64>() else { continue };
        let counts = groups.entry(group.to_owned()).or_default();
        match name {
            "piton_commits_total" => counts.commits += value,
            "piton_commit_rows_total" => counts.rows += value,
            "piton_commit_seconds_sum" => counts.seconds += value,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# TYPE piton_commits_total counter
piton_commits_total{group=\"append\"} 10
piton_commits_total{group=\"claim\"} 0
piton_commit_rows_total{group=\"append\"} 200
piton_commit_seconds_bucket{group=\"append\",le=\"0.1\"} 10
piton_commit_seconds_sum{group=\"append\"} 0.05
piton_sweeps_total 7
";

    #[test]
    fn two_schedulers_add_up() {
        let mut groups = Groups::new();
        add(TEXT, &mut groups);
        let before = groups.clone();
        add(TEXT, &mut groups);
        let report = between(&before, &groups, 2.0);
        let append = GroupReport { commits_per_s: 5.0, rows_per_commit: 20.0, commit_ms: 5.0 };
        assert_eq!(report, BTreeMap::from([("append".to_owned(), append)]));
    }
}
