//! The processes and wires that the fuzz strikes: Postgres, NATS, schedulers and workers, each behind proxies of its own.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use piton_devstack::{Nats, NatsOptions, Network, Postgres, PostgresOptions, Proxy, Tcp};
use rustix::process::Signal;
use tokio::time::{Instant, sleep_until};

use super::{
    faults::{Fault, Faults, Link, Sizes, Who},
    moment::Moment,
    story::Freeze,
    work::BOOKS,
};
use crate::{
    api::Api,
    cluster::{Cluster, Servers},
    process::{Process, Program},
    psql::Psql,
};

/// Between two looks at whether a process has ended by itself.
const TEND_EVERY: Duration = Duration::from_millis(200);

/// All of it.
pub(super) struct Arena {
    // The processes go before the servers.
    schedulers: Vec<Place>,
    workers: Vec<Place>,
    postgres: Postgres,
    nats: Nats,
    books: PathBuf,
    /// The API of each scheduler.
    pub(super) apis: Vec<Arc<Api>>,
    undo: Vec<(Instant, Undo)>,
    /// When each process died, of those that did.
    pub(super) deaths: HashMap<u32, Moment>,
    /// Every freeze that is over.
    pub(super) freezes: Vec<Freeze>,
    /// Faults that struck.
    pub(super) struck: u32,
    /// Processes that ended by themselves.
    pub(super) fell: u32,
}

/// Where a process runs, and runs again after its end.
struct Place {
    program: Program,
    process: Option<Process>,
    frozen_since: Option<Moment>,
    nats: Proxy,
    postgres: Proxy,
}

/// What ends a fault.
#[derive(Debug, Clone, Copy)]
enum Undo {
    Start(Who),
    Thaw(Who),
    Mend(Link),
}

impl Arena {
    /// Starts everything in a folder.
    pub(super) async fn start(folder: &Path, piton: PathBuf, sizes: Sizes) -> anyhow::Result<Self> {
        let postgres = PostgresOptions { tcp: Tcp::AnyPort, ..PostgresOptions::durable(folder.join("postgres")) };
        let nats = NatsOptions::durable(folder.join("nats"));
        let (postgres, nats) = tokio::try_join!(Postgres::start(postgres), Nats::start(nats))?;
        let servers = Servers {
            piton,
            own: std::env::current_exe().context("could not find the own executable")?,
            database_url: postgres.url(),
            nats_url: nats.url(),
            logs: folder.join("logs"),
            variables: Vec::new(),
        };
        let key = Cluster::new(servers.clone()).await?.key().to_owned();
        let books = folder.join("books");
        let mut arena = Self {
            schedulers: Vec::new(),
            workers: Vec::new(),
            postgres,
            nats,
            books,
            apis: Vec::new(),
            undo: Vec::new(),
            deaths: HashMap::new(),
            freezes: Vec::new(),
            struck: 0,
            fell: 0,
        };
        for at in 0..sizes.schedulers {
            let address = free_address().context("no free port")?;
            let listen = address.to_string();
            let name = format!("scheduler-{}", at + 1);
            let place = arena
                .place(
                    &servers,
                    &name,
                    &servers.piton,
                    &["serve", "--listen", &listen, "--health-listen", "127.0.0.1:0"],
                )
                .await?;
            arena.schedulers.push(place);
            arena.apis.push(Arc::new(Api::new(address).with_key(&key)));
        }
        for at in 0..sizes.workers {
            let place = arena.place(&servers, &format!("worker-{}", at + 1), &servers.own, &["worker"]).await?;
            arena.workers.push(place);
        }
        Ok(arena)
    }

    async fn place(&self, servers: &Servers, name: &str, path: &Path, arguments: &[&str]) -> anyhow::Result<Place> {
        let database = self.postgres.tcp_address().context("Postgres listens on no port")?;
        let url = self.postgres.tcp_url_of("postgres").context("Postgres listens on no port")?;
        let (nats, postgres) = tokio::try_join!(Proxy::start(self.nats.address()), Proxy::start(database))?;
        let environment = [
            ("PITON_NATS_URL", format!("nats://{}", nats.address())),
            ("PITON_DATABASE_URL", url.replace(&database.to_string(), &postgres.address().to_string())),
            ("PITON_WORKER_NAME", name.to_owned()),
            (BOOKS, self.books.display().to_string()),
        ];
        let program = Program {
            name: name.to_owned(),
            path: path.to_owned(),
            arguments: arguments.iter().map(Into::into).collect(),
            environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
            logs: servers.logs.clone(),
            tie: servers.own.clone(),
        };
        let process = Some(Process::spawn(&program)?);
        Ok(Place { program, process, frozen_since: None, nats, postgres })
    }

    /// Where workers write down what they execute.
    pub(super) fn books(&self) -> &Path {
        &self.books
    }

