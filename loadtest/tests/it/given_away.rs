//! Work that is given away, while those who do it and those who hand it out are killed.

use std::collections::BTreeMap;

use piton_loadtest::{ledger::Call, until};
use rand::RngExt as _;
use serde_json::json;

use crate::rig::{Data, Rig, SOON, random};

const ITEMS: u32 = 3_000;
const BOUND: u32 = 40;
/// More than are done by the first kill, whatever else is done by then.
const BRANCHES: u32 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn workers_and_a_scheduler_killed_amid_a_fan_out_and_a_batch_cost_no_item_and_no_second_booking()
-> anyhow::Result<()> {
    let mut random = random()?;
    let mut rig = Rig::start(Data::Throwaway, 2, 3).await?;
    let batch = rig.begin("book_batch", json!({ "items": ITEMS, "bound": BOUND })).await?;
    let fan_out = rig.begin("book_side_by_side", json!(BRANCHES)).await?;
    for (done, victim) in [(150, "worker"), (900, "scheduler"), (2_000, "worker")] {
        until("the next kill's moment", SOON, async || Ok((rig.ledger.charged()? >= done).then_some(()))).await?;
        if victim == "worker" {
            let worker = random.random_range(0..rig.cluster.workers().len());
            rig.cluster.take_worker(worker).kill9().await?;
            rig.start_worker(&[]).await?;
        } else {
            let scheduler = random.random_range(0..2);
            let process = rig.cluster.take_scheduler(scheduler);
            process.expect("it runs").kill9().await?;
            rig.cluster.restart_scheduler(scheduler).await?;
        }
    }
    let ended = rig.completed(&batch).await?;
    let failed = ITEMS / 10;
    let good = ITEMS - failed;
    assert_eq!(ended["result"], json!([good, failed, 0, good, failed]), "{ended}");
    let ended = rig.completed(&fan_out).await?;
    assert_eq!(ended["result"], json!(BRANCHES * (BRANCHES - 1) / 2), "{ended}");

    let books = rig.ledger.books()?;
    // Under another key a repeat would have been booked again.
    assert_eq!(books.charged_twice(), Vec::<&str>::new());
    assert_eq!(books.charges.len(), usize::try_from(ITEMS + BRANCHES)?, "each is booked");
    let again = books.called_more_than(2).len();
    let most = most_at_once(&books.calls);
    println!("{again} executed again, {most} of the batch at once");
    assert!(again > 0, "nobody died amid an item");
    assert!((2..=BOUND).contains(&most), "{most} at once");
    rig.stop().await
}

/// How many items of the batch were executed at once at most, by their notes: a call that never came to its end counts
/// until its key is called again, for so long nobody knows that it is over.
fn most_at_once(calls: &[Call]) -> u32 {
    let mut keys: BTreeMap<&str, Vec<(u128, bool)>> = BTreeMap::new();
    for call in calls {
        let mut words = call.order.split(' ');
        let (Some("item"), Some(word), Some(at)) = (words.next(), words.next(), words.next()) else { continue };
        let at = at.parse().expect("a note has its time");
        keys.entry(&call.key).or_default().push((at, word == "begins"));
    }
    // Ends sort before beginnings of the same moment.
    let mut changes = Vec::new();
    for notes in keys.values_mut() {
        notes.sort_unstable();
        let mut open = false;
        for (at, begins) in notes.iter().copied() {
            if open != begins {
                changes.push((at, if begins { 1 } else { -1 }));
                open = begins;
            }
        }
    }
    changes.sort_unstable();
    let (mut now, mut most) = (0_i32, 0_i32);
    for (_, change) in changes {
        now += change;
        most = most.max(now);
    }
    most.unsigned_abs()
}
