//! Two schedulers, each call to a random one.

use std::collections::BTreeSet;

use futures::future::join_all;
use rand::{RngExt as _, seq::IndexedRandom as _};
use serde_json::json;

use piton_loadtest::{customers, until};

use crate::rig::{Data, Rig, SOON, orders, random};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_starts_with_one_key_make_one_run_whoever_is_asked() -> anyhow::Result<()> {
    let mut random = random()?;
    let rig = Rig::start(Data::Throwaway, 2, 1).await?;
    let apis = rig.apis();
    let body = json!({ "workflow": "order_workflow", "input": "order-1", "session_id": "orders" }).to_string();
    let starts = (0..100).map(|_| {
        let api = apis.choose(&mut random).expect("there are two").clone();
        let body = body.clone();
        async move { api.start("?wait=30s", body, Some("the key")).await }
    });
    let answers = join_all(starts.collect::<Vec<_>>()).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let runs: BTreeSet<_> = answers.iter().map(|answer| answer.text("id")).collect();
    assert_eq!(runs.len(), 1);
    let new = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(new, 1, "one of them started it");
    assert!(answers.iter().all(|answer| answer.text("state") == "completed"));
    assert_eq!(rig.ledger.books()?.calls.len(), 1);

    let other = json!({ "workflow": "order_workflow", "input": "order-2" }).to_string();
    for api in &apis {
        let refused = api.start("", other.clone(), Some("the key")).await?;
        assert_eq!((refused.status, refused.text("code").as_str()), (409, "idempotency_conflict"));
    }
    rig.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_the_same_seen_through_either() -> anyhow::Result<()> {
    let mut random = random()?;
    let mut rig = Rig::start(Data::Throwaway, 2, 2).await?;
    let apis = rig.apis();
    let mut runs = Vec::new();
    for _ in 0..30 {
        let api = apis.choose(&mut random).expect("there are two");
        let started = api.start("", r#"{"workflow":"gated","input":"gate"}"#, None).await?;
        assert_eq!(started.status, 201, "{}", started.json());
        runs.push(started.text("id"));
    }
    let killed = runs.remove(random.random_range(0..runs.len()));
    let answer = apis.choose(&mut random).expect("there are two").post(&format!("/v1/runs/{killed}/kill"), "").await?;
    assert!(matches!(answer.status, 200 | 202), "{}", answer.json());
    rig.gate.open("gate")?;
    for run in &runs {
        let api = apis.choose(&mut random).expect("there are two");
        let ended = api.get(&format!("/v1/runs/{run}?wait=30s")).await?;
        assert_eq!((ended.status, ended.text("state").as_str()), (200, "completed"), "{}", ended.json());
    }
    for api in &apis {
        assert_eq!(api.get(&format!("/v1/runs/{killed}")).await?.text("state"), "killed");
    }
    let placed = customers::place(orders(60), 20, &apis).await?;
    rig.check_orders(&placed).await?;

    // One goes for good, and nothing is missed.
    let process = rig.cluster.take_scheduler(0).expect("it runs");
    process.kill9().await?;
    let run = rig.begin("five_steps", json!(null)).await?;
    rig.completed(&run).await?;
    until("all workers, seen by the other", SOON, async || {
        let workers = rig.cluster.any_api()?.get("/v1/workers").await?.json();
        let live = workers["workers"].as_array().into_iter().flatten().filter(|worker| worker["ended_at"].is_null());
        Ok((live.count() == 2).then_some(()))
    })
    .await?;
    rig.stop().await
}
