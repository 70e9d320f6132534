//! A private stack for one test, and what tests look at.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use piton_devstack::{Nats, NatsOptions, Postgres, PostgresOptions};
use piton_loadtest::{
    Answer, Api, Cluster, Gate, Servers, built,
    customers::Placed,
    ledger::{Call, Ledger},
    until, worker, written,
};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use tempfile::TempDir;

/// For what should happen at once or after a lease, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(45);

/// Our own binary, of the same build as this test.
pub(crate) const OWN: &str = env!("CARGO_BIN_EXE_piton-loadtest");

/// How much the database keeps of what it promised when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    /// In memory, fast, and gone with the server.
    Throwaway,
    /// With fsync and synchronous commit on.
    Durable,
}

/// Servers, processes, books and gates.
pub(crate) struct Rig {
    // The processes go before the servers.
    pub(crate) cluster: Cluster,
    pub(crate) postgres: Postgres,
    pub(crate) nats: Nats,
    pub(crate) ledger: Ledger,
    pub(crate) gate: Gate,
    pub(crate) folder: TempDir,
}

/// The binary `piton` of the same build.
pub(crate) fn piton() -> anyhow::Result<PathBuf> {
    let folder = Path::new(OWN).parent().context("our own binary is in no folder")?;
    built::beside(folder).context("`make build` builds what these tests run")
}

/// A folder that the account of the servers may enter.
pub(crate) fn folder() -> anyhow::Result<TempDir> {
    let mut folder = tempfile::Builder::new();
    folder.prefix("piton-it-").permissions(Permissions::from_mode(0o755));
    folder.tempdir().context("no folder")
}

/// A generator for one test. Its seed is printed, and taken from `PITON_SEED` to see a failure again.
pub(crate) fn random() -> anyhow::Result<StdRng> {
    let seed = match std::env::var("PITON_SEED") {
        Ok(seed) => seed.parse().context("PITON_SEED")?,
        Err(_) => rand::random(),
    };
    println!("PITON_SEED={seed}");
    Ok(StdRng::seed_from_u64(seed))
}

impl Rig {
    pub(crate) async fn start(data: Data, schedulers: usize, workers: usize) -> anyhow::Result<Self> {
        Self::start_with(data, schedulers, workers, Vec::new()).await
    }

    /// The same, with variables for every process.
    pub(crate) async fn start_with(
        data: Data,
        schedulers: usize,
        workers: usize,
        variables: Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        let folder = folder()?;
        let (postgres, nats) = match data {
            Data::Throwaway => (PostgresOptions::throwaway(), NatsOptions::throwaway()),
            Data::Durable => (
                PostgresOptions::durable(folder.path().join("postgres")),
                NatsOptions::durable(folder.path().join("nats")),
            ),
        };
        let (postgres, nats) = tokio::try_join!(Postgres::start(postgres), Nats::start(nats))?;
        let servers = Servers {
            piton: piton()?,
            own: OWN.into(),
            database_url: postgres.url(),
            nats_url: nats.url(),
            logs: folder.path().join("logs"),
            variables,
        };
        let ledger = Ledger::open(folder.path().join("ledger"))?;
        let gate = Gate::within(ledger.folder())?;
        let cluster = Cluster::new(servers).await?;
        let mut rig = Self { cluster, postgres, nats, ledger, gate, folder };
        for _ in 0..schedulers {
            rig.cluster.start_scheduler().await?;
        }
        for _ in 0..workers {
            rig.start_worker(&[]).await?;
        }
        Ok(rig)
    }

    /// A worker with the rig's books and gates, and these variables.
    pub(crate) async fn start_worker(&mut self, environment: &[(&str, &str)]) -> anyhow::Result<i32> {
        let books = self.ledger.folder().display().to_string();
        let own = [(worker::LEDGER, books), (worker::CHARGE_TAKES, "20".to_owned())];
        let given = environment.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let environment: Vec<_> = own.into_iter().chain(given).collect();
        let at = self.cluster.start_worker(&environment).await?;
        Ok(self.cluster.workers()[at].pid())
    }

