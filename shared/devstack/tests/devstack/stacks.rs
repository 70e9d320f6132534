//! Folders of stacks: one process each, side by side, and never somebody else's.

use std::env;
use std::fs;
use std::future;
use std::process::Stdio;

use piton_devstack::{Error, Stack, StackOptions};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::lives::readable_folder;
use crate::watch::{is_gone, processes_in};

#[tokio::test]
async fn two_stacks_run_side_by_side_and_one_folder_has_one() {
    let root = readable_folder();
    let [left, right] = ["left", "right"].map(|name| root.path().join(name));
    let (first, second) = tokio::join!(Stack::start(StackOptions::new(&left)), Stack::start(StackOptions::new(&right)));
    let (first, second) = (first.expect("left starts"), second.expect("right starts"));
    assert_ne!(first.nats().url(), second.nats().url());
    assert_ne!(first.postgres().tcp_address(), second.postgres().tcp_address());

    let refused = Stack::start(StackOptions::new(&left)).await.expect_err("it is taken");
    let us = std::process::id().cast_signed();
    assert!(matches!(refused, Error::StackRuns { pid, .. } if pid == Some(us)), "{refused}");
    let refused = Stack::reset(&left).await.expect_err("it is in use");
    assert!(matches!(refused, Error::StackRuns { .. }), "{refused}");

    let pids = [first.postgres().pid(), first.nats().pid()].map(|pid| pid.expect("it runs"));
    first.stop().await.expect("left stops");
    assert!(pids.into_iter().all(is_gone));
    assert!(left.join("postgres/pgdata/PG_VERSION").exists(), "the data stays");
    assert!(second.nats().pid().is_some_and(|pid| !is_gone(pid)));
    second.stop().await.expect("right stops");
    assert_eq!(processes_in(root.path()), []);

    let first = Stack::start(StackOptions::new(&left)).await.expect("left starts again");
    first.stop().await.expect("left stops again");
    Stack::reset(&left).await.expect("it is a stack's and not in use");
    assert!(!left.exists() && right.exists());
    Stack::reset(&left).await.expect("nothing to do");
}

#[tokio::test]
async fn a_folder_that_is_no_stack_is_never_touched() {
    let root = readable_folder();
    fs::create_dir(root.path().join("postgres")).expect("it can be written");
    let thesis = root.path().join("postgres/thesis.txt");
    fs::write(&thesis, "years of work").expect("it can be written");
    let refused = Stack::reset(root.path()).await.expect_err("it is somebody's");
    assert!(matches!(refused, Error::NotAStack { .. }), "{refused}");
    let refused = Stack::start(StackOptions::new(root.path())).await.expect_err("it is somebody's");
    assert!(matches!(refused, Error::NotAStack { .. }), "{refused}");
    assert_eq!(fs::read_to_string(&thesis).expect("it is there"), "years of work");
}

/// Names the folder for [`a_stack_until_it_is_killed`].
const ROOT: &str = "PITON_DEVSTACK_TEST_ROOT";

#[tokio::test]
async fn a_killed_stack_can_be_started_again_at_once() {
    let root = readable_folder();
    let folder = root.path().join("stack");
    let mut command = Command::new(env::current_exe().expect("it has a name"));
    command.args(["--exact", "stacks::a_stack_until_it_is_killed", "--ignored", "--nocapture"]);
    let mut parent = command.env(ROOT, &folder).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("it runs");
    let mut lines = BufReader::new(parent.stdout.take().expect("it is piped")).lines();
    while lines.next_line().await.expect("it is text").expect("it gets ready") != "ready" {}
    let former = processes_in(&folder);
    parent.start_kill().expect("it runs");
    parent.wait().await.expect("it is dead");

    let stack = Stack::start(StackOptions::new(&folder)).await.expect("the former servers leave by themselves");
    assert!(former.into_iter().all(is_gone));
    stack.stop().await.expect("it stops");
    assert_eq!(processes_in(&folder), []);
}

#[tokio::test]
#[ignore = "is the process that a_killed_stack_can_be_started_again_at_once kills"]
async fn a_stack_until_it_is_killed() {
    let root = env::var_os(ROOT).expect("the other test names a folder");
    let _stack = Stack::start(StackOptions::new(root)).await.expect("it starts");
    println!("\nready");
    future::pending::<()>().await;
}
