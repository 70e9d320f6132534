//! A NATS with `JetStream` of our own.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::account::Account;
use crate::binaries::{Program, nats_binary};
use crate::error::Error;
use crate::folder_lock;
use crate::limits;
use crate::log::Log;
use crate::port;
use crate::scratch::{self, Durability};
use crate::supervise::{Launch, Leave, StopSignal, Supervised};
use crate::wait;

/// What every version from 2.9 on understands.
const CONFIGURATION: &str = "max_payload: 8MB\n";

/// Which NATS is wanted, and where.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// The broker's folder: `jetstream`, `nats.log`, `nats.conf`, `ports`, `server.lock`. Made when it is not there.
    pub store: PathBuf,
    /// The port on 127.0.0.1. Defaults to a free one, which stays the same over restarts.
    pub port: Option<u16>,
    /// Whether the folder stays.
    pub durability: Durability,
    /// More of its configuration, as in a file of NATS: who may log in, for instance. Defaults to nothing.
    pub configuration: String,
}

impl NatsOptions {
    /// A broker whose streams stay, on a free port.
    pub fn durable(store: impl Into<PathBuf>) -> Self {
        Self { store: store.into(), port: None, durability: Durability::Durable, configuration: String::new() }
    }

    /// A broker that goes with all it has, on a free port, in memory where there is room.
    pub fn throwaway() -> Self {
        let store = scratch::fresh("nats");
        Self { store, port: None, durability: Durability::Throwaway, configuration: String::new() }
    }
}

/// A NATS on 127.0.0.1. Dropping it stops it too, a little later; so does the end of this process.
#[derive(Debug)]
pub struct Nats {
    folder: PathBuf,
    durability: Durability,
    configuration: String,
    binary: PathBuf,
    account: Option<Account>,
    asked_port: Option<u16>,
    port: u16,
    monitoring_port: u16,
    server: Option<Supervised>,
}

impl Nats {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// No NATS on this machine, a folder that cannot be used or is in use, a server that ends (with its last words).
    pub async fn start(options: NatsOptions) -> Result<Self, Error> {
        let NatsOptions { store, port, durability, configuration } = options;
        let (binary, _) = nats_binary().await?;
        let folder = std::path::absolute(&store).map_err(Error::file("find", &store))?;
        let account = Account::for_servers(&folder.join("jetstream"))?;
        scratch::prepare(&folder, durability, account.as_ref())?;
        let (asked_port, port, monitoring_port) = (port, 0, 0);
        let configuration = format!("{CONFIGURATION}{configuration}");
        let mut nats = Self {
            folder,
            durability,
            configuration,
            binary,
            account,
            asked_port,
            port,
            monitoring_port,
            server: None,
        };
        match nats.launch().await {
            Ok(()) => Ok(nats),
            Err(error) => {
                let folder = nats.folder.clone();
                if let Err(error) = nats.stop().await {
                    tracing::warn!(folder = %folder.display(), %error, "left something behind");
                }
                Err(error)
            }
        }
    }