    /// Stops everything in good order.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let Self { cluster, postgres, nats, folder, .. } = self;
        cluster.stop().await?;
        postgres.stop().await?;
        nats.stop().await?;
        folder.close().context("could not delete the test's folder")
    }

    /// The APIs of all schedulers, those that do not run included.
    pub(crate) fn apis(&self) -> Vec<Arc<Api>> {
        self.cluster.schedulers().iter().map(|scheduler| Arc::clone(&scheduler.api)).collect()
    }

    /// Starts a run without waiting for it.
    pub(crate) async fn begin(&self, workflow: &str, input: Value) -> anyhow::Result<String> {
        let body = serde_json::json!({ "workflow": workflow, "input": input }).to_string();
        let answer = self.cluster.any_api()?.start("", body, None).await?;
        anyhow::ensure!(answer.status == 201, "{}", answer.json());
        Ok(answer.text("id"))
    }

    /// Waits until a run has ended well, and gives it back.
    pub(crate) async fn completed(&self, run: &str) -> anyhow::Result<Value> {
        let api = self.cluster.any_api()?;
        until(&format!("the end of run {run}"), SOON, async || {
            let answer = api.get(&format!("/v1/runs/{run}?wait=5s")).await?;
            match answer.text("state").as_str() {
                "completed" => Ok(Some(answer.json())),
                "failed" | "cancelled" | "killed" | "parked" => anyhow::bail!("it ended as {}", answer.json()),
                _ => Ok(None),
            }
        })
        .await
    }

    pub(crate) async fn run(&self, run: &str) -> anyhow::Result<Value> {
        Ok(self.cluster.any_api()?.get(&format!("/v1/runs/{run}")).await?.json())
    }

    pub(crate) async fn journal(&self, run: &str) -> anyhow::Result<Vec<Value>> {
        let api = self.cluster.any_api()?;
        written::journal(&api, run).await
    }

    /// Every registration of a worker, the newest last.
    pub(crate) async fn registrations(&self, name: &str) -> anyhow::Result<Vec<Value>> {
        let mut workers = self.cluster.any_api()?.get("/v1/workers").await?.json();
        let workers = workers["workers"].as_array_mut().context("workers cannot be read")?;
        let mut found: Vec<_> = workers.iter_mut().map(Value::take).filter(|worker| worker["name"] == name).collect();
        found.sort_by_key(|worker| worker["id"].as_str().unwrap_or_default().to_owned());
        Ok(found)
    }

    /// Waits until that many functions wait at a gate in one process, and says what they were called with.
    pub(crate) async fn at_gate(&self, gate: &str, pid: i32, count: usize) -> anyhow::Result<Vec<Call>> {
        until(&format!("{count} functions of process {pid} at gate {gate}"), SOON, async || {
            let calls = self.ledger.books()?.calls.into_iter();
            let calls: Vec<_> = calls.filter(|call| call.order == gate && call.pid == pid.unsigned_abs()).collect();
            Ok((calls.len() >= count).then_some(calls))
        })
        .await
    }

    /// The promises to customers: one run each, one charge each, the charge they were told; three steps in each
    /// journal. Says how many runs were taken over.
    pub(crate) async fn check_orders(&self, placed: &[Placed]) -> anyhow::Result<usize> {
        let api = self.cluster.any_api()?;
        let (books, written) = (self.ledger.books()?, written::orders(&api).await?);
        assert_eq!(books.charged_twice(), Vec::<&str>::new());
        assert_eq!(written.len(), placed.len(), "a run for each order and no other");
        for order in placed {
            let [run] = order.runs.as_slice() else { panic!("more than one run: {order:?}") };
            let (run, journal) = written.get(run).with_context(|| format!("{order:?} is not there"))?;
            assert_eq!(run["state"], "completed", "{run}");
            let names: Vec<_> = journal.iter().filter_map(|entry| entry["name"].as_str()).collect();
            assert_eq!(names, ["validate_order", "charge_customer", "send_confirmation"], "{run}");
            let charges = books.charges.get(&order.order).with_context(|| format!("{order:?} was not charged"))?;
            assert_eq!(order.result["charge_id"], format!("ch_{}", charges[0]), "{run}");
        }
        let again = written.values().filter(|(run, _)| run["attempts"].as_u64() > Some(1)).count();
        let calls = books.calls.iter().filter(|call| call.order.starts_with("order-")).count();
        println!("{} orders: {again} runs taken over, {calls} calls for as many charges", placed.len());
        Ok(again)
    }
}

/// What a caller is told while the database is away: come back, and when; nothing else.
pub(crate) fn is_put_off(answer: &Answer) -> bool {
    answer.status == 503 && answer.retry_after.is_some_and(|seconds| seconds > 0)
}

/// The names of orders.
pub(crate) fn orders(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("order-{number:04}"))
}
