//! Where the binary `piton` is: beside our own, built by the same cargo.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

/// The scheduler's binary.
const PITON: &str = "piton";

/// Builds `piton` if cargo started us, so that what is measured is the code that is there; and says where it is.
pub fn build() -> anyhow::Result<PathBuf> {
    let own = env::current_exe().context("could not find the own executable")?;
    let folder = own.parent().context("the own executable is in no folder")?;
    let Some(cargo) = env::var_os("CARGO") else {
        return beside(folder);
    };
    let mut command = Command::new(cargo);
    command.args(["build", "-p", "piton-scheduler", "--bin", PITON]);
    match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") => {}
        Some(profile) => drop(command.args(["--profile", profile])),
        None => bail!("the own executable is in no folder of a cargo profile"),
    }
    eprintln!("building `{PITON}` if it is not up to date");
    let status = command.status().context("could not run cargo")?;
    if !status.success() {
        bail!("cargo did not build `{PITON}`: {status}");
    }
    beside(folder)
}

/// The binary in this folder, or the line that builds it.
pub fn beside(folder: &Path) -> anyhow::Result<PathBuf> {
    let piton = folder.join(PITON);
    if piton.is_file() {
        return Ok(piton);
    }
    let release = if folder.ends_with("release") { " --release" } else { "" };
    bail!("{} is not there: build it with `cargo build{release} -p piton-scheduler`", piton.display())
}
