//! The demo, told line by line.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{
    claims::{Evidence, Witness},
    senders::{self, Stripe},
    show,
};
use crate::{
    api::Api,
    built,
    ledger::Ledger,
    private::{Afterwards, PrivateStack, fresh_folder},
    psql::Psql,
    repository::{self, READ_REPOSITORY, Read},
    shop::CLOSE_TILL,
    wait::until,
    worker::{CHARGE_TAKES, LEDGER},
};

const WITNESS: &str = include_str!("sql/witness.sql");

const WORKERS: usize = 3;
/// Payments that Stripe reports.
const PAYMENTS: usize = 120;
/// Orders that the web shop publishes.
const ORDERS: usize = 120;
/// Messages of each sender under way at once.
const AT_ONCE: usize = 8;
/// The worker is killed once so many customers have been charged, the scheduler some later.
const KILL_WORKER_AFTER: usize = 60;
const KILL_SCHEDULER_AFTER: usize = 140;
/// How long the provider takes for a charge, in milliseconds.
const CHARGE_TAKES_MS: u32 = 200;
/// Firings of the clock that are waited for.
const FIRINGS: usize = 6;
/// Until something happens that is waited for.
const SOON: Duration = Duration::from_mins(1);

/// Whether the stack goes on after the story, until Ctrl-C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Everything is stopped and deleted.
    Stop,
    /// It runs until Ctrl-C, for people to look around.
    Keep,
}

/// How the demo is told.
#[derive(Debug, Clone, Copy)]
pub struct Telling {
    /// Schedulers that run side by side.
    pub schedulers: NonZeroUsize,
    /// What becomes of the stack.
    pub ending: Ending,
}

/// Tells it, and fails if a claim does not hold.
pub async fn run(telling: Telling) -> anyhow::Result<()> {
    let piton = built::build()?;
    let begun = Instant::now();
    let folder = fresh_folder("demo");
    say(
        begun,
        "starting a private Postgres (fsync on) and a NATS in a folder of their own; nothing of yours is touched",
    );
    let mut stack = PrivateStack::start(&folder, piton).await?;
    let told = told(&mut stack, telling, begun).await;
    if let (Ok(()), Ending::Keep) = (&told, telling.ending) {
        show::look_around(&stack);
        tokio::signal::ctrl_c().await.context("could not wait for Ctrl-C")?;
    }
    let stopped = stack.stop(Afterwards::Delete).await;
    told.and(stopped)
}

async fn told(stack: &mut PrivateStack, telling: Telling, begun: Instant) -> anyhow::Result<()> {
    let ledger = Ledger::open(stack.folder().join("ledger")).context("could not open the provider's books")?;
    let environment = [(LEDGER, ledger.folder().display().to_string()), (CHARGE_TAKES, CHARGE_TAKES_MS.to_string())];
    for _ in 0..telling.schedulers.get() {
        stack.cluster.start_scheduler().await?;
    }
    for _ in 0..WORKERS {
        stack.cluster.start_worker(&environment).await?;
    }
    let schedulers = telling.schedulers;
    let plural = if schedulers.get() == 1 { "" } else { "s" };
    say(begun, &format!("{schedulers} scheduler{plural} and {WORKERS} workers run, each a process of its own"));

    let apis: Vec<_> = stack.cluster.schedulers().iter().map(|scheduler| scheduler.api.clone()).collect();
    let stripe = open_webhook(&apis[0]).await.context("could not make a webhook for Stripe")?;
    say(begun, "a webhook for Stripe is open: piton webhook add stripe --provider stripe");
    set_the_clock(&apis[0]).await.context("could not make a schedule")?;
    say(
        begun,
        "the till is closed every second: piton schedule add till --cron '* * * * * *' --workflow close_till --catch-up all",
    );
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("this crate lies in a repository")?;
    let reading = read_repository(&apis[0], repository).await.context("could not start the batch")?;
    say(begun, &format!("a batch reads every file of this repository: piton run start {READ_REPOSITORY} --input '…'"));
    say(
        begun,
        &format!("Stripe reports {PAYMENTS} payments (signed webhooks), the shop publishes {ORDERS} orders (events)"),
    );

    let doors = apis.clone();
    let (payments, orders, killed) = tokio::join!(
        stripe.deliver(PAYMENTS, AT_ONCE, &doors),
        senders::publish(ORDERS, AT_ONCE, &doors),
        kill_both(stack, &ledger, begun)
    );
    let (payments, orders, killed) = (payments?, orders?, killed?);
    say(begun, "every sender has its answer");
    let forged = stripe.forge(&apis[0]).await?;
    say(begun, &format!("a webhook that Stripe did not sign is answered {forged}"));

    let read = ended(&apis, &reading).await.context("the batch did not end")?;
    stop_the_clock(&apis).await.context("the schedule could not be paused")?;
    say(begun, "the batch has read everything, the clock is stopped");
    let psql = Psql::find(&stack.cluster.servers().database_url).await;
    let psql = psql.context("`psql` is needed to ask the database: it comes with the package postgresql")?;
    let witness = until("all runs to end", SOON, async || {
        let witness: Witness = psql.json(WITNESS).await?;
        Ok((witness.unfinished == 0).then_some(witness))
    })
    .await?;
    say(begun, "every run has ended\n");

    let books = ledger.books().context("could not read the provider's books")?;
    let there = repository::read_here(repository).context("could not read the repository")?;
    let evidence = Evidence {
        payments: &payments,
        orders: &orders,
        forged,
        books: &books,
        witness: &witness,
        read: serde_json::from_value::<Read>(read).ok(),
        there,
        interrupted: killed,
    };
    show::everything(&evidence, begun.elapsed())
}

