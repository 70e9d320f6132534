use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::binaries::Program;
use crate::version::Version;

/// Why a server could not be found, started or stopped. The texts are for the person at the keyboard.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program is in none of the usual places.
    #[error("{program} is not on this machine; install it with `{install}`, or set {variable} (looked in {looked})")]
    Missing {
        /// What is missing.
        program: Program,
        /// The line that installs it on this system.
        install: &'static str,
        /// The environment variable that names its place.
        variable: &'static str,
        /// Where it was looked for.
        looked: String,
    },
    /// Only versions too old were found.
    #[error(
        "{path} is {program} {found}, and {needed} or newer is needed; install it with `{install}`, or set {variable}"
    )]
    TooOld {
        /// What is too old.
        program: Program,
        /// The newest that was found.
        path: PathBuf,
        /// Its version.
        found: Version,
        /// The oldest that will do.
        needed: Version,
        /// The line that installs a newer one on this system.
        install: &'static str,
        /// The environment variable that names its place.
        variable: &'static str,
    },
    /// Postgres refuses to run as root, and there is no account to run it as.
    #[error("running as root, but /etc/passwd has neither `postgres` nor `nobody` to run the servers as")]
    NoAccount,
    /// The account that the servers run as cannot enter the folder.
    #[error(
        "user {user} (the servers do not run as root) cannot enter {barrier}, which is on the way to {folder}; choose another folder"
    )]
    Unreachable {
        /// The account.
        user: String,
        /// The folder wanted.
        folder: PathBuf,
        /// The folder that it may not enter.
        barrier: PathBuf,
    },
    /// A file or folder could not be used.
    #[error("could not {action} {path}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A program could not be started, or not be waited for.
    #[error("could not run {program}")]
    Run {
        /// Which.
        program: Program,
        /// Why not.
        source: io::Error,
    },
    /// A program ended when it should have gone on (or ended badly, where it should have ended).
    #[error("{program} ended with {status}; the end of {log}:\n{tail}")]
    Ended {
        /// Which.
        program: Program,
        /// How.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The last lines of its log.
        tail: String,
    },
    /// A program did not get ready, or did not end, in time.
    #[error("{program} was not done after {waited:?}; the end of {log}:\n{tail}")]
    TooSlow {
        /// Which.
        program: Program,
        /// How long it was waited for.
        waited: Duration,
        /// Its log.
        log: PathBuf,
        /// The last lines of its log.
        tail: String,
    },
    /// A server that is not a child of this process works on the folder.
    #[error("{program} already runs on {folder}{}", stop_hint(*.pid))]
    AlreadyRunning {
        /// Which.
        program: Program,
        /// Its folder.
        folder: PathBuf,
        /// Its process, where it is known.
        pid: Option<i32>,
    },
    /// Another stack uses the folder.
    #[error("a stack already runs on {root}{}; stop it, or choose another folder", holder_hint(*.pid))]
    StackRuns {
        /// The folder.
        root: PathBuf,
        /// The process that holds it, where it is known.
        pid: Option<i32>,
    },
    /// The folder holds something, and not a stack.
    #[error("{root} is not empty and has no {marker}: it is not a stack's folder, nothing was touched")]
    NotAStack {
        /// The folder.
        root: PathBuf,
        /// The file that marks a stack's folder.
        marker: &'static str,
    },
    /// A folder for a throw-away server already exists.
    #[error("{folder} already exists, and a throw-away server wants a folder of its own")]
    NotFresh {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no folder in which the stack could live by default.
    #[error("neither XDG_DATA_HOME nor HOME is set: name the folder for the stack's data")]
    NoHome,
    /// No port was free.
    #[error("found no free port on 127.0.0.1 in {tries} tries")]
    NoPort {
        /// How many were tried.
        tries: u32,
    },
}

impl Error {
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    pub(crate) fn run(program: Program) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Run { program, source }
    }
}

fn stop_hint(pid: Option<i32>) -> String {
    pid.map(|pid| format!(" with pid {pid}; stop it with `kill -INT {pid}`")).unwrap_or_default()
}

fn holder_hint(pid: Option<i32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}
