//! A client that a public generator made of the API's description drives the whole system.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use tokio::process::Command;

use crate::{dev, rig::folder};

/// For what a child of ours does at once, on a busy machine.
const CHILD: Duration = Duration::from_mins(2);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace")
}

/// Python with the generator and what its clients need, and nothing else that is installed.
async fn python(script: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let packages: PathBuf = root().join(".tools/client");
    ensure!(packages.is_dir(), "the generator of clients is missing. Run: ./setup test");
    let mut command = Command::new("python3");
    command.arg("-B").arg(root().join("loadtest/client").join(script)).args(arguments);
    command.env("PYTHONPATH", packages).env("PYTHONNOUSERSITE", "1").kill_on_drop(true);
    let output = tokio::time::timeout(CHILD, command.output()).await.context("it takes too long")?;
    let output = output.context("python3 is missing. Run: ./setup test")?;
    let (told, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{script}: {}\n{told}{wrong}", output.status);
    Ok(told.into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_client_drives_it() -> anyhow::Result<()> {
    let dev = dev::start("dev", folder()?).await?;
    let (url, place) = (dev.url()?, dev.place("client"));
    let description = format!("{url}/v1/openapi.json");
    python("generate.py", &[&description, &place]).await?;
    let told = python("drive.py", &[&url, &place]).await?;
    println!("{told}");
    ensure!(told.ends_with("done\n"), "it did not come to its end: {told}");
    dev.stop(Signal::TERM).await
}