    /// The address for clients.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The address of its monitoring pages (`/jsz`, `/healthz` and others).
    pub fn monitoring_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitoring_port)
    }

    /// The broker's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The server's process, while it is meant to run.
    pub fn pid(&self) -> Option<i32> {
        self.server.as_ref().map(Supervised::pid)
    }

    /// Stops it for good; a throw-away folder is removed. Kills it after 10 s.
    ///
    /// # Errors
    /// Something of it outlived the kill.
    pub async fn stop(mut self) -> Result<(), Error> {
        if let Some(server) = self.server.take() {
            server.stop(Leave::Nothing).await?;
        }
        match self.durability {
            Durability::Durable => Ok(()),
            Durability::Throwaway => scratch::remove(&self.folder).await,
        }
    }

    /// Stops it in good order and keeps its streams, for [`restart`](Self::restart). Nothing if it does not run.
    ///
    /// # Errors
    /// Something of it outlived the kill.
    pub async fn halt(&mut self) -> Result<(), Error> {
        match self.server.take() {
            None => Ok(()),
            Some(server) => server.stop(Leave::Folder).await,
        }
    }

    /// Kills it with -9. Nothing if it does not run.
    ///
    /// # Errors
    /// It stays.
    pub async fn kill9(&mut self) -> Result<(), Error> {
        match self.server.take() {
            None => Ok(()),
            Some(server) => server.kill9().await,
        }
    }

    /// Starts it again on the same port, so that clients find it; one that runs is halted first.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.halt().await?;
        self.launch().await
    }

    /// Kills it, throws away every stream and consumer, and starts it again on the same port.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub async fn wipe(&mut self) -> Result<(), Error> {
        self.kill9().await?;
        scratch::remove(&self.folder.join("jetstream")).await?;
        self.launch().await
    }

    async fn launch(&mut self) -> Result<(), Error> {
        let lock_path = self.folder.join("server.lock");
        let Some(lock) = folder_lock::take(&lock_path, limits::LEAVE).await? else {
            return Err(Error::AlreadyRunning { program: Program::Nats, folder: self.folder.clone(), pid: None });
        };
        let configuration = self.folder.join("nats.conf");
        fs::write(&configuration, &self.configuration).map_err(Error::file("write", &configuration))?;
        let first_start = self.port == 0;
        let mut tries = limits::PORT_TRIES;
        loop {
            if first_start {
                self.monitoring_port = port::free()?;
                self.port = self.asked_port.map_or_else(port::free, Ok)?;
            }
            tries -= 1;
            match self.launch_once(&lock_path, &lock).await {
                // Somebody else got the port between our look and its use.
                Err(Error::Ended { tail, .. })
                    if tries > 0 && first_start && self.asked_port.is_none() && tail.contains("in use") => {}
                done => return done,
            }
        }
    }

    async fn launch_once(&mut self, lock_path: &Path, lock: &File) -> Result<(), Error> {
        let ports = self.folder.join("ports");
        scratch::remove(&ports).await?;
        DirBuilder::new().mode(0o700).create(&ports).map_err(Error::file("make", &ports))?;
        Account::own(self.account.as_ref(), &ports)?;
        let scratch = match self.durability {
            Durability::Durable => None,
            Durability::Throwaway => Some(self.folder.as_path()),
        };
        let (port, monitoring_port) = (self.port.to_string(), self.monitoring_port.to_string());
        let mut arguments =
            ["-c", "nats.conf", "-a", "127.0.0.1", "-js", "-p", &port, "-m", &monitoring_port].map(Into::into).to_vec();
        arguments.extend(["-sd".into(), self.folder.clone().into(), "--ports_file_dir".into(), ports.clone().into()]);
        let mut server = Supervised::spawn(Launch {
            program: Program::Nats,
            path: &self.binary,
            arguments,
            account: self.account.as_ref(),
            folder: &self.folder,
            lock: (lock_path, lock),
            log: &Log::at(self.folder.join("nats.log")),
            stop: StopSignal::Terminate,
            scratch,
        })?;
        // The file is written by this very process once it listens; what greets us there is no other server.
        let listens = ports.join(format!("nats-server_{}.ports", server.pid()));
        let ready = wait::until(limits::START, async || {
            server.check_runs()?;
            if listens.exists() { self.greets().await } else { Ok(None) }
        });
        match ready.await? {
            Some(()) => {
                self.server = Some(server);
                Ok(())
            }
            None => Err(server.too_slow(limits::START)),
        }
    }

    async fn greets(&self) -> Result<Option<()>, Error> {
        let greeting = async {
            let mut connection = TcpStream::connect(self.address()).await?;
            let mut word = [0; 5];
            connection.read_exact(&mut word).await?;
            Ok::<_, io::Error>(word == *b"INFO ")
        };
        match greeting.await {
            Ok(true) => Ok(Some(())),
            Ok(false) => Ok(None),
            Err(early) if early.kind() == io::ErrorKind::ConnectionRefused => Ok(None),
            Err(early) if early.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(source) => Err(Error::run(Program::Nats)(source)),
        }
    }
}
