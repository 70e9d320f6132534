use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::binaries::{PostgresBinaries, Program};
use crate::error::Error;
use crate::limits;
use crate::log::Log;
use crate::scratch::{self, Durability};
use crate::supervise::{Launch, StopSignal, Supervised};

/// A cluster's folder, and what works on it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) binaries: PostgresBinaries,
    pub(super) account: Option<Account>,
    pub(super) folder: PathBuf,
    pub(super) durability: Durability,
}

impl Cluster {
    pub(super) fn pgdata(&self) -> PathBuf {
        self.folder.join("pgdata")
    }

    /// What the postmaster says of itself, or said before it was killed.
    pub(super) fn pid_file(&self) -> Option<PidFile> {
        PidFile::parse(&fs::read_to_string(self.pgdata().join("postmaster.pid")).ok()?)
    }

    /// With the folder's lock held, none of our servers runs. A postmaster that somebody else started is named; the file
    /// that a killed one left is removed, as Postgres would take any process that has that id today for the postmaster.
    pub(super) fn refuse_a_strangers_server(&self) -> Result<(), Error> {
        let Some(PidFile { pid, .. }) = self.pid_file() else {
            return Ok(());
        };
        let pgdata = self.pgdata();
        match fs::read_link(format!("/proc/{pid}/cwd")) {
            Ok(works_in) if fs::canonicalize(&pgdata).is_ok_and(|ours| ours == works_in) => {
                let (program, folder) = (Program::Postgres, self.folder.clone());
                Err(Error::AlreadyRunning { program, folder, pid: Some(pid) })
            }
            // No /proc, or a process that is not ours to look at: Postgres knows better.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied || !Path::new("/proc/self").exists() => {
                Ok(())
            }
            Ok(_) | Err(_) => {
                let left = pgdata.join("postmaster.pid");
                fs::remove_file(&left).map_err(Error::file("remove", &left))
            }
        }
    }

    /// Makes the cluster if it is not there; its password.
    pub(super) async fn make_unless_there(&self, lock_path: &Path, lock: &File) -> Result<String, Error> {
        if !self.pgdata().exists() {
            self.make(lock_path, lock).await?;
        }
        let path = self.password_path();
        let password = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        Ok(password.trim().to_owned())
    }

    /// `pgdata` appears whole or not at all: it is made under another name.
    async fn make(&self, lock_path: &Path, lock: &File) -> Result<(), Error> {
        let unfinished = self.folder.join("pgdata.new");
        scratch::remove(&unfinished).await?;
        self.write_password()?;
        let mut arguments =
            vec!["-D".into(), unfinished.clone().into(), "--pwfile".into(), self.password_path().into()];
        arguments.extend(["-U", "piton", "-E", "UTF8", "--locale=C", "--no-instructions"].map(Into::into));
        arguments.extend(["--auth-local=trust", "--auth-host=scram-sha-256"].map(Into::into));
        let scratch = match self.durability {
            Durability::Durable => None,
            Durability::Throwaway => {
                arguments.push("--no-sync".into());
                Some(self.folder.as_path())
            }
        };
        let initdb = Supervised::spawn(Launch {
            program: Program::Initdb,
            path: &self.binaries.initdb,
            arguments,
            account: self.account.as_ref(),
            folder: &self.folder,
            lock: (lock_path, lock),
            log: &Log::at(self.folder.join("initdb.log")),
            stop: StopSignal::Interrupt,
            scratch,
        })?;
        initdb.finish(limits::INITDB).await?;
        let pgdata = self.pgdata();
        fs::rename(&unfinished, &pgdata).map_err(Error::file("make", &pgdata))
    }

    fn password_path(&self) -> PathBuf {
        self.folder.join("password")
    }

    fn write_password(&self) -> Result<(), Error> {
        let path = self.password_path();
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        let mut file = file.map_err(Error::file("write", &path))?;
        writeln!(file, "{}", scratch::random_hex(16)).map_err(Error::file("write", &path))?;
        Account::own(self.account.as_ref(), &path)
    }
}

/// The file `postmaster.pid`: line 1 is the process, line 8 its state.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    pub(super) ready: bool,
}

impl PidFile {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        Some(Self { pid, ready: lines.nth(6).is_some_and(|state| state.trim() == "ready") })
    }
}

#[cfg(test)]
mod tests {
    use super::PidFile;

    #[test]
    fn the_pid_file_is_read_at_every_stage_of_a_start() {
        let head = "4711\n/data\n1700000000\n5432\n/socket\n\n  123 456\n";
        for (text, expected) in [
            (String::new(), None),
            ("4711\n/data".into(), Some((4711, false))),
            (format!("{head}starting\n"), Some((4711, false))),
            (format!("{head}ready   \n"), Some((4711, true))),
            (format!("{head}stopping\n"), Some((4711, false))),
        ] {
            let expected = expected.map(|(pid, ready)| PidFile { pid, ready });
            assert_eq!(PidFile::parse(&text), expected, "{text}");
        }
    }
}
