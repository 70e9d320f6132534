//! The demo, told line by line.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use serde_json::Value;

use super::claims::Evidence;
use crate::{
    built,
    customers::{self, Placed},
    ledger::Ledger,
    private::{Afterwards, PrivateStack, fresh_folder},
    psql::Psql,
    wait::until,
    worker::{CHARGE_TAKES, LEDGER},
    written,
};

const WITNESS: &str = include_str!("sql/witness.sql");

const ORDERS: usize = 300;
/// Orders under way at once.
const CUSTOMERS: usize = 60;
const SCHEDULERS: usize = 2;
const WORKERS: usize = 3;
/// A worker is killed once so many customers have been charged.
const KILL_AFTER: usize = ORDERS / 3;
/// How long the provider takes for a charge.
const CHARGE_TAKES_MS: u32 = 200;
/// Until that happens.
const SOON: Duration = Duration::from_mins(1);

/// Whether the stack goes on after the story, until Ctrl-C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Everything is stopped and deleted.
    Stop,
    /// It runs until Ctrl-C, for people to look around.
    Keep,
}

/// A worker that was killed.
struct Killed {
    name: String,
    pid: i32,
    at: Instant,
    /// Charges that it had begun and not finished.
    interrupted: usize,
}

/// Tells it, and fails if a claim does not hold.
pub async fn run(ending: Ending) -> anyhow::Result<()> {
    let piton = built::build()?;
    let begun = Instant::now();
    let folder = fresh_folder("demo");
    say(begun, "starting a private Postgres (fsync on) and a NATS; nothing of yours is touched");
    let mut stack = PrivateStack::start(&folder, piton).await?;
    let told = told(&mut stack, begun).await;
    if let (Ok(()), Ending::Keep) = (&told, ending) {
        look_around(&stack);
        tokio::signal::ctrl_c().await.context("could not wait for Ctrl-C")?;
    }
    let stopped = stack.stop(Afterwards::Delete).await;
    told.and(stopped)
}

async fn told(stack: &mut PrivateStack, begun: Instant) -> anyhow::Result<()> {
    let ledger = Ledger::open(stack.folder().join("ledger")).context("could not open the provider's books")?;
    let takes = CHARGE_TAKES_MS.to_string();
    let folder = [(LEDGER, ledger.folder().display().to_string()), (CHARGE_TAKES, takes)];
    for _ in 0..SCHEDULERS {
        stack.cluster.start_scheduler().await?;
    }
    for _ in 0..WORKERS {
        stack.cluster.start_worker(&folder).await?;
    }
    say(begun, &format!("{SCHEDULERS} schedulers and {WORKERS} workers run, each a process of its own"));

    let apis: Vec<_> = stack.cluster.schedulers().iter().map(|scheduler| scheduler.api.clone()).collect();
    say(begun, &format!("{ORDERS} orders come in: validate the order, charge the customer, send a confirmation"));
    let orders = (0..ORDERS).map(|number| format!("order-{number:04}"));
    let ordered = Instant::now();
    let (placed, killed) = tokio::join!(customers::place(orders, CUSTOMERS, &apis), kill_one(stack, &ledger, begun));
    let (placed, killed) = (placed?, killed?);
    let took = ordered.elapsed();
    say(begun, &format!("all orders are answered, {:.1} s after the kill", killed.at.elapsed().as_secs_f64()));

    let written = written::orders(&apis[1]).await.context("could not read what the engine wrote down")?;
    let books = ledger.books().context("could not read the provider's books")?;
    let evidence =
        Evidence { orders: ORDERS, placed: &placed, written: &written, books: &books, interrupted: killed.interrupted };
    show(stack, &evidence, &killed, took).await
}

/// Kills a worker that has begun charges and not finished them.
async fn kill_one(stack: &mut PrivateStack, ledger: &Ledger, begun: Instant) -> anyhow::Result<Killed> {
    let victim = stack.cluster.take_worker(0);
    let pid = victim.pid();
    let interrupted = until("a worker in the middle of charges", SOON, async || {
        let books = ledger.books().context("could not read the provider's books")?;
        let under_way = books.under_way(pid.unsigned_abs());
        Ok((books.charges.len() >= KILL_AFTER && under_way > 0).then_some(under_way))
    })
    .await?;
    let name = victim.name().to_owned();
    victim.kill9().await?;
    let at = Instant::now();
    say(begun, &format!("kill -9 of {name} (process {pid}), which was in the middle of {interrupted} charges"));
    say(begun, "nothing is started in its place");
    Ok(Killed { name, pid, at, interrupted })
}

