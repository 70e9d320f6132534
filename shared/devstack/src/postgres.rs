//! A Postgres of our own.

mod address;
mod cluster;
mod settings;

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use crate::account::Account;
use crate::binaries::{PostgresBinaries, Program};
use crate::error::Error;
use crate::folder_lock;
use crate::limits;
use crate::log::Log;
use crate::port;
use crate::scratch::{self, Durability};
use crate::supervise::{Launch, Leave, StopSignal, Supervised};
use crate::wait;
use address::Address;
use cluster::Cluster;

/// Whether people and programs can come in by TCP, on 127.0.0.1 and with the cluster's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tcp {
    /// Only the unix socket is there, for this user.
    #[default]
    Off,
    /// On a free port, which stays the same over [`Postgres::restart`].
    AnyPort,
    /// On this port.
    Port(u16),
}

/// What kind of Postgres is wanted, and where.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// The cluster's folder: `pgdata`, `postgres.log`, `password`, `server.lock`, and `socket` if its path is short
    /// enough. Made when it is not there.
    pub data: PathBuf,
    /// Whether the folder stays, and Postgres keeps its promises over a crash.
    pub durability: Durability,
    /// How many clients may be connected.
    pub max_connections: u16,
    /// Whether it listens on TCP beside its unix socket.
    pub tcp: Tcp,
}

impl PostgresOptions {
    /// A cluster that stays: 100 connections, no TCP.
    pub fn durable(data: impl Into<PathBuf>) -> Self {
        let (durability, max_connections) = (Durability::Durable, limits::DURABLE_CONNECTIONS);
        Self { data: data.into(), durability, max_connections, tcp: Tcp::Off }
    }

    /// A fast cluster that goes with its server: 300 connections, no TCP, in memory if there is at least 1 GiB of room
    /// in `/dev/shm`, or else in the folder for temporary files.
    pub fn throwaway() -> Self {
        let (durability, max_connections) = (Durability::Throwaway, limits::THROWAWAY_CONNECTIONS);
        Self { data: scratch::fresh("postgres"), durability, max_connections, tcp: Tcp::Off }
    }
}

/// A Postgres whose superuser is `piton`. Dropping it stops it too, a little later; so does the end of this process.
#[derive(Debug)]
pub struct Postgres {
    options: PostgresOptions,
    cluster: Cluster,
    address: Address,
    server: Option<Supervised>,
}

impl Postgres {
    /// Starts it, after making the cluster if the folder is new, and waits until it takes connections.
    ///
    /// # Errors
    /// No Postgres on this machine, a folder that cannot be used, one that another Postgres works on, a server that
    /// ends (with its last words).
    pub async fn start(options: PostgresOptions) -> Result<Self, Error> {
        let binaries = PostgresBinaries::find().await?;
        let data = std::path::absolute(&options.data).map_err(Error::file("find", &options.data))?;
        let account = Account::for_servers(&data.join("pgdata"))?;
        scratch::prepare(&data, options.durability, account.as_ref())?;
        let cluster = Cluster { binaries, account, folder: data.clone(), durability: options.durability };
        let address = Address::new(&cluster.folder);
        let mut postgres = Self { options, cluster, address, server: None };
        match postgres.launch().await {
            Ok(()) => Ok(postgres),
            Err(error) => {
                postgres.abandon().await;
                Err(error)
            }
        }
    }

    /// After a start that failed: what is a scratch folder goes, what is somebody's data stays.
    async fn abandon(self) {
        let folder = self.cluster.folder.clone();
        if let Err(error) = self.stop().await {
            tracing::warn!(folder = %folder.display(), %error, "left something behind");
        }
    }

    /// The address for sqlx, by the unix socket, of the database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The address for sqlx, by the unix socket, of a database, whether it exists or not.
    pub fn url_of(&self, database: &str) -> String {
        self.address.socket_url(database)
    }

    /// The address of a database by TCP, with the password in it; `None` with [`Tcp::Off`].
    pub fn tcp_url_of(&self, database: &str) -> Option<String> {
        self.tcp_address().map(|_| self.address.tcp_url(database))
    }