async fn open_webhook(api: &Api) -> anyhow::Result<Stripe> {
    let body = json!({ "name": "stripe", "provider": "stripe" }).to_string();
    let answer = api.post("/v1/webhooks", body).await?;
    ensure!(answer.status == 201, "{}: {}", answer.status, answer.json());
    let made = answer.json();
    let text = |member: &str| made[member].as_str().map(ToOwned::to_owned).context(member.to_owned());
    Ok(Stripe { path: text("path")?, secret: text("secret")? })
}

async fn set_the_clock(api: &Api) -> anyhow::Result<()> {
    let schedule = json!({ "name": "till", "expression": "* * * * * *", "workflow": CLOSE_TILL, "catch_up": "all" });
    let answer = api.post("/v1/schedules", schedule.to_string()).await?;
    ensure!(answer.status == 201, "{}: {}", answer.status, answer.json());
    Ok(())
}

async fn stop_the_clock(apis: &[Arc<Api>]) -> anyhow::Result<()> {
    until("the clock to fire some times", SOON, async || {
        let firings = apis[0].get("/v1/schedules/till/firings").await?.json();
        Ok((firings["firings"].as_array().map_or(0, Vec::len) >= FIRINGS).then_some(()))
    })
    .await?;
    let answer = apis[0].post("/v1/schedules/till/pause", "").await?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.json());
    Ok(())
}

async fn read_repository(api: &Api, repository: &Path) -> anyhow::Result<String> {
    let body = json!({ "workflow": READ_REPOSITORY, "input": repository }).to_string();
    let answer = api.start("", body, None).await?;
    ensure!(answer.status == 201, "{}: {}", answer.status, answer.json());
    Ok(answer.text("id"))
}

/// What a run returned.
async fn ended(apis: &[Arc<Api>], run: &str) -> anyhow::Result<Value> {
    until("the end of a run", SOON, async || {
        let Ok(answer) = apis[0].get(&format!("/v1/runs/{run}?wait=10s")).await else { return Ok(None) };
        Ok((answer.text("state") == "completed").then(|| answer.json()["result"].take()))
    })
    .await
}

/// Kills a worker that has begun charges and not finished them, then a scheduler, which is started again as systemd would. Says
/// how many charges were under way.
async fn kill_both(stack: &mut PrivateStack, ledger: &Ledger, begun: Instant) -> anyhow::Result<usize> {
    let victim = stack.cluster.take_worker(0);
    let pid = victim.pid().unsigned_abs();
    let interrupted = until("a worker in the middle of charges", SOON, async || {
        let books = ledger.books().context("could not read the provider's books")?;
        let under_way = books.under_way(pid);
        Ok((ledger.charged()? >= KILL_WORKER_AFTER && under_way > 0).then_some(under_way))
    })
    .await?;
    victim.kill9().await?;
    say(begun, &format!("kill -9 of a worker in the middle of {interrupted} charges; nothing is started in its place"));
    until("more charges", SOON, async || Ok((ledger.charged()? >= KILL_SCHEDULER_AFTER).then_some(()))).await?;
    let scheduler = stack.cluster.take_scheduler(0).context("the first scheduler runs")?;
    scheduler.kill9().await?;
    say(begun, "kill -9 of a scheduler: who sent something and has no answer sends it again");
    stack.cluster.restart_scheduler(0).await?;
    say(begun, "it was started again, as systemd would");
    Ok(interrupted)
}

pub(super) fn say(begun: Instant, what: &str) {
    println!("{:5.1} s  {what}", begun.elapsed().as_secs_f64());
}

/// Where the binary is, as a person would type it.
pub(super) fn piton(stack: &PrivateStack) -> PathBuf {
    stack.cluster.servers().piton.clone()
}