    /// The database's own client.
    pub(super) async fn psql(&self) -> anyhow::Result<Psql> {
        Psql::find(&self.postgres.url()).await.context("there is no psql on this machine; `./setup test` installs it")
    }

    /// Lets faults strike for so long, and then mends everything.
    pub(super) async fn storm(&mut self, faults: &mut Faults, lasts: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + lasts;
        let (pause, mut fault) = faults.next();
        let mut next = Instant::now() + pause;
        while Instant::now() < end {
            let soonest = self.undo.iter().map(|(at, _)| *at).fold(next.min(end), Instant::min);
            sleep_until(soonest.min(Instant::now() + TEND_EVERY)).await;
            self.undo_until(Instant::now())?;
            self.tend()?;
            if Instant::now() >= next {
                self.strike(fault).await?;
                let pause;
                (pause, fault) = faults.next();
                next = Instant::now() + pause;
            }
        }
        let last = self.undo.iter().map(|(at, _)| *at).fold(end, Instant::max);
        self.undo_until(last)?;
        self.tend()
    }

    /// Starts again what has ended by itself.
    pub(super) fn tend(&mut self) -> anyhow::Result<()> {
        for place in self.schedulers.iter_mut().chain(&mut self.workers) {
            if let Some(process) = &mut place.process
                && process.check_runs().is_err()
            {
                self.deaths.insert(process.pid().unsigned_abs(), Moment::now());
                self.fell += 1;
                place.process = Some(Process::spawn(&place.program)?);
            }
        }
        Ok(())
    }

    async fn strike(&mut self, fault: Fault) -> anyhow::Result<()> {
        self.struck += 1;
        match fault {
            Fault::Kill { who, back_after } => {
                self.thaw(who)?;
                if let Some(process) = self.of(who).process.take() {
                    let pid = process.pid().unsigned_abs();
                    process.kill9().await?;
                    self.deaths.insert(pid, Moment::now());
                    self.undo.push((Instant::now() + back_after, Undo::Start(who)));
                }
            }
            Fault::Freeze { who, lasts } => {
                let place = self.of(who);
                if let Some(process) = &place.process
                    && place.frozen_since.is_none()
                {
                    let since = Moment::now();
                    process.signal(Signal::STOP)?;
                    place.frozen_since = Some(since);
                    self.undo.push((Instant::now() + lasts, Undo::Thaw(who)));
                }
            }
            Fault::Link { link, network, lasts } => {
                self.wire(link).set(network);
                self.undo.push((Instant::now() + lasts, Undo::Mend(link)));
            }
            Fault::RestartNats => {
                self.nats.halt().await?;
                self.nats.restart().await?;
            }
            Fault::WipeNats => self.nats.wipe().await?,
            Fault::RestartPostgres => {
                self.postgres.halt().await?;
                self.postgres.restart().await?;
            }
            Fault::KillPostgres => {
                self.postgres.kill9().await?;
                self.postgres.restart().await?;
            }
        }
        Ok(())
    }

    fn undo_until(&mut self, now: Instant) -> anyhow::Result<()> {
        let due: Vec<_> = self.undo.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, undo) in due {
            match undo {
                Undo::Start(who) => {
                    let place = self.of(who);
                    if place.process.is_none() {
                        place.process = Some(Process::spawn(&place.program)?);
                    }
                }
                Undo::Thaw(who) => self.thaw(who)?,
                Undo::Mend(link) => self.wire(link).set(Network::Pass),
            }
        }
        Ok(())
    }

    fn thaw(&mut self, who: Who) -> anyhow::Result<()> {
        let place = self.of(who);
        if let Some(from) = place.frozen_since.take()
            && let Some(process) = &place.process
        {
            process.signal(Signal::CONT)?;
            let process = process.pid().unsigned_abs();
            self.freezes.push(Freeze { process, from, until: Moment::now() });
        }
        Ok(())
    }

    fn of(&mut self, who: Who) -> &mut Place {
        match who {
            Who::Scheduler(at) => &mut self.schedulers[at],
            Who::Worker(at) => &mut self.workers[at],
        }
    }

    fn wire(&self, link: Link) -> &Proxy {
        match link {
            Link::WorkerToNats(at) => &self.workers[at].nats,
            Link::SchedulerToNats(at) => &self.schedulers[at].nats,
            Link::SchedulerToPostgres(at) => &self.schedulers[at].postgres,
        }
    }

    /// Ends everything. What processes were under way with has no end in the books.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        for place in self.workers.into_iter().chain(self.schedulers) {
            if let Some(process) = place.process {
                process.kill9().await?;
            }
            tokio::join!(place.nats.stop(), place.postgres.stop());
        }
        self.postgres.stop().await?;
        self.nats.stop().await.context("could not stop NATS")
    }
}

/// Free at this moment.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
