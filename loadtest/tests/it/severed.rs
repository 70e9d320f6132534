//! NATS and Postgres go away and come back.

use std::sync::Arc;

use piton_devstack::{Network, Proxy};
use piton_loadtest::{customers, until};
use serde_json::json;

use crate::rig::{Data, Rig, SOON, is_put_off, orders};

const ORDERS: usize = 150;
const AT_ONCE: usize = 30;

async fn charges(rig: &Rig, count: usize) -> anyhow::Result<()> {
    until("charges", SOON, async || Ok((rig.ledger.books()?.charges.len() >= count).then_some(()))).await
}

/// Postgres is the truth, NATS is a hint: everything in it may go, twice.
#[tokio::test(flavor = "multi_thread")]
async fn nats_killed_and_wiped_delays_and_loses_nothing() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 2, 2).await?;
    let apis = rig.apis();
    let placing = tokio::spawn(async move { customers::place(orders(ORDERS), AT_ONCE, &apis).await });
    charges(&rig, ORDERS / 4).await?;
    rig.nats.wipe().await?;
    charges(&rig, ORDERS / 2).await?;

    rig.nats.kill9().await?;
    let api = rig.cluster.any_api()?;
    until("the word that NATS is away", SOON, async || {
        let answer = api.get("/health/ready").await?;
        Ok((answer.status == 200 && answer.text("status") == "degraded").then_some(()))
    })
    .await?;
    let run = rig.begin("five_steps", json!(null)).await?;
    rig.nats.wipe().await?;
    rig.completed(&run).await?;
    let placed = placing.await??;
    rig.check_orders(&placed).await?;
    rig.stop().await
}

/// Callers are told to come back, and never that something is there which is not.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_killed_and_restarted_puts_callers_off_and_forgets_nothing_it_accepted() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Durable, 2, 2).await?;
    let apis = rig.apis();
    let theirs = apis.clone();
    let placing = tokio::spawn(async move { customers::place(orders(ORDERS), AT_ONCE, &theirs).await });
    let starting = tokio::spawn(start_until_refused(apis[0].clone()));
    charges(&rig, ORDERS / 3).await?;
    rig.postgres.kill9().await?;
    let accepted = starting.await??;
    for api in &apis {
        let ready = api.get("/health/ready").await?;
        assert_eq!((ready.status, ready.text("status").as_str()), (503, "unavailable"));
        let answer = api.get("/v1/runs").await?;
        assert!(is_put_off(&answer), "{answer:?}");
    }
    rig.postgres.restart().await?;
    let placed = placing.await??;
    let odd: Vec<_> = placed
        .iter()
        .flat_map(|order| &order.put_off)
        .filter(|(status, retry_after)| *status != 202 && (*status != 503 || retry_after.is_none()))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
    rig.check_orders(&placed).await?;
    println!("{} runs had been accepted before the database went", accepted.len());
    for run in accepted {
        rig.completed(&run).await?;
    }
    rig.stop().await
}

/// Starts runs until the database is away, and gives back those that were acknowledged.
async fn start_until_refused(api: Arc<piton_loadtest::Api>) -> anyhow::Result<Vec<String>> {
    let mut accepted = Vec::new();
    loop {
        let answer = api.start("", r#"{"workflow":"one_step"}"#, None).await?;
        if is_put_off(&answer) {
            return Ok(accepted);
        }
        assert_eq!(answer.status, 201, "{answer:?}");
        accepted.push(answer.text("id"));
    }
}

/// An ordinary restart, and workers whose leases ran out while the database could not say so.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_for_longer_than_a_lease_loses_no_work() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Durable, 1, 1).await?;
    let pid = rig.cluster.workers()[0].pid();
    let run = rig.begin("gated", "gate".into()).await?;
    rig.at_gate("gate", pid, 1).await?;
    rig.postgres.halt().await?;
    until("the worker's own word that its lease is over", SOON, async || Ok(rig.gate.was_left("gate")?.then_some(())))
        .await?;
    rig.postgres.restart().await?;
    rig.at_gate("gate", pid, 2).await?;
    rig.gate.open("gate")?;
    let ended = rig.completed(&run).await?;
    assert_eq!(ended["result"], pid);
    assert_eq!(rig.journal(&run).await?.len(), 3);
    rig.stop().await
}

/// A worker behind a network that swallows everything drops its work in time, and what it sends later is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_cut_off_from_everybody_gives_its_run_away_and_comes_back() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 1, 0).await?;
    let proxy = Proxy::start(rig.nats.address()).await?;
    let address = format!("nats://{}", proxy.address());
    let cut_off = rig.start_worker(&[("PITON_NATS_URL", &address)]).await?;
    let run = rig.begin("gated", "gate".into()).await?;
    rig.at_gate("gate", cut_off, 1).await?;
    proxy.set(Network::Blackhole);
    until("the word that it dropped its function", SOON, async || Ok(rig.gate.was_left("gate")?.then_some(()))).await?;
    assert_eq!(rig.journal(&run).await?.len(), 1);
    let other = rig.start_worker(&[]).await?;
    rig.at_gate("gate", other, 1).await?;
    rig.gate.open("gate")?;
    let ended = rig.completed(&run).await?;
    assert_eq!(ended["result"], other);
    proxy.set(Network::Pass);
    until("its second registration", SOON, async || {
        let found = rig.registrations("worker-1").await?;
        Ok((found.len() == 2 && found[1]["ended_at"].is_null()).then_some(()))
    })
    .await?;
    assert_eq!(rig.journal(&run).await?.len(), 3);
    rig.stop().await?;
    proxy.stop().await;
    Ok(())
}

/// Connections that break in the middle of everything cost time and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_connections_keep_breaking_loses_and_repeats_no_charge() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 2, 0).await?;
    let proxy = Proxy::start(rig.nats.address()).await?;
    let address = format!("nats://{}", proxy.address());
    rig.start_worker(&[("PITON_NATS_URL", &address)]).await?;
    let apis = rig.apis();
    let placing = tokio::spawn(async move { customers::place(orders(ORDERS), AT_ONCE, &apis).await });
    for part in 1..=4 {
        charges(&rig, ORDERS * part / 6).await?;
        proxy.set(Network::Reset);
        proxy.set(Network::Slow(std::time::Duration::from_millis(20)));
    }
    let placed = placing.await??;
    rig.check_orders(&placed).await?;
    rig.stop().await?;
    proxy.stop().await;
    Ok(())
}
