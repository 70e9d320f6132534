//! A server as a child that does not outlive us.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::account::Account;
use crate::binaries::Program;
use crate::error::Error;
use crate::folder_lock;
use crate::limits;
use crate::log::Log;

const SCRIPT: &str = include_str!("supervise.sh");

/// How a server is asked to stop, by us or by its watchdog.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StopSignal {
    /// Postgres: disconnect everybody, write everything, stop.
    Interrupt,
    /// Postgres: stop at once, as after a crash.
    Quit,
    /// NATS: stop.
    Terminate,
}

impl StopSignal {
    const fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "INT",
            Self::Quit => "QUIT",
            Self::Terminate => "TERM",
        }
    }

    const fn number(self) -> Signal {
        match self {
            Self::Interrupt => Signal::INT,
            Self::Quit => Signal::QUIT,
            Self::Terminate => Signal::TERM,
        }
    }
}

/// What is left of a server's folder when the server has stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leave {
    /// All of it.
    Folder,
    /// Nothing, if the server was launched with a scratch folder.
    Nothing,
}

pub(crate) struct Launch<'a> {
    pub(crate) program: Program,
    pub(crate) path: &'a Path,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) account: Option<&'a Account>,
    pub(crate) folder: &'a Path,
    pub(crate) lock: (&'a Path, &'a File),
    pub(crate) log: &'a Log,
    pub(crate) stop: StopSignal,
    /// Removed by the watchdog when our process ends.
    pub(crate) scratch: Option<&'a Path>,
}

/// Dropping it stops the server, a little later and without an answer: the watchdog does it.
#[derive(Debug)]
pub(crate) struct Supervised {
    program: Program,
    child: Child,
    pid: Pid,
    leash: File,
    lock: PathBuf,
    log: Log,
    stop: StopSignal,
}

impl Supervised {
    pub(crate) fn spawn(launch: Launch<'_>) -> Result<Self, Error> {
        let Launch { program, path, arguments, account, folder, lock, log, stop, scratch } = launch;
        let (lock, held) = lock;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "piton", stop.name(), &(limits::STOP.as_millis() / 100).to_string()]);
        command.arg(scratch.unwrap_or(Path::new(""))).arg(path).args(arguments);
        // Ctrl-C in a terminal reaches our group only; what becomes of the servers is our decision.
        command.process_group(0).current_dir(folder).env("LC_ALL", "C");
        command.stdin(Stdio::piped()).stdout(held.try_clone().map_err(Error::file("share the lock", lock))?);
        command.stderr(log.open()?);
        if let Some(Account { uid, gid, .. }) = account {
            command.uid(*uid).gid(*gid);
        }
        let mut child = command.spawn().map_err(Error::run(program))?;
        let leash = child.stdin.take().expect("its standard input is piped");
        let leash = File::from(leash.into_owned_fd().map_err(Error::run(program))?);
        let pid = child.id().expect("it has not been waited for");
        let pid = Pid::from_raw(pid.cast_signed()).expect("a process has an id");
        Ok(Self { program, child, pid, leash, lock: lock.to_owned(), log: log.clone(), stop })
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// An error, if it has ended.
    pub(crate) fn check_runs(&mut self) -> Result<(), Error> {
        match self.child.try_wait().map_err(Error::run(self.program))? {
            None => Ok(()),
            Some(status) => {
                // There is nothing to end, and the folder is the next try's: a watchdog that removed it would do so under that one.
                drop(self.leash.write_all(b"keep\n"));
                Err(self.ended(status))
            }
        }
    }

    pub(crate) fn ended(&self, status: ExitStatus) -> Error {
        let Self { program, log, .. } = self;
        Error::Ended { program: *program, status, log: log.path().to_owned(), tail: log.tail() }
    }

    pub(crate) fn too_slow(&self, waited: Duration) -> Error {
        let Self { program, log, .. } = self;
        Error::TooSlow { program: *program, waited, log: log.path().to_owned(), tail: log.tail() }
    }

    /// Waits for a program that ends by itself; its folder stays.
    pub(crate) async fn finish(mut self, bound: Duration) -> Result<(), Error> {
        let Ok(status) = timeout(bound, self.child.wait()).await else {
            return Err(self.too_slow(bound));
        };
        let status = status.map_err(Error::run(self.program))?;
        if !status.success() {
            return Err(self.ended(status));
        }
        self.send_watchdog_away(Leave::Folder);
        Ok(())
    }

    /// Asks the server to stop, kills it if it does not, and waits until it, its children and the watchdog are gone.
    pub(crate) async fn stop(mut self, leave: Leave) -> Result<(), Error> {
        self.signal(self.stop.number());
        if timeout(limits::STOP, self.child.wait()).await.is_err() {
            tracing::warn!(program = self.program.name(), "did not stop when asked to, killing it");
            self.signal(Signal::KILL);
        }
        self.gone(leave).await
    }

    /// Kills the server as the out-of-memory killer would, and waits until its children are gone too.
    pub(crate) async fn kill9(self) -> Result<(), Error> {
        self.signal(Signal::KILL);
        self.gone(Leave::Folder).await
    }

    async fn gone(mut self, leave: Leave) -> Result<(), Error> {
        self.child.wait().await.map_err(Error::run(self.program))?;
        let (program, pid, lock) = (self.program, self.pid(), self.lock.clone());
        self.send_watchdog_away(leave);
        if folder_lock::released(&lock, limits::LEAVE).await? {
            return Ok(());
        }
        let folder = lock.parent().unwrap_or(&lock).to_owned();
        Err(Error::AlreadyRunning { program, folder, pid: Some(pid) })
    }

    fn signal(&self, signal: Signal) {
        // Until it has been waited for, the id is the child's; that it has ended already is no failure.
        if self.child.id().is_some() {
            let _already_gone = kill_process(self.pid, signal);
        }
    }

    fn send_watchdog_away(mut self, leave: Leave) {
        match leave {
            // If the watchdog is gone, nobody is left to be told.
            Leave::Folder => drop(self.leash.write_all(b"keep\n")),
            Leave::Nothing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        scratch::{self, Durability},
        wait,
    };

    #[tokio::test]
    async fn a_server_that_ended_by_itself_leaves_its_folder_to_the_next_try() {
        let folder = scratch::fresh("supervise");
        scratch::prepare(&folder, Durability::Throwaway, None).expect("it is made");
        let lock_path = folder.join("server.lock");
        let lock = folder_lock::take(&lock_path, limits::LEAVE).await.expect("taken").expect("nobody has it");
        let launch = Launch {
            program: Program::Nats,
            path: Path::new("/bin/sh"),
            arguments: ["-c", "exit 3"].map(Into::into).to_vec(),
            account: None,
            folder: &folder,
            lock: (&lock_path, &lock),
            log: &Log::at(folder.join("server.log")),
            stop: StopSignal::Terminate,
            scratch: Some(&folder),
        };
        let mut server = Supervised::spawn(launch).expect("it starts");
        let ended =
            wait::until(limits::START, async || Ok::<_, Error>(server.check_runs().err())).await.expect("looked");
        assert!(matches!(ended, Some(Error::Ended { .. })), "{ended:?}");
        drop((server, lock));
        // The watchdog holds the lock until it is gone.
        assert!(folder_lock::released(&lock_path, limits::LEAVE).await.expect("looked"));
        assert!(lock_path.exists(), "the watchdog removed the folder");
        scratch::remove(&folder).await.expect("it goes");
    }
}
