//! `piton run watch` while the only scheduler that it knows is killed, and started again as systemd would.

use std::fs;

use piton_loadtest::{Process, Program, until, written};
use serde_json::{Value, json};

use crate::rig::{Data, OWN, Rig, SOON, piton};

/// What was printed so far: one event a line. A line that is not whole yet is left for the next look.
fn printed(watch: &Process) -> anyhow::Result<Vec<Value>> {
    let text = fs::read_to_string(watch.log())?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn keys(events: &[Value]) -> Vec<&str> {
    let steps = events.iter().filter(|event| event["event"] == "step");
    steps.filter_map(|event| event["data"]["key"].as_str()).collect()
}

async fn until_printed(watch: &mut Process, key: &str) -> anyhow::Result<()> {
    until(&format!("the line of {key}"), SOON, async || {
        watch.check_runs()?;
        Ok(keys(&printed(watch)?).contains(&key).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_after_its_scheduler_was_killed() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 2, 1).await?;
    let pid = rig.cluster.workers()[0].pid();
    let run = rig.begin("gates", json!(["first", "second"])).await?;
    let mut watch = Process::spawn(&Program {
        name: "watch".to_owned(),
        path: piton()?,
        arguments: ["run", "watch", &run, "--json"].map(Into::into).to_vec(),
        environment: vec![
            ("PITON_URL".to_owned(), rig.cluster.schedulers()[0].api.url()),
            ("PITON_API_KEY".to_owned(), rig.cluster.key().to_owned()),
        ],
        logs: rig.folder.path().join("logs"),
        tie: OWN.into(),
    })?;
    until_printed(&mut watch, "sleep#1").await?;
    rig.at_gate("first", pid, 1).await?;
    rig.cluster.take_scheduler(0).expect("it runs").kill9().await?;
    // What happens while its scheduler is away is told once it is back.
    rig.gate.open("first")?;
    rig.at_gate("second", pid, 1).await?;
    rig.cluster.restart_scheduler(0).await?;
    until_printed(&mut watch, "sleep#2").await?;
    rig.gate.open("second")?;
    let status = watch.ended(SOON).await?;
    assert!(status.success(), "{status}: {:?}", fs::read_to_string(watch.log()));
    let events = printed(&watch)?;
    let journal = written::journal(&*rig.cluster.any_api()?, &run).await?;
    let told: Vec<_> = journal.iter().filter_map(|entry| entry["key"].as_str()).collect();
    assert_eq!(keys(&events), told);
    assert_eq!(events.last().expect("it printed").get("event"), Some(&"end".into()));
    rig.stop().await
}
