//! Child processes that do not outlive us.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// Of a process that failed, the last bytes of its log that the error carries.
const LOG_TAIL: usize = 2000;

/// The hidden subcommand of our binaries that [`tied`] serves.
pub(crate) const TIED: &str = "tied";

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Program {
    /// In errors, and of the log file.
    pub name: String,
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables of its environment beside ours.
    pub environment: Vec<(String, String)>,
    /// Where its output goes: `NAME.log` in this folder, appended.
    pub logs: PathBuf,
    /// One of our binaries, which ties the program to the life of this process.
    pub tie: PathBuf,
}

/// A process of a program. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    pid: Pid,
    log: PathBuf,
}

/// Runs a program that the kernel kills when our parent ends: the hidden subcommand `tied PROGRAM ARGUMENT…`. Returns
/// only if that fails.
pub fn tied(mut command: impl Iterator<Item = OsString>) -> io::Error {
    let Some(program) = command.next() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "no program was named");
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    if getppid().is_none_or(Pid::is_init) {
        return io::Error::other("the parent has ended already");
    }
    std::process::Command::new(program).args(command).exec()
}

impl Process {
    /// Starts it. The runtime's thread that does so must live as long as the process is to live.
    pub fn spawn(program: &Program) -> anyhow::Result<Self> {
        let Program { name, path, arguments, environment, logs, tie } = program;
        let log = logs.join(format!("{name}.log"));
        let open = || -> io::Result<File> {
            fs::create_dir_all(logs)?;
            File::options().create(true).append(true).open(&log)
        };
        let output = open().with_context(|| format!("could not write {}", log.display()))?;
        let errors = output.try_clone().context("could not share a log")?;
        let mut command = Command::new(tie);
        command.arg(TIED).arg(path).args(arguments).envs(environment.iter().cloned());
        // Ctrl-C in a terminal is for us alone.
        command.process_group(0).stdin(Stdio::null()).stdout(output).stderr(errors).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("could not run {}", path.display()))?;
        let pid = child.id().expect("it has not been waited for");
        let pid = Pid::from_raw(pid.cast_signed()).expect("a process has an id");
        Ok(Self { name: name.clone(), child, pid, log })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// What it wrote.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        if self.child.id().is_none() {
            bail!("{} has ended", self.name);
        }
        kill_process(self.pid, signal).with_context(|| format!("could not signal {}", self.name))
    }

    /// Kills it with -9 and waits until it is gone.
    pub async fn kill9(mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait().await.map(drop).with_context(|| format!("could not wait for {}", self.name))
    }

    /// Waits for its own end.
    pub async fn ended(&mut self, bound: Duration) -> anyhow::Result<ExitStatus> {
        match timeout(bound, self.child.wait()).await {
            Ok(status) => status.with_context(|| format!("could not wait for {}", self.name)),
            Err(_) => bail!("{} did not end within {bound:?}; the end of its log:\n{}", self.name, self.tail()),
        }
    }

    /// Asks it to stop, and fails if it does not do so in good order and in time.
    pub async fn stop(mut self, signal: Signal, bound: Duration) -> anyhow::Result<()> {
        self.signal(signal)?;
        let status = self.ended(bound).await?;
        if !status.success() {
            bail!("{} ended with {status}; the end of its log:\n{}", self.name, self.tail());
        }
        Ok(())
    }

    /// An error, with the end of its log, if it has ended.
    pub fn check_runs(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait().with_context(|| format!("could not wait for {}", self.name))? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}; the end of its log:\n{}", self.name, self.tail()),
        }
    }

    fn tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL)..]).into_owned()
    }
}
