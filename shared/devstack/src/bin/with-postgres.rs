//! Runs a command beside a throw-away Postgres: `with-postgres cargo nextest run`.
//!
//! The command finds the Postgres in `PITON_TEST_POSTGRES`, and this program ends as the command ends. Both the Postgres
//! and the command end with this program, even if it is killed.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus, Stdio};

use piton_devstack::testing::TEST_POSTGRES;
use piton_devstack::{Postgres, PostgresOptions};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// As shells do: the command was not found, or could not be run.
const CANNOT_RUN: u8 = 127;

/// Ends the command when the pipe closes before the word "keep" has come through it. The first line is its process.
const GUARD: &str = r#"trap '' HUP INT QUIT TERM
read -r pid || exit 0
read -r word
[ "$word" = keep ] && exit 0
kill -s TERM "$pid"
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut command = env::args_os().skip(1).skip_while(|argument| argument == "--");
    let Some(program) = command.next() else {
        eprintln!("usage: with-postgres COMMAND [ARGUMENT]...");
        return ExitCode::from(2);
    };
    match run(program, command.collect()).await {
        Ok(code) => code,
        Err(error) => {
            eprint!("with-postgres: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::from(CANNOT_RUN)
        }
    }
}

async fn run(program: OsString, arguments: Vec<OsString>) -> Result<ExitCode, Box<dyn std::error::Error>> {
    // From here on a signal does not end us at once: once the command runs it is passed on, and the command decides.
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let postgres = tokio::select! {
        started = Postgres::start(PostgresOptions::throwaway()) => started?,
        // What was started so far is dropped, and its watchdog removes it.
        _ = interrupts.recv() => return Ok(ended_by(Signal::INT)),
        _ = terminations.recv() => return Ok(ended_by(Signal::TERM)),
    };
    let mut guard = Guard::start()?;
    let child = Command::new(&program).args(arguments).env(TEST_POSTGRES, postgres.url()).spawn();
    let ended = match child {
        Err(error) => Err(error),
        Ok(mut child) => {
            guard.watch(&child)?;
            // Ctrl-C in a terminal has reached the command already, and twice may mean something else to it.
            let pass_interrupts = !io::stdin().is_terminal();
            loop {
                tokio::select! {
                    ended = child.wait() => break ended,
                    _ = interrupts.recv(), if pass_interrupts => pass_on(&child, Signal::INT),
                    _ = terminations.recv() => pass_on(&child, Signal::TERM),
                }
            }
        }
    };
    guard.dismiss().await;
    postgres.stop().await?;
    Ok(exit_code(ended?))
}

fn pass_on(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    // It may have ended by itself in the meantime.
    let _already_gone = pid.map(|pid| kill_process(pid, signal));
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// As shells say that a signal was the end.
fn ended_by(signal: Signal) -> ExitCode {
    ExitCode::from(u8::try_from(128 + signal.as_raw()).unwrap_or(1))
}

struct Guard {
    shell: Child,
    leash: File,
}

impl Guard {
    fn start() -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", GUARD]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = command.process_group(0).spawn()?;
        let leash = shell.stdin.take().expect("its standard input is piped");
        Ok(Self { shell, leash: leash.into_owned_fd()?.into() })
    }

    fn watch(&mut self, child: &Child) -> io::Result<()> {
        match child.id() {
            Some(id) => writeln!(self.leash, "{id}"),
            None => Ok(()),
        }
    }

    async fn dismiss(mut self) {
        // A guard that is gone needs no word.
        let _ = self.leash.write_all(b"keep\nkeep\n");
        let _ = self.shell.wait().await;
    }
}
