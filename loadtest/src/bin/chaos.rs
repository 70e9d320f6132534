//! `make chaos`: seeded storms of crashes, freezes and broken networks over real processes, and every promise checked.

use std::{
    env,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::Parser;
use piton_loadtest::{
    built,
    chaos::{self, Outcome, Terms},
    tied,
};

/// Lets faults strike schedulers, workers, Postgres, NATS and the networks between them while runs go on, and holds every
/// execution of a function, by a ledger of the workers' own, against the promises. Fails if one is broken, and says the seed.
#[derive(Debug, Parser)]
struct Arguments {
    /// The first seed; the next rounds take those that follow. By chance if it is not given.
    #[arg(long, env = "SEED")]
    seed: Option<u64>,
    /// Minutes after which no new round begins.
    #[arg(long, env = "MINUTES", default_value_t = 3.0)]
    minutes: f64,
    /// Seconds for which faults strike in each round.
    #[arg(long, default_value_t = 60.0)]
    storm: f64,
    /// Schedulers.
    #[arg(long, default_value_t = 2)]
    schedulers: usize,
    /// Workers.
    #[arg(long, default_value_t = 3)]
    workers: usize,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// It starts itself again as its workers.
fn run() -> anyhow::Result<()> {
    let mut arguments = env::args_os().skip(1);
    let hidden = arguments.next();
    if hidden.as_deref().is_some_and(|word| word == "tied") {
        return Err(tied(arguments).into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("could not start the runtime")?;
    if hidden.is_some_and(|word| word == "worker") {
        return runtime.block_on(chaos::work::run());
    }
    runtime.block_on(rounds(&Arguments::parse()))
}

async fn rounds(arguments: &Arguments) -> anyhow::Result<()> {
    let own = env::current_exe().context("could not find the own executable")?;
    let piton = built::beside(own.parent().unwrap_or(Path::new(".")))?;
    let end = Instant::now() + Duration::from_secs_f64(arguments.minutes * 60.0);
    let first = arguments.seed.unwrap_or_else(rand::random);
    let mut broken = 0;
    for seed in (0..).map(|round| first.wrapping_add(round)) {
        let terms = Terms {
            seed,
            storm: Duration::from_secs_f64(arguments.storm),
            schedulers: arguments.schedulers,
            workers: arguments.workers,
            piton: piton.clone(),
        };
        let outcome = chaos::run(terms).await.with_context(|| format!("seed {seed}"))?;
        broken += usize::from(!show(seed, &outcome));
        if Instant::now() >= end {
            break;
        }
    }
    if broken > 0 {
        bail!("promises were broken in {broken} rounds");
    }
    Ok(())
}

/// Says what a round came to, and whether every promise held.
fn show(seed: u64, outcome: &Outcome) -> bool {
    let Outcome { faults, fell, runs, executions, again, violations, folder } = outcome;
    println!(
        "seed {seed}: {faults} faults, {runs} runs, {executions} executions ({again} of them again), {fell} processes fell, {} violations",
        violations.len()
    );
    for violation in violations {
        println!("seed {seed}: {violation}");
    }
    if !violations.is_empty() {
        println!("seed {seed}: logs and books are in {}; again with SEED={seed}", folder.display());
    }
    violations.is_empty()
}
