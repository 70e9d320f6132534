//! Measures Piton on the real stack: throughput, latency, CPU and memory of everything that takes part.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::{Parser, Subcommand};
use piton_loadtest::{
    Api, Cluster, Psql, built,
    load::{self, Balance, Dial, Fan, Load, Runs, Terms, Workload},
    measure::{self, Accounting, Component, Database, Groups, is_in_memory},
    private::{Afterwards, PrivateStack, fresh_folder},
    report::{Report, Settings, Window},
    tied, worker,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Between two looks at the memory.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Measures Piton on the real stack: a private durable Postgres, NATS, `piton serve` and worker processes, and callers
/// that start runs over HTTP and wait for their end. Fails if a run that was started is missing in the end.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    /// W1: runs of five sequential no-op steps. W2: the same, one at a time. W3: runs that fan out over many no-op items and
    /// collect the results, one run at a time. W4: runs of one step. W5: events, each of which starts a run of one step; a caller
    /// waits for the ends of its runs. W6: webhooks signed as Standard Webhooks are, each of which starts a run of one step; a
    /// caller waits for the answer. W7: schedules of every second, each firing of which starts a run of one step.
    #[arg(value_enum, required = true)]
    workload: Option<Workload>,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Seconds before that, which do not count.
    #[arg(long, default_value_t = 3.0)]
    warm_up: f64,
    /// Callers, each of which waits for what it asked for. Defaults to 200, for W2 and W3 to 1, for W6 to 64, for W5 to 200 events
    /// under way. With --rate: the most runs under way at once, 1000 if not said.
    #[arg(long)]
    in_flight: Option<usize>,
    /// Offers W1 or W4 at so many runs a second, whatever becomes of those before (an open loop). The time of a run is counted
    /// from when its request should have been sent, so that a stall shows in every request that it holds up.
    #[arg(long)]
    rate: Option<f64>,
    /// Events that a request of W5 brings, 500 at most.
    #[arg(long, default_value_t = 1)]
    batch: u32,
    /// Schedules of W7.
    #[arg(long, default_value_t = 100)]
    schedules: u32,
    /// Items of a run of W3.
    #[arg(long, default_value_t = 1000)]
    items: u32,
    /// Items of a run of W3 that are under way at once in the whole cluster.
    #[arg(long, default_value_t = 100)]
    at_once: u32,
    /// Schedulers.
    #[arg(long, default_value_t = 1)]
    schedulers: usize,
    /// Worker processes.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
    /// Where the stack's data and logs go; deleted at the end unless --keep is there. Defaults to a new folder on disk.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Leaves data and logs in the folder.
    #[arg(long)]
    keep: bool,
    /// Uses schedulers that run already, by their addresses (`127.0.0.1:7070`), and no stack of its own. Only the load
    /// generator's CPU and memory are counted then. Not for W6 and W7, which look into the stack's database.
    #[arg(long = "url", value_parser = address)]
    urls: Vec<SocketAddr>,
    /// The API key for --url.
    #[arg(long, env = "PITON_API_KEY", hide_env_values = true)]
    key: Option<String>,
    #[command(subcommand)]
    hidden: Option<Hidden>,
}

