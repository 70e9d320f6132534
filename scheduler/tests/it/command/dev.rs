use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;
use tokio::process::Command;

use super::{Running, done, half_a_request, piton, processes_on, until_deaf};

/// A folder that the servers' own account may enter too.
fn folder() -> TempDir {
    let mut builder = tempfile::Builder::new();
    builder.permissions(Permissions::from_mode(0o755));
    builder.tempdir().expect("a folder")
}

fn dev(folder: &TempDir, more: &[&str]) -> Command {
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
