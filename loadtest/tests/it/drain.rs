//! SIGTERM: nothing is lost, nothing is struck, nobody waits for a lease.

use piton_loadtest::until;
use rustix::process::Signal;

use crate::rig::{Data, Rig, SOON};

const RUNS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_to_stop_hands_back_what_it_cannot_finish() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 2, 0).await?;
    let first = rig.start_worker(&[("PITON_DRAIN", "300ms")]).await?;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(rig.begin("gated", "gate".into()).await?);
    }
    rig.at_gate("gate", first, RUNS).await?;
    let second = rig.start_worker(&[]).await?;
    rig.cluster.take_worker(0).stop(Signal::TERM, SOON).await?;
    rig.at_gate("gate", second, RUNS).await?;
    for run in &runs {
        let run = rig.run(run).await?;
        assert_eq!((&run["strikes"], &run["attempts"]), (&0.into(), &2.into()), "{run}");
    }
    let left = rig.registrations("worker-1").await?;
    assert_eq!(left[0]["end_reason"], "left", "{left:?}");
    rig.gate.open("gate")?;
    for run in &runs {
        assert_eq!(rig.completed(run).await?["result"], second);
        assert_eq!(rig.journal(run).await?.len(), 3);
    }
    rig.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_to_stop_finishes_what_it_can() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 1, 1).await?;
    let first = rig.cluster.workers()[0].pid();
    let run = rig.begin("gated", "gate".into()).await?;
    rig.at_gate("gate", first, 1).await?;
    let worker = rig.cluster.take_worker(0);
    worker.signal(Signal::TERM)?;
    until("the word that it drains", SOON, async || {
        Ok((rig.registrations("worker-1").await?[0]["intent"] == "draining").then_some(()))
    })
    .await?;
    rig.gate.open("gate")?;
    // A second signal would cut it short.
    let mut worker = worker;
    let status = worker.ended(SOON).await?;
    assert!(status.success(), "{status}");
    let second = rig.start_worker(&[]).await?;
    let ended = rig.completed(&run).await?;
    assert_ne!(first, second);
    assert_eq!(ended["result"], first, "the function ran to its end and its result was kept");
    rig.stop().await
}

/// Twice told, it does not wait for its functions, however long it may: their runs go to others at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_twice_to_stop_leaves_at_once() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 1, 0).await?;
    let first = rig.start_worker(&[("PITON_DRAIN", "1h")]).await?;
    let run = rig.begin("gated", "gate".into()).await?;
    rig.at_gate("gate", first, 1).await?;
    let mut worker = rig.cluster.take_worker(0);
    worker.signal(Signal::INT)?;
    until("the word that it drains", SOON, async || {
        Ok((rig.registrations("worker-1").await?[0]["intent"] == "draining").then_some(()))
    })
    .await?;
    worker.signal(Signal::INT)?;
    let status = worker.ended(SOON).await?;
    assert!(status.success(), "{status}");
    assert_eq!(rig.registrations("worker-1").await?[0]["end_reason"], "left");
    let second = rig.start_worker(&[]).await?;
    rig.at_gate("gate", second, 1).await?;
    rig.gate.open("gate")?;
    assert_eq!(rig.completed(&run).await?["result"], second);
    rig.stop().await
}

/// A function that blocks its thread cannot be stopped: the process ends without it, once the worker has left.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_function_that_blocks_ends_once_it_has_left() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 1, 0).await?;
    let first = rig.start_worker(&[("PITON_DRAIN", "100ms")]).await?;
    let run = rig.begin("blocked", "gate".into()).await?;
    rig.at_gate("gate", first, 1).await?;
    let mut worker = rig.cluster.take_worker(0);
    worker.signal(Signal::TERM)?;
    let status = worker.ended(SOON).await?;
    assert!(status.success(), "{status}");
    assert_eq!(rig.registrations("worker-1").await?[0]["end_reason"], "left");
    let second = rig.start_worker(&[]).await?;
    rig.at_gate("gate", second, 1).await?;
    rig.gate.open("gate")?;
    assert_eq!(rig.completed(&run).await?["result"], second);
    rig.stop().await
}

/// Also where every thread is blocked, so that nothing of the worker can leave in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_threads_are_all_blocked_ends_when_told_twice() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 1, 0).await?;
    let first = rig.start_worker(&[("TOKIO_WORKER_THREADS", "1"), ("PITON_DRAIN", "1h")]).await?;
    rig.begin("blocked", "gate".into()).await?;
    rig.at_gate("gate", first, 1).await?;
    let mut worker = rig.cluster.take_worker(0);
    worker.signal(Signal::TERM)?;
    // Two that are pending at once count as one, so it is told until it ends.
    until("the process to end", SOON, async || {
        if worker.check_runs().is_ok() {
            worker.signal(Signal::TERM)?;
        }
        Ok(worker.check_runs().is_err().then_some(()))
    })
    .await?;
    rig.gate.open("gate")?;
    rig.stop().await
}

/// A scheduler that is told to stop answers those who wait, and the other serves on.
#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_told_to_stop_answers_who_waits() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 2, 1).await?;
    let run = rig.begin("gated", "gate".into()).await?;
    rig.at_gate("gate", rig.cluster.workers()[0].pid(), 1).await?;
    let api = rig.apis()[0].clone();
    let path = format!("/v1/runs/{run}?wait=30s");
    let waiting = tokio::spawn(async move { api.get(&path).await });
    let process = rig.cluster.take_scheduler(0).expect("it runs");
    // The request may still be on its way: then it is refused, which is an answer too.
    process.stop(Signal::TERM, SOON).await?;
    if let Ok(answer) = waiting.await? {
        assert!(matches!(answer.status, 202 | 503), "{answer:?}");
    }
    rig.gate.open("gate")?;
    rig.completed(&run).await?;
    rig.stop().await
}
