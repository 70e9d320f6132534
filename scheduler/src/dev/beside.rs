//! A command of the user's beside the stack: a worker, as a rule.

use std::{ffi::OsString, io, process::ExitStatus, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, Command};

use super::Places;

const SCRIPT: &str = include_str!("beside.sh");

/// How long a command that was asked to stop may take, a worker's drain and some more; then it is killed.
const STOP: Duration = Duration::from_secs(35);

/// Why a command does not run beside the stack.
#[derive(Debug, thiserror::Error)]
pub enum BesideError {
    /// There is no such program, or it may not be executed.
    #[error("there is no program `{program}` to run beside the stack")]
    NotFound {
        /// As it was given.
        program: String,
    },
    /// The system refuses.
    #[error("failed to run `{program}` beside the stack")]
    Refused {
        /// As it was given.
        program: String,
        /// Why.
        source: io::Error,
    },
}

/// A command that runs beside the stack, in a process group of its own. Dropped, it is asked to stop.
#[derive(Debug)]
pub struct Beside {
    child: Child,
    group: Pid,
    // Closes with us, however we end: then the watchdog ends the group.
    _leash: Option<ChildStdin>,
}

impl Beside {
    /// Starts it with the stack's addresses in its environment: `PITON_URL` and `PITON_NATS_URL`.
    ///
    /// # Errors
    /// [`BesideError`] when it cannot be started.
    pub fn start(command: &[OsString], places: &Places) -> Result<Self, BesideError> {
        let program = command.first().map_or_else(String::new, |program| program.to_string_lossy().into_owned());
        if !is_there(command) {
            return Err(BesideError::NotFound { program });
        }
        let refused = |source| BesideError::Refused { program: program.clone(), source };
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "piton"])
            .args(command)
            .env("PITON_URL", places.url())
            .env("PITON_NATS_URL", &places.nats_url)
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(refused)?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let group = group.expect("a child that was not waited for has an id");
        let leash = child.stdin.take();
        Ok(Self { child, group, _leash: leash })
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to stop, waits, and kills it when it does not.
    pub async fn stop(mut self) -> io::Result<()> {
        if self.child.id().is_some() {
            let _gone_already = kill_process_group(self.group, Signal::TERM);
            if tokio::time::timeout(STOP, self.child.wait()).await.is_err() {
                tracing::warn!("the command beside the stack did not stop when asked to: it is killed");
                let _gone_already = kill_process_group(self.group, Signal::KILL);
                self.child.wait().await?;
            }
        }
        Ok(())
    }
}

/// Whether the shell would find it: its own words about what it does not find would name the shell and not the program.
fn is_there(command: &[OsString]) -> bool {
    let Some(program) = command.first() else { return false };
    let path = std::path::Path::new(program);
    if path.components().count() > 1 {
        return path.is_file();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(path).is_file())
}
