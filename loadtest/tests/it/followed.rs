//! A run that is followed while the scheduler that tells of it, and the worker that holds it, are killed.

use std::net::SocketAddr;

use piton_loadtest::{until, written};
use serde_json::json;

use crate::{
    follower::{By, Follower, Stream},
    rig::{Data, Rig, SOON},
};

const BRANCHES: u32 = 240;

/// Where the schedulers are, those that do not run included.
fn addresses(rig: &Rig) -> anyhow::Result<Vec<SocketAddr>> {
    let urls = rig.cluster.schedulers().iter().map(|scheduler| scheduler.api.url());
    urls.map(|url| Ok(url.trim_start_matches("http://").parse()?)).collect()
}

async fn kill_scheduler(rig: &mut Rig, at: usize) -> anyhow::Result<()> {
    rig.cluster.take_scheduler(at).expect("it runs").kill9().await
}

/// Reads what is still on its way, up to the break.
async fn to_the_break(follower: &mut Follower) -> anyhow::Result<()> {
    while follower.next().await? == Stream::Open {}
    Ok(())
}

/// What was told is what is written, each row once and in its order; then the end, and nothing else.
async fn check(rig: &Rig, run: &str, follower: &mut Follower) -> anyhow::Result<()> {
    let journal = written::journal(&*rig.cluster.any_api()?, run).await?;
    let keys: Vec<_> = journal.iter().filter_map(|entry| entry["key"].as_str()).collect();
    assert_eq!(follower.keys(), keys);
    follower.check_course();
    for at in addresses(rig)? {
        for by in [By::Header, By::Query] {
            assert_eq!(follower.go_on(at, by).await?, Stream::NothingFollows, "the end was told");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_whose_scheduler_is_killed_goes_on_at_the_other() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 2, 1).await?;
    let schedulers = addresses(&rig)?;
    let pid = rig.cluster.workers()[0].pid();
    let run = rig.begin("gates", json!(["first", "second", "third"])).await?;
    let mut follower = Follower::of(&run, rig.cluster.key());

    // Killed while it has nothing to tell: the run stands at its first gate.
    assert_eq!(follower.go_on(schedulers[0], By::Header).await?, Stream::Open);
    follower.until("the first sleep", |told| told.data["key"] == "sleep#1").await?;
    rig.at_gate("first", pid, 1).await?;
    kill_scheduler(&mut rig, 0).await?;
    to_the_break(&mut follower).await?;

    // The run goes on while nobody looks. Then it is told in one go, and of that one row is taken before the next kill.
    rig.gate.open("first")?;
    rig.at_gate("second", pid, 1).await?;
    rig.cluster.restart_scheduler(0).await?;
    assert_eq!(follower.go_on(schedulers[1], By::Header).await?, Stream::Open);
    follower.until("the row of the first gate", |told| told.data["key"] == "wait_at_gate#1").await?;
    kill_scheduler(&mut rig, 1).await?;

    // What was on its way is lost with the connection.
    assert_eq!(follower.go_on(schedulers[0], By::Query).await?, Stream::Open);
    follower.until("the second sleep", |told| told.data["key"] == "sleep#2").await?;
    rig.gate.open("second")?;
    rig.gate.open("third")?;
    follower.until("the end", |told| told.name == "end").await?;
    rig.cluster.restart_scheduler(1).await?;
    check(&rig, &run, &mut follower).await?;
    rig.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_is_told_who_goes_on_when_the_worker_is_killed() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 2, 1).await?;
    let schedulers = addresses(&rig)?;
    let first = rig.cluster.workers()[0].pid();
    let run = rig.begin("gates", json!(["first", "second"])).await?;
    let mut follower = Follower::of(&run, rig.cluster.key());
    assert_eq!(follower.go_on(schedulers[1], By::Header).await?, Stream::Open);
    follower.until("the first sleep", |told| told.data["key"] == "sleep#1").await?;
    rig.at_gate("first", first, 1).await?;

    rig.cluster.take_worker(0).kill9().await?;
    let second = rig.start_worker(&[]).await?;
    rig.at_gate("first", second, 1).await?;
    let of_second = |told: &crate::follower::Told| told.name == "state" && told.data["attempts"] == 2;
    follower.until("the word that another holds it", of_second).await?;
    // The one who told of it goes as well.
    kill_scheduler(&mut rig, 1).await?;
    to_the_break(&mut follower).await?;
    assert_eq!(follower.go_on(schedulers[0], By::Header).await?, Stream::Open);
    rig.gate.open("first")?;
    rig.gate.open("second")?;
    follower.until("the end", |told| told.name == "end").await?;
    assert_eq!(follower.told.last().expect("it was told").data["result"], second);
    rig.cluster.restart_scheduler(1).await?;
    check(&rig, &run, &mut follower).await?;
    rig.stop().await
}

/// Rows come from both schedulers and from many executors, and the stream breaks amid them.
#[tokio::test(flavor = "multi_thread")]
async fn a_fan_out_is_told_once_though_the_schedulers_are_killed_amid_it() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 2, 2).await?;
    let schedulers = addresses(&rig)?;
    let run = rig.begin("book_side_by_side", json!(BRANCHES)).await?;
    let mut follower = Follower::of(&run, rig.cluster.key());
    for (victim, rows) in [(0, 20), (1, 90), (0, 160)] {
        assert_eq!(follower.go_on(schedulers[victim], By::Header).await?, Stream::Open);
        while follower.keys().len() < rows {
            assert_eq!(follower.next().await?, Stream::Open, "it goes on: {:?}", follower.told.last());
        }
        kill_scheduler(&mut rig, victim).await?;
        rig.cluster.restart_scheduler(victim).await?;
    }
    assert_eq!(follower.go_on(schedulers[1], By::Query).await?, Stream::Open);
    follower.until("the end", |told| told.name == "end").await?;
    assert_eq!(follower.told.last().expect("it was told").data["result"], BRANCHES * (BRANCHES - 1) / 2);
    check(&rig, &run, &mut follower).await?;
    until("the books", SOON, async || Ok((rig.ledger.charged()? == BRANCHES as usize).then_some(()))).await?;
    rig.stop().await
}
