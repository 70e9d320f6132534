//! The load test itself: every door lets in what it is given, and nothing of it is lost.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::rig::{OWN, folder};

/// For a load of some seconds with its stack, on a busy machine.
const LOAD: Duration = Duration::from_mins(4);

/// What a load found. How much of it was in the measured time depends on the machine, and is not looked at.
async fn found(arguments: &[&str]) -> anyhow::Result<Value> {
    let folder = folder()?;
    let mut command = Command::new(OWN);
    command
        .args(arguments)
        .args(["--seconds", "3", "--warm-up", "1", "--json", "--folder"])
        .arg(folder.path().join("load"));
    // Everything is built: cargo need not look.
    command.env_remove("CARGO").kill_on_drop(true);
    let output = tokio::time::timeout(LOAD, command.output()).await.context("it takes too long")??;
    let wrong = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).with_context(|| format!("no report: {wrong}"))?;
    ensure!(output.status.success() || report["runs"] == 0, "{}: {wrong}", output.status);
    Ok(report)
}

async fn check(arguments: &[&str], counted: &str) -> anyhow::Result<()> {
    let report = found(arguments).await?;
    assert_eq!(report["counted"], counted, "{report}");
    assert!(report["started"].as_u64() > Some(0), "{report}");
    assert_eq!(report["missing"], 0, "{report}");
    assert_eq!(report["errors"], serde_json::json!({}), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_start_a_run_each() -> anyhow::Result<()> {
    check(&["W5", "--in-flight", "2", "--batch", "20", "--schedulers", "2"], "events").await
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_start_a_run_each() -> anyhow::Result<()> {
    check(&["W6", "--in-flight", "4"], "deliveries").await
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_start_a_run_a_second_each() -> anyhow::Result<()> {
    check(&["W7", "--schedules", "5"], "firings").await
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_offered_at_a_rate() -> anyhow::Result<()> {
    check(&["W4", "--rate", "20"], "runs").await
}
