//! One seed of the fuzz, from an empty folder to the verdict.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::{
    arena::Arena,
    book,
    check::{Tolerance, Violation, broken},
    clients::Caller,
    faults::{Faults, Sizes},
    story::{Story, WitnessRun},
    witness,
};
use crate::{private::fresh_folder, until};

/// After the storm: until every run has ended.
const HEALING: Duration = Duration::from_mins(3);
/// Until the schedulers take requests.
const START: Duration = Duration::from_mins(1);
/// Between two looks at whether a process has ended by itself, or every run has.
const TEND_EVERY: Duration = Duration::from_millis(200);
/// Callers.
const CALLERS: u64 = 16;

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Where all chance comes from.
    pub seed: u64,
    /// How long faults strike.
    pub storm: Duration,
    /// Schedulers.
    pub schedulers: usize,
    /// Workers.
    pub workers: usize,
    /// The binary `piton`.
    pub piton: PathBuf,
}

/// What it came to.
#[derive(Debug)]
pub struct Outcome {
    /// Faults that struck.
    pub faults: u32,
    /// Processes that ended by themselves and were started again.
    pub fell: u32,
    /// Runs whose start was acknowledged.
    pub runs: usize,
    /// Executions of functions.
    pub executions: usize,
    /// Executions of a step beyond its first.
    pub again: usize,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// Where logs and books are; deleted if nothing was broken.
    pub folder: PathBuf,
}

/// Runs one seed.
pub async fn run(terms: Terms) -> anyhow::Result<Outcome> {
    let Terms { seed, storm, schedulers, workers, piton } = terms;
    let folder = fresh_folder(&format!("chaos-{seed}"));
    tokio::fs::create_dir_all(&folder).await.with_context(|| format!("could not make {}", folder.display()))?;
    let sizes = Sizes { schedulers, workers };
    let mut arena = Arena::start(&folder, piton, sizes).await?;
    for api in &arena.apis {
        until("a scheduler that is ready", START, async || {
            Ok(api.get("/health/ready").await.is_ok_and(|answer| answer.status == 200).then_some(()))
        })
        .await?;
    }
    let schedule = json!({ "name": "tick", "expression": "* * * * * *", "workflow": "chaos_tick", "overlap": "skip" });
    let answer = arena.apis[0].post("/v1/schedules", schedule.to_string()).await?;
    ensure!(answer.status == 201, "{}: {}", answer.status, answer.json());

    let end = Instant::now() + storm;
    let deadline = end + HEALING;
    let callers = (0..CALLERS).map(|number| Caller::new(seed, number, arena.apis.clone(), deadline).work(end));
    let mut callers: tokio::task::JoinSet<_> = callers.collect();
    arena.storm(&mut Faults::of(seed, sizes), storm).await?;
    let mut story = Story::default();
    loop {
        match timeout(TEND_EVERY, callers.join_next()).await {
            Ok(Some(started)) => story.started.extend(started.context("a caller panicked")?),
            Ok(None) => break,
            Err(_) => {}
        }
        arena.tend()?;
    }
    pause_the_schedule(&arena, deadline).await;
    let psql = arena.psql().await?;
    story.witness = loop {
        let witness = witness::read(&psql).await?;
        if witness.runs.values().all(WitnessRun::is_over) || Instant::now() > deadline {
            break witness;
        }
        arena.tend()?;
        sleep(TEND_EVERY).await;
    };
    (story.deaths, story.freezes) = (arena.deaths.clone(), arena.freezes.clone());
    story.executions = book::read(arena.books()).context("could not read the books")?;
    let (faults, fell) = (arena.struck, arena.fell);
    arena.stop().await?;
    let violations = broken(&story, Tolerance::default());
    if violations.is_empty() {
        let removed = tokio::fs::remove_dir_all(&folder).await;
        removed.with_context(|| format!("could not delete {}", folder.display()))?;
    }
    let steps: std::collections::HashSet<_> =
        story.executions.iter().map(|execution| (&execution.run, &execution.key)).collect();
    Ok(Outcome {
        faults,
        fell,
        runs: story.started.len(),
        again: story.executions.len() - steps.len(),
        executions: story.executions.len(),
        violations,
        folder,
    })
}

async fn pause_the_schedule(arena: &Arena, deadline: Instant) {
    while Instant::now() < deadline {
        for api in &arena.apis {
            if api.post("/v1/schedules/tick/pause", "").await.is_ok_and(|answer| answer.status == 200) {
                return;
            }
        }
        sleep(Duration::from_millis(200)).await;
    }
}
