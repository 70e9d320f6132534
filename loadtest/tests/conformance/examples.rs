//! Every example as the process that it is: a worker of a real stack, whose workflow is started like any other.

use std::{env, path::PathBuf, process::Stdio};

use piton::testing::RunState;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::real::live::Stack;

/// The built example, which `cargo build --all-targets` leaves beside the tests.
fn built(name: &str) -> PathBuf {
    let own = env::current_exe().expect("a test has a path");
    let target = own.ancestors().nth(2).expect("tests are built into a folder of the target");
    let path = target.join("examples").join(name);
    assert!(path.is_file(), "{} is not there: cargo build -p piton --examples", path.display());
    path
}

fn worker(stack: &Stack, name: &str) -> Child {
    Command::new(built(name))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
        .env("PITON_NATS_URL", stack.options().url)
        .env("PITON_WORKER_NAME", name)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("an example starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_a_worker() {
    let stack = Stack::start().await;
    let examples: [(&str, &str, Value, RunState); 14] = [
        ("bulk", "bulk_processor", json!(["a", "b", ""]), RunState::Completed),
        ("dashboard", "dashboard", json!(null), RunState::Completed),
        ("digest", "digest", json!({"topic": "orders"}), RunState::Completed),
        ("follow_up", "follow_up", json!("u-1"), RunState::Suspended),
        ("notify", "notify", json!("u-1"), RunState::Completed),
        ("onboarding", "onboarding", json!("ada@example.org"), RunState::Completed),
        ("order", "order", json!({"order_id": "A-17"}), RunState::Completed),
        ("payments", "payment_workflow", json!({"amount": 1999, "currency": "eur"}), RunState::Completed),
        ("report", "report", json!("2026-Q1"), RunState::Completed),
        ("saga", "trip", json!("Delphi"), RunState::Completed),
        ("signup", "signup", json!({"id": "u-1", "email": "ada@example.org", "plan": "team"}), RunState::Completed),
        ("starter", "welcome", json!({"email": "ada@example.org", "wait_seconds": 0}), RunState::Completed),
        ("survey", "survey", json!(null), RunState::Completed),
        ("visits", "visits", json!(null), RunState::Completed),
    ];
    for (example, workflow, input, state) in examples {
        let mut process = worker(&stack, example);
        let run = stack.begin(workflow, &input).await;
        stack.reaches(run, state).await;
        process.kill().await.expect("it runs until it is told to stop");
    }
}
