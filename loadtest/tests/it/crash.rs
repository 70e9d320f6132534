//! kill -9 at random moments.

use rand::{Rng as _, RngExt as _, rngs::StdRng};

use piton_loadtest::{customers, until};

use crate::rig::{Data, Rig, SOON, orders, random};

const ORDERS: usize = 240;
const AT_ONCE: usize = 40;

#[derive(Debug, Clone, Copy)]
enum Victim {
    Worker,
    Scheduler,
    Both,
}

/// Orders go on while processes are killed; the moments are counted in charges, so that each falls into the work.
async fn orders_while_killing(victims: &[Victim]) -> anyhow::Result<()> {
    let mut random = random()?;
    let mut rig = Rig::start(Data::Throwaway, 2, 3).await?;
    let apis = rig.apis();
    let placing = tokio::spawn(async move { customers::place(orders(ORDERS), AT_ONCE, &apis).await });
    let mut moments: Vec<usize> = victims.iter().map(|_| random.random_range(1..ORDERS)).collect();
    moments.sort_unstable();
    for (victim, moment) in victims.iter().zip(moments) {
        until("the next kill's moment", SOON, async || Ok((rig.ledger.books()?.charges.len() >= moment).then_some(())))
            .await?;
        kill(&mut rig, *victim, &mut random).await?;
    }
    let placed = placing.await??;
    let unanswered: usize = placed.iter().map(|order| order.unanswered).sum();
    let resumed: usize = placed.iter().map(|order| order.resumed).sum();
    println!("{unanswered} requests unanswered, {resumed} runs resumed by hand");
    rig.check_orders(&placed).await?;
    rig.stop().await
}

async fn kill(rig: &mut Rig, victim: Victim, random: &mut StdRng) -> anyhow::Result<()> {
    let worker = random.next_u32() as usize % rig.cluster.workers().len();
    let scheduler = random.next_u32() as usize % rig.cluster.schedulers().len();
    println!("{victim:?}: worker {worker}, scheduler {scheduler}");
    let worker = match victim {
        Victim::Worker | Victim::Both => Some(rig.cluster.take_worker(worker)),
        Victim::Scheduler => None,
    };
    let process = match victim {
        Victim::Scheduler | Victim::Both => rig.cluster.take_scheduler(scheduler),
        Victim::Worker => None,
    };
    for process in worker.into_iter().chain(process) {
        process.kill9().await?;
    }
    match victim {
        Victim::Worker => drop(rig.start_worker(&[]).await?),
        Victim::Scheduler => rig.cluster.restart_scheduler(scheduler).await?,
        Victim::Both => {
            rig.cluster.restart_scheduler(scheduler).await?;
            rig.start_worker(&[]).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_at_random_moments_cost_no_order_and_no_second_charge() -> anyhow::Result<()> {
    orders_while_killing(&[Victim::Worker; 4]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn schedulers_killed_at_random_moments_cost_no_order_and_no_second_charge() -> anyhow::Result<()> {
    orders_while_killing(&[Victim::Scheduler; 5]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_killed_at_random_moments_cost_no_order_and_no_second_charge() -> anyhow::Result<()> {
    orders_while_killing(&[Victim::Both, Victim::Worker, Victim::Scheduler, Victim::Both]).await
}

/// The takeover, seen on one run: the second worker does what the first began, and what the first had finished stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_run_goes_on_where_its_journal_ends() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 1, 1).await?;
    let first = rig.cluster.workers()[0].pid();
    let run = rig.begin("gated", "gate".into()).await?;
    let before = rig.at_gate("gate", first, 1).await?;
    let second = rig.start_worker(&[]).await?;
    rig.cluster.take_worker(0).kill9().await?;
    let after = rig.at_gate("gate", second, 1).await?;
    assert_eq!(before[0].key, after[0].key, "every try sees the same idempotency key");
    rig.gate.open("gate")?;
    let ended = rig.completed(&run).await?;
    assert_eq!((&ended["result"], &ended["attempts"]), (&second.into(), &2.into()));
    let journal = rig.journal(&run).await?;
    let authors: Vec<_> = journal.iter().map(|entry| entry["worker_id"].clone()).collect();
    assert_eq!(authors.len(), 3);
    assert!(authors[0] != authors[1] && authors[1] == authors[2], "{authors:?}");
    rig.stop().await
}
