//! What a worker process of ours runs.

use std::{env, path::PathBuf, time::Duration};

use anyhow::Context as _;
use piton::{Worker, telemetry::TelemetryOptions};

use crate::{
    booked, doors,
    gate::{self, Gate},
    ledger::Ledger,
    no_op,
    orders::{self, Provider},
    poison, repository, shop,
};

/// The folder of the [`Ledger`] and of the gates. Defaults to a folder of this process among the temporary files.
pub const LEDGER: &str = "PITON_LEDGER";
/// How long a charge takes, in milliseconds. Defaults to 40.
pub const CHARGE_TAKES: &str = "PITON_CHARGE_MS";

const DEFAULT_CHARGE_TAKES: Duration = Duration::from_millis(40);

/// Runs until SIGTERM or SIGINT. Options come from the variables `PITON_…`.
pub async fn run() -> anyhow::Result<()> {
    // Only where it is asked for: what is measured should not be the printing of logs.
    let telemetry = match env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT") {
        Some(_) => Some(piton::telemetry::init(&TelemetryOptions::from_env("piton-loadtest-worker")?)?),
        None => None,
    };
    let own_folder = || env::temp_dir().join(format!("piton-ledger-{}", std::process::id()));
    let folder = env::var_os(LEDGER).map_or_else(own_folder, PathBuf::from);
    let ledger = Ledger::open(&folder).with_context(|| format!("could not open {}", folder.display()))?;
    let takes = match env::var(CHARGE_TAKES) {
        Ok(milliseconds) => Duration::from_millis(milliseconds.parse().context(CHARGE_TAKES)?),
        Err(_) => DEFAULT_CHARGE_TAKES,
    };
    let worker = Worker::builder()
        .options_from_env()
        .resource(Gate::within(&folder).context("could not make the gates")?)
        .resource(ledger.clone())
        .resource(Provider { ledger, takes })
        .register(no_op::no_op)
        .register(no_op::five_steps)
        .register(no_op::one_step)
        .register(no_op::fan_out)
        .register(doors::opened)
        .register(gate::wait_at_gate)
        .register(gate::gated)
        .register(gate::gates)
        .register(gate::block_at_gate)
        .register(gate::blocked)
        .register(gate::nap)
        .register(poison::die)
        .register(poison::poison)
        .register(poison::take_time)
        .register(poison::long)
        .register(booked::book)
        .register(booked::book_batch)
        .register(booked::book_side_by_side)
        .register(orders::validate_order)
        .register(orders::charge_customer)
        .register(orders::send_confirmation)
        .register(orders::order_workflow)
        .register(shop::book_payment)
        .register(shop::payment_workflow)
        .register(shop::give_points)
        .register(shop::award_points)
        .register(shop::count_till)
        .register(shop::close_till)
        .register(repository::list_files)
        .register(repository::read_file)
        .register(repository::read_repository)
        .build()?;
    let connected = worker.connect().await.context("the worker could not connect")?;
    let ran = connected.run().await.context("the worker failed");
    // Sends what waits, and blocks meanwhile.
    tokio::task::spawn_blocking(move || telemetry.map(piton::telemetry::Telemetry::shutdown)).await?;
    ran
}