    /// Where it listens by TCP; `None` with [`Tcp::Off`].
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match self.options.tcp {
            Tcp::Off => None,
            Tcp::AnyPort | Tcp::Port(_) => Some((Ipv4Addr::LOCALHOST, self.address.port).into()),
        }
    }

    /// The password of the user `piton` by TCP (also in the file `password`). By the socket none is asked.
    pub fn password(&self) -> &str {
        &self.address.password
    }

    /// The folder of the unix socket.
    pub fn socket_folder(&self) -> &Path {
        &self.address.socket_folder
    }

    /// The cluster's folder.
    pub fn folder(&self) -> &Path {
        &self.cluster.folder
    }

    /// The postmaster's process, while it is meant to run.
    pub fn pid(&self) -> Option<i32> {
        self.server.as_ref().map(Supervised::pid)
    }

    /// Stops it for good: clients are disconnected, a throw-away folder is removed. Kills it after 10 s.
    ///
    /// # Errors
    /// Something of it outlived the kill.
    pub async fn stop(mut self) -> Result<(), Error> {
        if let Some(server) = self.server.take() {
            server.stop(Leave::Nothing).await?;
        }
        self.address.remove_socket_folder(&self.cluster.folder).await?;
        match self.options.durability {
            Durability::Durable => Ok(()),
            Durability::Throwaway => scratch::remove(&self.cluster.folder).await,
        }
    }

    /// Stops it in good order and keeps the folder, for [`restart`](Self::restart). Nothing if it does not run.
    ///
    /// # Errors
    /// Something of it outlived the kill.
    pub async fn halt(&mut self) -> Result<(), Error> {
        match self.server.take() {
            None => Ok(()),
            Some(server) => server.stop(Leave::Folder).await,
        }
    }

    /// Kills the postmaster with -9 and waits until its children are gone. Nothing if it does not run.
    ///
    /// # Errors
    /// A child stays.
    pub async fn kill9(&mut self) -> Result<(), Error> {
        match self.server.take() {
            None => Ok(()),
            Some(server) => server.kill9().await,
        }
    }

    /// Starts it again at the same addresses, after [`halt`](Self::halt), [`kill9`](Self::kill9) or a crash; one that
    /// runs is halted first.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.halt().await?;
        self.launch().await
    }

    async fn launch(&mut self) -> Result<(), Error> {
        let lock_path = self.cluster.folder.join("server.lock");
        let lock = match folder_lock::take(&lock_path, limits::LINGER).await? {
            None if self.cluster.pid_file().is_some_and(|found| found.ready) => None,
            None => folder_lock::take(&lock_path, limits::LEAVE).await?,
            taken => taken,
        };
        let Some(lock) = lock else {
            let (program, folder) = (Program::Postgres, self.cluster.folder.clone());
            return Err(Error::AlreadyRunning { program, folder, pid: self.cluster.pid_file().map(|found| found.pid) });
        };
        self.cluster.refuse_a_strangers_server()?;
        self.address.password = self.cluster.make_unless_there(&lock_path, &lock).await?;
        self.address.make_socket_folder(self.cluster.account.as_ref())?;
        let may_choose = self.options.tcp == Tcp::AnyPort && self.address.port == address::UNIX_PORT;
        let mut tries = limits::PORT_TRIES;
        loop {
            match self.options.tcp {
                Tcp::AnyPort if may_choose => self.address.port = port::free()?,
                Tcp::Port(port) => self.address.port = port,
                Tcp::AnyPort | Tcp::Off => {}
            }
            tries -= 1;
            match self.launch_once(&lock_path, &lock).await {
                // Somebody else got the port between our look and its use.
                Err(Error::Ended { tail, .. }) if may_choose && tries > 0 && tail.contains("could not bind") => {}
                done => return done,
            }
        }
    }

    async fn launch_once(&mut self, lock_path: &Path, lock: &fs::File) -> Result<(), Error> {
        let Cluster { binaries, account, folder, durability } = &self.cluster;
        let log = Log::at(folder.join("postgres.log"));
        let (stop, scratch) = match durability {
            Durability::Durable => (StopSignal::Interrupt, None),
            Durability::Throwaway => (StopSignal::Quit, Some(folder.as_path())),
        };
        let mut server = Supervised::spawn(Launch {
            program: Program::Postgres,
            path: &binaries.postgres,
            arguments: settings::arguments(&self.cluster, &self.address, &self.options),
            account: account.as_ref(),
            folder,
            lock: (lock_path, lock),
            log: &log,
            stop,
            scratch,
        })?;
        let ready = wait::until(limits::START, async || {
            server.check_runs()?;
            self.accepts(server.pid()).await
        });
        match ready.await? {
            Some(()) => {
                self.server = Some(server);
                Ok(())
            }
            None => Err(server.too_slow(limits::START)),
        }
    }

    async fn accepts(&self, pid: i32) -> Result<Option<()>, Error> {
        let says_so = self.cluster.pid_file().is_some_and(|found| found.pid == pid && found.ready);
        if !says_so {
            return Ok(None);
        }
        let socket = self.address.socket();
        match UnixStream::connect(&socket).await {
            Ok(_) => Ok(Some(())),
            Err(early) if matches!(early.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(source) => Err(Error::file("connect to", &socket)(source)),
        }
    }
}
