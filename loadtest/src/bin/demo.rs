//! `make demo`: webhooks, events and the clock start runs, processes are killed in the middle, and nothing is lost or done twice.

use std::{env, num::NonZeroUsize, process::ExitCode};

use anyhow::Context as _;
use piton_loadtest::{
    demo::{self, Ending, Telling},
    tied, worker,
};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Without arguments the demo; it starts itself again as its workers.
fn run() -> anyhow::Result<()> {
    let mut arguments = env::args_os().skip(1);
    let hidden = arguments.next();
    if hidden.as_deref().is_some_and(|word| word == "tied") {
        return Err(tied(arguments).into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("could not start the runtime")?;
    if hidden.is_some_and(|word| word == "worker") {
        return runtime.block_on(worker::run());
    }
    let ending = if env::var_os("KEEP").is_some_and(|keep| keep != "0") { Ending::Keep } else { Ending::Stop };
    let schedulers = match env::var("SCHEDULERS") {
        Ok(number) => number.parse().context("SCHEDULERS is how many run side by side, from 1")?,
        Err(_) => NonZeroUsize::MIN,
    };
    runtime.block_on(demo::run(Telling { schedulers, ending }))
}