#[derive(Debug, Subcommand)]
enum Hidden {
    /// Runs the worker that the load test drives; options come from the environment.
    #[command(hide = true)]
    Worker,
    /// Runs a program that ends with its parent.
    #[command(hide = true)]
    Tied {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

fn address(text: &str) -> Result<SocketAddr, std::net::AddrParseError> {
    text.trim_start_matches("http://").trim_end_matches('/').parse()
}

fn main() -> ExitCode {
    match Arguments::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    fn run(self) -> anyhow::Result<()> {
        match self.hidden {
            Some(Hidden::Tied { command }) => Err(tied(command.into_iter()).into()),
            Some(Hidden::Worker) => {
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
                runtime.context("could not start the runtime")?.block_on(worker::run())
            }
            None => {
                // One thread: the callers do little, and what they do should not wake a second one.
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.context("could not start the runtime")?.block_on(self.load())
            }
        }
    }

    async fn load(self) -> anyhow::Result<()> {
        let workload = self.workload.context("no workload")?;
        ensure!(self.seconds > 0.0 && self.warm_up >= 0.0, "a load takes some seconds");
        let fan = Fan { items: self.items, at_once: self.at_once };
        let terms = Terms::new(workload, fan, (self.batch, self.schedules), self.in_flight, self.rate)?;
        let report = if self.urls.is_empty() {
            self.on_own_stack(terms).await?
        } else {
            ensure!(!workload.needs_database(), "{} needs a stack of its own: leave --url out", workload.name());
            self.on_theirs(terms).await?
        };
        if self.json {
            println!("{}", serde_json::to_string(&report).context("could not write the report")?);
        } else {
            print!("{}", report.text());
        }
        let Balance { started, missing } = report.balance;
        ensure!(missing == 0, "of {started} runs that were started {missing} are missing, or have not completed");
        if report.runs == 0 {
            bail!("nothing was done in the measured time");
        }
        Ok(())
    }

    async fn on_own_stack(&self, terms: Terms) -> anyhow::Result<Report> {
        let piton = built::build()?;
        let folder = self.folder.clone().unwrap_or_else(|| fresh_folder("loadtest"));
        eprintln!("starting Postgres, NATS, {} schedulers and {} workers", self.schedulers, self.workers);
        let mut stack = PrivateStack::start(&folder, piton).await?;
        let ledger = [(worker::LEDGER, folder.join("ledger").display().to_string())];
        for _ in 0..self.schedulers {
            stack.cluster.start_scheduler().await?;
        }
        for _ in 0..self.workers {
            stack.cluster.start_worker(&ledger).await?;
        }
        let psql = Psql::find(&stack.cluster.servers().database_url).await;
        let report = self.measured(terms, &apis(&stack.cluster), stack.accounting(), psql, Some(&folder)).await;
        let afterwards = if self.keep { Afterwards::Keep } else { Afterwards::Delete };
        if self.keep {
            eprintln!("data and logs stay in {}", folder.display());
        }
        let stopped = stack.stop(afterwards).await;
        let report = report?;
        // The figures are true all the same.
        stopped.unwrap_or_else(|error| eprintln!("warning: {error:?}"));
        Ok(report)
    }

    async fn on_theirs(&self, terms: Terms) -> anyhow::Result<Report> {
        let api = |address: &SocketAddr| {
            let api = Api::new(*address);
            Arc::new(if let Some(key) = &self.key { api.with_key(key) } else { api })
        };
        let apis: Vec<_> = self.urls.iter().map(api).collect();
        self.measured(terms, &apis, Accounting::new(), None, None).await
    }

    async fn measured(
        &self,
        terms: Terms,
        apis: &[Arc<Api>],
        accounting: Accounting,
        psql: Option<Psql>,
        folder: Option<&Path>,
    ) -> anyhow::Result<Report> {
        let database = psql.clone().map(Database::new);
        let settings = self.settings(terms, database.as_ref(), folder).await?;
        let before = match &psql {
            Some(psql) => Some(Runs::look(psql).await?),
            None => None,
        };
        let name = terms.workload.name();
        eprintln!("{name}, {}: {} s, then {} s measured", settings.pace(), self.warm_up, self.seconds);
        let load = Load::prepare(terms, apis).await?;
        let dial = Dial::default();
        let (seen, window) = tokio::join!(
            load::run(load, psql.as_ref(), &dial),
            self.watch(&dial, apis, &accounting, database.as_ref())
        );
        let (seen, window) = (seen?, window?);
        let balance = match (&psql, before) {
            (Some(psql), Some(before)) => load::settled(psql, before, seen.promised).await?,
            (_, _) => Balance::by_callers(seen.promised, seen.completed),
        };
        Ok(Report::new(&seen, balance, &window, settings))
    }

    async fn settings(
        &self,
        terms: Terms,
        database: Option<&Database>,
        folder: Option<&Path>,
    ) -> anyhow::Result<Settings> {
        let postgres = match database {
            None => BTreeMap::new(),
            Some(database) => database.settings().await?,
        };
        Ok(Settings {
            terms,
            seconds: self.seconds,
            warm_up_seconds: self.warm_up,
            schedulers: if self.urls.is_empty() { self.schedulers } else { 0 },
            workers: if self.urls.is_empty() { self.workers } else { 0 },
            storage: match folder.map(is_in_memory) {
                None => "unknown",
                Some(true) => "memory",
                Some(false) => "disk",
            },
            flush_ms: folder.map(measure::flush_ms).transpose().context("could not try the disk")?,
            postgres,
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
        })
    }

    async fn watch(
        &self,
        dial: &Dial,
        apis: &[Arc<Api>],
        accounting: &Accounting,
        database: Option<&Database>,
    ) -> anyhow::Result<Window> {
        tokio::time::sleep(Duration::from_secs_f64(self.warm_up)).await;
        let counts = match database {
            None => None,
            Some(database) => Some(database.counts().await.inspect_err(|_| dial.stop())?),
        };
        let groups = counted(apis).await;
        let before = accounting.look();
        let begun = Instant::now();
        dial.measure();
        let mut peak: BTreeMap<Component, u64> = BTreeMap::new();
        let measured = Duration::from_secs_f64(self.seconds);
        let after = loop {
            tokio::time::sleep(LOOK_EVERY.min(measured.saturating_sub(begun.elapsed()))).await;
            let spent = accounting.look();
            for (component, spent) in &spent {
                let most = peak.entry(*component).or_default();
                *most = spent.memory.max(*most);
            }
            if begun.elapsed() >= measured {
                break spent;
            }
        };
        dial.stop();
        let elapsed = begun.elapsed();
        let groups = [groups, counted(apis).await];
        let database = match (database, counts) {
            (Some(database), Some(before)) => Some(database.counts().await?.since(before)),
            (_, _) => None,
        };
        Ok(Window { elapsed, before, after, peak, groups, database })
    }
}

fn apis(cluster: &Cluster) -> Vec<Arc<Api>> {
    cluster.schedulers().iter().map(|scheduler| Arc::clone(&scheduler.api)).collect()
}

/// Nothing, if the schedulers do not say: the figures stand without it.
async fn counted(apis: &[Arc<Api>]) -> Groups {
    measure::groups(apis)
        .await
        .inspect_err(|error| eprintln!("warning: no group counters: {error}"))
        .unwrap_or_default()
}