async fn show(stack: &PrivateStack, evidence: &Evidence<'_>, killed: &Killed, took: Duration) -> anyhow::Result<()> {
    let claims = evidence.claims();
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["", "what Piton promises", "what was found"]);
    for claim in &claims {
        table.add_row([if claim.holds { "ok" } else { "BROKEN" }, &claim.claim, &claim.found]);
    }
    println!("\n{table}\n");
    println!("The provider keeps its own books: it writes down every call, and moves money once for each");
    println!("idempotency key. A function runs at least once; its result counts exactly once.\n");
    let (undisturbed, disturbed) = waited(evidence);
    println!("{ORDERS} orders took {:.1} s with the crash in it.", took.as_secs_f64());
    println!("  order that nothing disturbed    {undisturbed}");
    println!("  order that {} had in hand   {disturbed} (process {} was killed)", killed.name, killed.pid);
    match Psql::find(&stack.cluster.servers().database_url).await {
        None => println!("\nWith `psql` on PATH the database would be asked as well."),
        Some(psql) => {
            let counted: BTreeMap<String, u64> = psql.json(WITNESS).await?;
            let counted: Vec<_> = counted.iter().map(|(what, count)| format!("{what} {count}")).collect();
            println!("\nThe database itself, asked with psql: {}.", counted.join(", "));
        }
    }
    let broken: Vec<_> = claims.iter().filter(|claim| !claim.holds).map(|claim| claim.claim.as_str()).collect();
    if !broken.is_empty() {
        bail!("{} of {} claims do not hold: {}", broken.len(), claims.len(), broken.join("; "));
    }
    ensure!(!claims.is_empty(), "nothing was claimed");
    println!("\nAll {} claims hold. Look around yourself with: make demo KEEP=1", claims.len());
    Ok(())
}

/// How long customers waited: those whose run had one attempt, and the others.
fn waited(evidence: &Evidence<'_>) -> (String, String) {
    let attempts = |placed: &&Placed| {
        let run = placed.runs.first().and_then(|id| evidence.written.get(id));
        run.map_or(&Value::Null, |(run, _)| &run["attempts"]).as_u64().unwrap_or_default()
    };
    let (mut calm, mut taken): (Vec<&Placed>, Vec<&Placed>) =
        evidence.placed.iter().partition(|placed| attempts(placed) <= 1);
    (median_and_most(&mut calm), median_and_most(&mut taken))
}

fn median_and_most(placed: &mut [&Placed]) -> String {
    placed.sort_by_key(|placed| placed.took);
    let milliseconds = |placed: &&Placed| placed.took.as_secs_f64() * 1000.0;
    match (placed.get(placed.len() / 2), placed.last()) {
        (Some(middle), Some(last)) => {
            let (middle, last) = (milliseconds(middle), milliseconds(last));
            format!("median {middle:.0} ms, longest {last:.0} ms, {} orders", placed.len())
        }
        (_, _) => "none".to_owned(),
    }
}

fn look_around(stack: &PrivateStack) {
    let servers = stack.cluster.servers();
    let url = stack.cluster.schedulers().first().map(|scheduler| scheduler.api.url()).unwrap_or_default();
    let piton: PathBuf = servers.piton.clone();
    let piton = piton.display();
    println!("\nKEEP=1: everything goes on until Ctrl-C. In another terminal:\n");
    println!("  export PITON_URL={url} PITON_API_KEY={}", stack.cluster.key());
    println!("  {piton} run list                  the runs");
    println!("  {piton} run get ID                one of them, with its journal");
    println!("  {piton} worker list               who works, and who was killed");
    println!("  curl $PITON_URL/metrics           what the scheduler counts");
    println!("  psql '{}'", servers.database_url);
    println!("  ls {}                  logs, and the provider's books", stack.folder().display());
    println!("\nPlace an order yourself:\n\n  {piton} run start order_workflow --input '\"my-order\"' --wait\n");
}

fn say(begun: Instant, what: &str) {
    println!("{:5.1} s  {what}", begun.elapsed().as_secs_f64());
}
