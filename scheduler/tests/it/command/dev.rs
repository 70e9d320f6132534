use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;
use tokio::process::Command;

use super::{Running, done, half_a_request, piton, processes_on, until_deaf};

/// A folder that the servers' own account may enter too.
pub(super) fn folder() -> TempDir {
    let mut builder = tempfile::Builder::new();
    builder.permissions(Permissions::from_mode(0o755));
    builder.tempdir().expect("a folder")
}

pub(super) fn dev(folder: &TempDir, more: &[&str]) -> Command {
    let data = folder.path().join("stack");
    let data = data.to_str().expect("the tests' folders are UTF-8");
    let ports = ["--port", "0", "--nats-port", "0", "--postgres-port", "0"];
    piton(["dev", "--json", "--data", data].into_iter().chain(ports).chain(more.iter().copied()))
}

#[tokio::test]
async fn a_stack_keeps_its_data_and_leaves_nothing_else_behind() {
    let folder = folder();
    let stack = Running::start(dev(&folder, &["--schedulers", "2"])).await;
    let urls = stack.said["urls"].as_array().expect("a list").clone();
    assert_eq!(urls.len(), 2);
    let started = done(stack.piton(["run", "start", "order", "--json"])).await.json();
    let id = started["id"].as_str().expect("an id").to_owned();
    let other = done(piton(["run", "get", &id, "--json", "--url", urls[1].as_str().expect("a URL")])).await.json();
    assert_eq!(other["workflow"], "order", "the other scheduler knows it");

    let again = done(dev(&folder, &[])).await;
    assert_eq!(again.code, Some(5));
    assert!(again.err.contains("already runs"), "{}", again.err);
    let reset = done(dev(&folder, &["--reset"])).await;
    assert_eq!(reset.code, Some(5), "a stack that runs is not reset: {}", reset.err);

    assert_eq!(stack.stop("-INT").await, Some(0));
    assert_eq!(processes_on(folder.path()), Vec::<String>::new());

    let stack = Running::start(dev(&folder, &[])).await;
    assert_eq!(done(stack.piton(["run", "get", &id])).await.code, Some(0), "the data stayed");
    assert_eq!(stack.stop("-TERM").await, Some(0));

    let stack = Running::start(dev(&folder, &["--reset"])).await;
    assert_eq!(done(stack.piton(["run", "get", &id])).await.code, Some(3), "the data was deleted");
    assert_eq!(stack.stop("-INT").await, Some(0));
    assert_eq!(processes_on(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn two_stacks_stand_side_by_side() {
    let folders = [folder(), folder()];
    let (one, two) = tokio::join!(Running::start(dev(&folders[0], &[])), Running::start(dev(&folders[1], &[])));
    assert_eq!(done(one.piton(["run", "start", "order"])).await.code, Some(0));
    assert_eq!(done(two.piton(["run", "list"])).await.out, "no runs\n");
    // Killed outright it cannot tidy up; its servers see that it is gone.
    assert_eq!(one.stop("-KILL").await, None);
    assert_eq!(two.stop("-INT").await, Some(0));
    let gone = async {
        while !processes_on(folders[0].path()).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::api::PATIENCE, gone).await.expect("its servers end");
}

#[tokio::test]
async fn what_is_missing_is_said_with_what_installs_it() {
    let folder = folder();
    let mut command = dev(&folder, &[]);
    command.env("PITON_NATS_BIN", folder.path().join("none"));
    let refused = done(command).await;
    assert_eq!(refused.code, Some(5));
    assert!(refused.err.contains("nats-server"), "{}", refused.err);
    assert_eq!(processes_on(folder.path()), Vec::<String>::new());
}

/// A command for the shell that says in a file what it was given, and then does something.
fn beside(folder: &TempDir, then: &str) -> Vec<String> {
    let said = folder.path().join("said");
    // Written whole or not at all.
    let script = format!("echo $PITON_URL $PITON_NATS_URL > {0}.new; mv {0}.new {0}; {then}", said.display());
    ["--", "sh", "-c", &script].map(str::to_owned).to_vec()
}

async fn said(folder: &TempDir) -> String {
    let said = folder.path().join("said");
    let saying = async {
        loop {
            match std::fs::read_to_string(&said) {
                Ok(text) => return text,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(crate::api::PATIENCE, saying).await.expect("the command runs")
}

fn with(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn a_command_beside_the_stack_is_given_its_addresses_and_ends_it() {
    let folder = folder();
    let done = done(dev(&folder, &with(&beside(&folder, "exit 0")))).await;
    assert_eq!(done.code, Some(0), "{}", done.err);
    let said = said(&folder).await;
    assert!(said.starts_with("http://127.0.0.1:") && said.contains(" nats://127.0.0.1:"), "{said}");

    let failed = super::done(dev(&folder, &with(&beside(&folder, "exit 7")))).await;
    assert_eq!(failed.code, Some(1));
    assert!(failed.err.contains("exit status: 7"), "{}", failed.err);
    assert_eq!(processes_on(folder.path()), Vec::<String>::new());

    let missing = super::done(dev(&folder, &["--", "no-such-program-anywhere"])).await;
    assert_eq!(missing.code, Some(2));
    assert!(missing.err.contains("no-such-program-anywhere"), "{}", missing.err);
    assert_eq!(processes_on(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_command_beside_the_stack_goes_with_it() {
    for signal in ["-TERM", "-KILL"] {
        let folder = folder();
        let stack = Running::start(dev(&folder, &with(&beside(&folder, "while :; do sleep 0.1; done")))).await;
        said(&folder).await;
        assert!(processes_on(folder.path()).iter().any(|line| line.contains("while")), "it runs");
        let code = stack.stop(signal).await;
        assert_eq!(code, if signal == "-TERM" { Some(0) } else { None });
        let gone = async {
            while !processes_on(folder.path()).is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::api::PATIENCE, gone).await.expect("the command ends with the stack");
    }
}

#[tokio::test]
async fn a_second_signal_ends_a_stack_at_once() {
    let folder = folder();
    let stack = Running::start(dev(&folder, &[])).await;
    let url = stack.url().to_owned();
    let held = half_a_request(&url, None).await;
    stack.signal("-INT").await;
    until_deaf(&url).await;
    assert_eq!(stack.stop("-INT").await, Some(5), "it had not finished, and was not waited for");
    drop(held);
    let gone = async {
        while !processes_on(folder.path()).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::api::PATIENCE, gone).await.expect("its servers end");
}
