//! A run that kills every worker it meets, among others that do no harm.

use std::collections::BTreeSet;

use piton_loadtest::until;

use crate::rig::{Data, Rig, SOON};

const INNOCENTS: usize = 12;

/// Starts another worker whenever one has died, until the run is parked; says how many have.
async fn until_parked(rig: &mut Rig, run: &str) -> anyhow::Result<usize> {
    let mut died = 0;
    loop {
        let gone = until("a worker's death or the park", SOON, async || {
            if rig.run(run).await?["state"] == "parked" {
                return Ok(Some(false));
            }
            Ok(rig.cluster.workers_mut()[0].check_runs().is_err().then_some(true))
        })
        .await?;
        if !gone {
            return Ok(died);
        }
        died += 1;
        drop(rig.cluster.take_worker(0));
        rig.start_worker(&[]).await?;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_kills_its_workers_is_parked_and_costs_nobody_else_anything() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 2, 1).await?;
    let mut innocents = Vec::new();
    for _ in 0..INNOCENTS {
        innocents.push(rig.begin("long", serde_json::json!({ "steps": 60, "milliseconds": 150 })).await?);
    }
    let poison = rig.begin("poison", serde_json::Value::Null).await?;
    let died = until_parked(&mut rig, &poison).await?;
    // Twice in company, once alone; in between with half of those it died with, as long as some of them had not come further.
    assert!((3..=3 + INNOCENTS.ilog2() as usize).contains(&died), "{died}");
    let run = rig.run(&poison).await?;
    assert_eq!((&run["parked"]["code"], &run["parked"]["strikes"]), (&"poison".into(), &died.into()), "{run}");
    let calls = rig.ledger.books()?.calls;
    let processes: BTreeSet<_> = calls.iter().filter(|call| call.order == "die").map(|call| call.pid).collect();
    assert_eq!((calls.len(), processes.len()), (died, died), "{calls:?}");
    for innocent in &innocents {
        let ended = rig.completed(innocent).await?;
        assert_eq!((&ended["result"], &ended["strikes"]), (&9000.into(), &0.into()), "{ended}");
    }
    // The worker that was there to the end is open to all again.
    let last = format!("worker-{}", died + 1);
    let workers = until("a worker that takes runs", SOON, async || {
        let workers = rig.registrations(&last).await?;
        Ok((workers[0]["intent"] == "working").then_some(workers))
    });
    workers.await?;
    rig.stop().await
}
