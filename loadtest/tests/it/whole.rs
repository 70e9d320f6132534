//! Everything stops, and everything starts again.

use piton_loadtest::{Cluster, customers};
use serde_json::json;

use crate::rig::{Data, Rig, orders};

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_outlives_every_process() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Durable, 2, 0).await?;
    for _ in 0..2 {
        rig.start_worker(&[("PITON_DRAIN", "300ms")]).await?;
    }
    let apis = rig.apis();
    let placed = customers::place(orders(40), 20, &apis).await?;
    rig.check_orders(&placed).await?;
    let sleeping = rig.begin("nap", json!({ "milliseconds": 1500, "name": "nap" })).await?;
    let waiting = rig.begin("gated", "gate".into()).await?;
    let before = piton_loadtest::until("the runs' first steps", crate::rig::SOON, async || {
        let (nap, gated) = (rig.journal(&sleeping).await?, rig.journal(&waiting).await?);
        Ok((!nap.is_empty() && !gated.is_empty()).then_some([nap, gated]))
    })
    .await?;

    let servers = rig.cluster.servers().clone();
    let cluster = std::mem::replace(&mut rig.cluster, Cluster::new(servers).await?);
    cluster.stop().await?;
    rig.postgres.halt().await?;
    rig.nats.halt().await?;

    rig.postgres.restart().await?;
    rig.nats.restart().await?;
    rig.cluster.start_scheduler().await?;
    let pid = rig.start_worker(&[]).await?;
    rig.gate.open("nap")?;
    rig.gate.open("gate")?;
    for (run, before) in [&sleeping, &waiting].into_iter().zip(&before) {
        let ended = rig.completed(run).await?;
        assert_eq!(ended["result"], pid);
        let journal = rig.journal(run).await?;
        assert_eq!(journal.len(), 3, "{journal:?}");
        assert_eq!(&journal[..before.len()], before, "what was written stays as it was");
    }
    // The same key finds the same run, with the result it had.
    let apis = rig.apis();
    for order in &placed {
        let again = customers::place_one(&order.order, &apis, 0).await?;
        assert_eq!((&again.runs, &again.result), (&order.runs, &order.result));
    }
    rig.check_orders(&placed).await?;
    rig.stop().await
}
