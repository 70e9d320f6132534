//! The durable pair behind the dev command.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::Error;
use crate::nats::{Nats, NatsOptions};
use crate::postgres::{Postgres, PostgresOptions, Tcp};
use crate::scratch;

/// Its presence says that a folder is a stack's, and may be deleted by [`Stack::reset`].
const MARKER: &str = "piton-stack";

const MARKER_TEXT: &str = "The data of a piton dev stack. `piton dev --reset` deletes this folder.\n";

/// Where the stack lives, and where it is reached.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// The folder of everything. Two stacks side by side want two folders.
    pub root: PathBuf,
    /// Whether people can look into Postgres by TCP, with the password. Defaults to a free port.
    pub postgres: Tcp,
    /// The port of NATS. Defaults to a free one.
    pub nats_port: Option<u16>,
    /// Connections that Postgres allows. Defaults to 100.
    pub max_connections: u16,
}

impl StackOptions {
    /// With every default, in this folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let max_connections = crate::limits::DURABLE_CONNECTIONS;
        Self { root: root.into(), postgres: Tcp::AnyPort, nats_port: None, max_connections }
    }
}

/// `$XDG_DATA_HOME/piton/dev`, or else `~/.local/share/piton/dev`; as root `/var/lib/piton/dev`, because the servers do
/// not run as root and may not enter its home.
///
/// # Errors
/// [`Error::NoHome`].
pub fn default_root() -> Result<PathBuf, Error> {
    if rustix::process::geteuid().is_root() {
        return Ok("/var/lib/piton/dev".into());
    }
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    Ok(data.ok_or(Error::NoHome)?.join("piton/dev"))
}

/// A durable Postgres and a NATS in one folder, which only one process uses at a time.
///
/// ```text
/// root/piton-stack   the marker
/// root/lock          held by the process that runs the stack; its id
/// root/postgres/     pgdata, postgres.log, initdb.log, password (of the user piton, by TCP), socket
/// root/nats/         jetstream, nats.log, nats.conf
/// ```
#[derive(Debug)]
pub struct Stack {
    root: PathBuf,
    postgres: Postgres,
    nats: Nats,
    _lock: File,
}

impl Stack {
    /// Starts both, and makes what is missing of the folder.
    ///
    /// # Errors
    /// [`Error::StackRuns`], [`Error::NotAStack`], and those of [`Postgres::start`] and [`Nats::start`].
    pub async fn start(options: StackOptions) -> Result<Self, Error> {
        let StackOptions { root, postgres, nats_port, max_connections } = options;
        let root = std::path::absolute(&root).map_err(Error::file("find", &root))?;
        make(&root)?;
        let lock = lock(&root)?;
        let data =
            PostgresOptions { max_connections, tcp: postgres, ..PostgresOptions::durable(root.join("postgres")) };
        let streams = NatsOptions { port: nats_port, ..NatsOptions::durable(root.join("nats")) };
        let (postgres, nats) = tokio::join!(Postgres::start(data), Nats::start(streams));
        match (postgres, nats) {
            (Ok(postgres), Ok(nats)) => Ok(Self { root, postgres, nats, _lock: lock }),
            (Err(error), Ok(nats)) => nats.stop().await.and(Err(error)),
            (Ok(postgres), Err(error)) => postgres.stop().await.and(Err(error)),
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// The folder of everything.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database server.
    pub fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// The database server, to kill or to restart.
    pub fn postgres_mut(&mut self) -> &mut Postgres {
        &mut self.postgres
    }

    /// The broker.
    pub fn nats(&self) -> &Nats {
        &self.nats
    }

    /// The broker, to kill, to restart or to wipe.
    pub fn nats_mut(&mut self) -> &mut Nats {
        &mut self.nats
    }

    /// Stops both; the data stays.
    ///
    /// # Errors
    /// Something outlived its kill; the other server is stopped all the same.
    pub async fn stop(self) -> Result<(), Error> {
        let (postgres, nats) = tokio::join!(self.postgres.stop(), self.nats.stop());
        postgres.and(nats)
    }

    /// Deletes a stack's folder with everything in it. Nothing happens if there is no such folder.
    ///
    /// # Errors
    /// [`Error::NotAStack`] if the folder is not recognisably a stack's, [`Error::StackRuns`] if it is in use.
    pub async fn reset(root: impl AsRef<Path>) -> Result<(), Error> {
        let root = root.as_ref();
        let root = &std::path::absolute(root).map_err(Error::file("find", root))?;
        if is_empty(root)? {
            return Ok(());
        }
        check_is_a_stack(root)?;
        let _lock = lock(root)?;
        // The marker goes last, so that a reset that was broken off can be repeated.
        for part in ["postgres", "nats"] {
            scratch::remove(&root.join(part)).await?;
        }
        scratch::remove(root).await
    }
}

fn is_empty(root: &Path) -> Result<bool, Error> {
    match fs::read_dir(root) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(Error::file("read", root)(source)),
    }
}

fn check_is_a_stack(root: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(root.join(MARKER)) {
        Ok(marker) if marker.is_file() => Ok(()),
        Ok(_) | Err(_) => Err(Error::NotAStack { root: root.to_owned(), marker: MARKER }),
    }
}

fn make(root: &Path) -> Result<(), Error> {
    if !is_empty(root)? {
        return check_is_a_stack(root);
    }
    let account = Account::for_servers(&root.join("postgres/pgdata"))?;
    DirBuilder::new().recursive(true).mode(0o755).create(root).map_err(Error::file("make", root))?;
    Account::check_reaches(account.as_ref(), &root.join("postgres"))?;
    let marker = root.join(MARKER);
    fs::write(&marker, MARKER_TEXT).map_err(Error::file("write", &marker))
}

fn lock(root: &Path) -> Result<File, Error> {
    let path = root.join("lock");
    let mut options = OpenOptions::new();
    let mut file = options.create(true).truncate(false).write(true).open(&path).map_err(Error::file("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            return Err(Error::StackRuns { root: root.to_owned(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(Error::file("lock", &path)(source)),
    }
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(Error::file("write", &path))?;
    Ok(file)
}
