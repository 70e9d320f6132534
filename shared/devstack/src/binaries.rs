//! Where the servers are on this machine.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::time::timeout;

use crate::error::Error;
use crate::limits;
use crate::version::Version;

/// Names the folder that has `postgres` and `initdb`; nothing else is looked at then.
pub const POSTGRES_BIN: &str = "PITON_POSTGRES_BIN";

/// Names the file `nats-server`; nothing else is looked at then.
pub const NATS_BIN: &str = "PITON_NATS_BIN";

/// The oldest Postgres that will do.
const POSTGRES: Version = Version { major: 14, minor: 0 };

/// The oldest NATS that will do.
const NATS: Version = Version { major: 2, minor: 9 };

/// A program that this crate runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The database server.
    Postgres,
    /// What makes the database server's folder.
    Initdb,
    /// The message broker.
    Nats,
}

impl Program {
    /// Its file's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Initdb => "initdb",
            Self::Nats => "nats-server",
        }
    }

    const fn variable(self) -> &'static str {
        match self {
            Self::Postgres | Self::Initdb => POSTGRES_BIN,
            Self::Nats => NATS_BIN,
        }
    }

    const fn oldest(self) -> Version {
        match self {
            Self::Postgres | Self::Initdb => POSTGRES,
            Self::Nats => NATS,
        }
    }

    const fn install(self) -> &'static str {
        let mac = cfg!(target_os = "macos");
        match (self, mac) {
            (Self::Postgres | Self::Initdb, true) => "brew install postgresql@17",
            (Self::Postgres | Self::Initdb, false) => "sudo apt-get install -y postgresql",
            (Self::Nats, true) => "brew install nats-server",
            (Self::Nats, false) => "sudo apt-get install -y nats-server",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The programs of one Postgres, of one version.
#[derive(Debug, Clone)]
pub struct PostgresBinaries {
    /// The server.
    pub postgres: PathBuf,
    /// What makes the server's folder.
    pub initdb: PathBuf,
    /// Their version.
    pub version: Version,
}

impl PostgresBinaries {
    /// The first Postgres of at least version 14 in: the folder that [`POSTGRES_BIN`] names (and then nowhere else), the
    /// folders of `PATH`, the folders of Debian's packages from the newest, Homebrew's, `.tools/postgres/bin` of the
    /// project.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::TooOld`], which carry the line that installs it.
    pub async fn find() -> Result<Self, Error> {
        let folders = places(Program::Postgres, postgres_folders);
        let candidates = folders.iter().filter(|folder| folder.join("initdb").is_file());
        let candidates = candidates.map(|folder| folder.join("postgres")).collect();
        let (postgres, version) = first_that_will_do(Program::Postgres, candidates, &folders).await?;
        let initdb = postgres.with_file_name("initdb");
        Ok(Self { postgres, initdb, version })
    }
}

/// The first `nats-server` of at least version 2.9: the file that [`NATS_BIN`] names (and then no other), or in the
/// folders of `PATH`, the system's, Homebrew's, `.tools/bin` of the project.
///
/// # Errors
/// [`Error::Missing`] or [`Error::TooOld`], which carry the line that installs it.
pub async fn nats_binary() -> Result<(PathBuf, Version), Error> {
    let folders = places(Program::Nats, nats_folders);
    let candidates = match env::var_os(NATS_BIN) {
        Some(file) => vec![PathBuf::from(file)],
        None => folders.iter().map(|folder| folder.join("nats-server")).collect(),
    };
    first_that_will_do(Program::Nats, candidates, &folders).await
}

fn places(program: Program, usual: fn() -> Vec<PathBuf>) -> Vec<PathBuf> {
    match env::var_os(program.variable()) {
        Some(place) => vec![PathBuf::from(place)],
        None => on_path().into_iter().chain(usual()).collect(),
    }
}

fn on_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

fn postgres_folders() -> Vec<PathBuf> {
    let mut folders = newest_first("/usr/lib/postgresql", "");
    folders.push("/usr/local/pgsql/bin".into());
    folders.extend(newest_first("/opt/homebrew/opt", "postgresql@"));
    folders.extend(newest_first("/usr/local/opt", "postgresql@"));
    folders.extend(tools("postgres/bin"));
    folders
}

fn nats_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"].map(PathBuf::from).into();
    folders.extend(tools("bin"));
    folders
}

/// `PARENT/PREFIX<number>/bin`, the highest number first.
fn newest_first(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let names = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut numbered: Vec<(u32, PathBuf)> = names
        .filter_map(|name| {
            let number = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, Path::new(parent).join(name).join("bin")))
        })
        .collect();
    numbered.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    numbered.into_iter().map(|(_, folder)| folder).collect()
}

/// The folder below `.tools` of the project that the process was started in, if it has one.
fn tools(below: &str) -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(".tools").join(below)).find(|folder| folder.is_dir())
}

async fn first_that_will_do(
    program: Program,
    candidates: Vec<PathBuf>,
    looked: &[PathBuf],
) -> Result<(PathBuf, Version), Error> {
    let (install, variable, needed) = (program.install(), program.variable(), program.oldest());
    let mut newest: Option<(PathBuf, Version)> = None;
    for path in candidates.into_iter().filter(|path| path.is_file()) {
        let Some(version) = version_of(&path).await else {
            continue;
        };
        if version >= needed {
            return Ok((path, version));
        }
        if newest.as_ref().is_none_or(|(_, best)| version > *best) {
            newest = Some((path, version));
        }
    }
    let missing = || {
        let looked: Vec<_> = looked.iter().map(|folder| folder.display().to_string()).collect();
        Error::Missing { program, install, variable, looked: looked.join(", ") }
    };
    Err(newest.map_or_else(missing, |(path, found)| Error::TooOld { program, path, found, needed, install, variable }))
}

/// What the program says of itself; `None` if it cannot be run or says nothing that is a version.
async fn version_of(path: &Path) -> Option<Version> {
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(limits::VERSION, command.output()).await.ok()?.ok()?;
    Version::in_banner(&String::from_utf8_lossy(&output.stdout))
}
