//! A worker that stands still past its lease and then goes on.

use piton_loadtest::until;
use rustix::process::Signal;

use crate::rig::{Data, Rig, SOON};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_past_its_lease_writes_nothing_and_comes_back_under_a_new_name() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 2, 1).await?;
    let frozen = rig.cluster.workers()[0].pid();
    let run = rig.begin("gated", "gate".into()).await?;
    rig.at_gate("gate", frozen, 1).await?;
    rig.cluster.workers()[0].signal(Signal::STOP)?;
    let other = rig.start_worker(&[]).await?;
    rig.at_gate("gate", other, 1).await?;

    // Both may pass now; the frozen one wakes with its function done and a result in its hands.
    rig.gate.open("gate")?;
    rig.cluster.workers()[0].signal(Signal::CONT)?;
    let ended = rig.completed(&run).await?;
    assert_eq!(ended["result"], other, "the result is the holder's");
    let journal = rig.journal(&run).await?;
    assert_eq!(journal.len(), 3, "{journal:?}");
    assert_eq!(journal[1]["result"], other);

    let registrations = until("the frozen worker's second registration", SOON, async || {
        let found = rig.registrations("worker-1").await?;
        Ok((found.len() == 2 && found[1]["ended_at"].is_null()).then_some(found))
    })
    .await?;
    assert_eq!(registrations[0]["end_reason"], "lease_over");

    // It is as good as any: the other goes, and it carries on alone.
    rig.cluster.take_worker(1).kill9().await?;
    let run = rig.begin("gated", "second".into()).await?;
    rig.gate.open("second")?;
    assert_eq!(rig.completed(&run).await?["result"], frozen);
    // What it had in hand was not written a second time.
    assert_eq!(rig.journal(ended["id"].as_str().unwrap_or_default()).await?, journal);
    rig.stop().await
}

/// A freeze shorter than the lease costs nothing: same attempt, same result.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_for_a_moment_keeps_its_runs() -> anyhow::Result<()> {
    let rig = Rig::start(Data::Throwaway, 1, 1).await?;
    let pid = rig.cluster.workers()[0].pid();
    let run = rig.begin("gated", "gate".into()).await?;
    rig.at_gate("gate", pid, 1).await?;
    let beat = rig.registrations("worker-1").await?[0]["heartbeat_at"].clone();
    rig.cluster.workers()[0].signal(Signal::STOP)?;
    rig.cluster.workers()[0].signal(Signal::CONT)?;
    until("the next heartbeat", SOON, async || {
        Ok((rig.registrations("worker-1").await?[0]["heartbeat_at"] != beat).then_some(()))
    })
    .await?;
    rig.gate.open("gate")?;
    let ended = rig.completed(&run).await?;
    assert_eq!((&ended["result"], &ended["attempts"]), (&pid.into(), &1.into()));
    rig.stop().await
}
