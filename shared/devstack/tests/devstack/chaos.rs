//! Violent deaths: of a server, and of the process that started it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use piton_devstack::{Postgres, PostgresOptions};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::lives::readable_folder;
use crate::watch::{is_gone, processes_in, until};

#[tokio::test]
async fn a_killed_postgres_is_gone_whole_and_restarts() {
    let mut postgres = Postgres::start(PostgresOptions::throwaway()).await.expect("it starts");
    let first = postgres.pid().expect("it runs");
    postgres.kill9().await.expect("it dies");
    assert_eq!(processes_in(postgres.folder()), [], "its children are gone too");
    assert!(postgres.folder().join("pgdata/postmaster.pid").exists(), "it had no time to tidy up");
    postgres.restart().await.expect("it recovers");
    assert_ne!(postgres.pid(), Some(first));
    postgres.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_stale_pid_file_that_names_a_stranger_is_no_obstacle() {
    let root = readable_folder();
    let options = PostgresOptions::durable(root.path().join("cluster"));
    let mut postgres = Postgres::start(options.clone()).await.expect("it starts");
    postgres.kill9().await.expect("it dies");
    let file = postgres.folder().join("pgdata/postmaster.pid");
    let stale = fs::read_to_string(&file).expect("it was left behind");
    let (_, rest) = stale.split_once('\n').expect("it has lines");
    // This process lives, and is not a postmaster.
    fs::write(&file, format!("{}\n{rest}", std::process::id())).expect("it can be written");
    postgres.restart().await.expect("it starts all the same");
    postgres.stop().await.expect("it stops");
}

#[tokio::test]
async fn killing_the_parent_leaves_no_server_no_folder_and_no_command() {
    let (mut parent, postgres) =
        with_postgres(&["sh", "-c", "echo $PITON_TEST_POSTGRES $$; exec tail -f /dev/null"]).await;
    let servers = processes_in(&postgres.folder);
    assert!(servers.len() > 1, "{servers:?}");
    parent.start_kill().expect("it runs");
    parent.wait().await.expect("it is dead");
    until("the servers go", || servers.iter().all(|pid| is_gone(*pid))).await;
    until("the folder goes", || !postgres.folder.exists()).await;
    until("everything else goes", || processes_in(&postgres.folder).is_empty()).await;
    until("the command goes", || is_gone(postgres.command)).await;
}

#[tokio::test]
async fn a_signal_goes_to_the_command_and_its_end_is_ours() {
    for (signal, name, code) in [(Signal::INT, "INT", 17), (Signal::TERM, "TERM", 18)] {
        let script = format!("trap 'exit {code}' {name}; echo $PITON_TEST_POSTGRES $$; while :; do sleep 0.05; done");
        let (mut parent, postgres) = with_postgres(&["sh", "-c", &script]).await;
        let pid = Pid::from_raw(parent.id().expect("it runs").cast_signed()).expect("it has an id");
        kill_process(pid, signal).expect("it runs");
        let status = parent.wait().await.expect("it ends");
        assert_eq!(status.code(), Some(code));
        assert!(!postgres.folder.exists());
        assert_eq!(processes_in(&postgres.folder), []);
    }
}

#[tokio::test]
async fn a_command_that_is_not_there_is_said_so() {
    let output = command(&["no-such-command-anywhere"]).stderr(Stdio::piped()).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(127));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("with-postgres: "));
}

#[tokio::test]
async fn a_missing_postgres_is_named_with_the_line_that_installs_it() {
    let mut command = command(&["true"]);
    let output = command.env("PITON_POSTGRES_BIN", "/nowhere").stderr(Stdio::piped()).output().await.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("postgres is not on this machine") && said.contains(" install -y postgresql"), "{said}");
}

struct Seen {
    folder: PathBuf,
    command: i32,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_with-postgres"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs a command that prints its Postgres and its own process first.
async fn with_postgres(arguments: &[&str]) -> (Child, Seen) {
    let mut parent = command(arguments).spawn().expect("the binary was built");
    let output = parent.stdout.take().expect("it is piped");
    let line = BufReader::new(output).lines().next_line().await.expect("it is text").expect("it says something");
    let (url, pid) = line.split_once(' ').expect("two words");
    let (_, sockets) = url.split_once("host=").expect("a socket's folder");
    let (sockets, _) = sockets.split_once('&').expect("another parameter");
    let folder = Path::new(sockets).parent().expect("the cluster's folder").to_owned();
    (parent, Seen { folder, command: pid.parse().expect("a number") })
}
