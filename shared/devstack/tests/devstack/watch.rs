//! Conditions that tests wait for.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(30);

/// Returns when the condition holds; fails the test when it does not come about.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(5));
    while !holds() {
        assert!(start.elapsed() < BOUND, "never came about: {what}");
        look.tick().await;
    }
}

/// Whether no such process runs; one that nobody has waited for counts as gone.
pub(crate) fn is_gone(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

/// Every process that has anything to do with a folder: it works there, or its command line names it.
pub(crate) fn processes_in(folder: &Path) -> Vec<i32> {
    let name = folder.to_str().expect("tests use plain names");
    let pids = fs::read_dir("/proc").expect("tests run on Linux").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| {
        let works_there = fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        *pid != std::process::id().cast_signed() && (works_there || String::from_utf8_lossy(&line).contains(name))
    })
    .collect()
}
