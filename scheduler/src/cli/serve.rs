//! `piton serve`

use std::{net::SocketAddr, time::Duration};

use clap::ValueEnum;
use piton_shared::limits;
use serde_json::json;
use tokio::net::TcpListener;

use super::{CliError, Console, Exit, error::chain, nats::NatsArgs, signal::Signals};
use crate::{
    api::{Access, time},
    dev::{Door, DoorError},
    server::{DirectGrants, SchedulerOptions, StartupError},
};

/// Everything a scheduler can be told. Each option has a variable of the environment.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// The database: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Its schema comes from `piton migrate`.
    #[arg(long, env = "PITON_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
    /// NATS with JetStream: `nats://HOST:PORT`, or `nats://USER:PASSWORD@HOST:PORT`.
    #[arg(long, env = "PITON_NATS_URL", hide_env_values = true, value_name = "URL")]
    nats_url: String,
    #[command(flatten)]
    nats: NatsArgs,
    /// Where the API listens. An API key is needed for every request, wherever it comes from.
    #[arg(
        long,
        env = "PITON_LISTEN",
        hide_env_values = true,
        default_value = "127.0.0.1:7070",
        value_name = "ADDRESS"
    )]
    listen: SocketAddr,
    /// Address that serves `/health/live`, `/health/ready` and `/metrics` without a key, apart from the API.
    #[arg(
        long,
        env = "PITON_HEALTH_LISTEN",
        hide_env_values = true,
        default_value = "127.0.0.1:7080",
        value_name = "ADDRESS"
    )]
    health_listen: SocketAddr,
    /// The prefix of every NATS subject: tells installations on one NATS apart.
    #[arg(long, env = "PITON_NATS_PREFIX", hide_env_values = true, default_value = "piton", value_name = "NAME")]
    nats_prefix: String,
    /// How long a worker is taken to live after a heartbeat. At least four heartbeats. Applies to workers that register from then on.
    #[arg(long, env = "PITON_LEASE", hide_env_values = true, default_value = "2500ms", value_parser = time::duration, value_name = "TIME")]
    lease: Duration,
    /// How often workers say that they live.
    #[arg(long, env = "PITON_HEARTBEAT", hide_env_values = true, default_value = "500ms", value_parser = time::duration, value_name = "TIME")]
    heartbeat: Duration,
    /// How often to look for what is overdue.
    #[arg(long, env = "PITON_SWEEP", hide_env_values = true, default_value = "250ms", value_parser = time::duration, value_name = "TIME")]
    sweep: Duration,
    /// How long a published run may stay unclaimed before it is looked into.
    #[arg(long, env = "PITON_PATIENCE", hide_env_values = true, default_value = "2s", value_parser = time::duration, value_name = "TIME")]
    patience: Duration,
    /// How long idempotency keys are remembered.
    #[arg(long, env = "PITON_DEDUPE_WINDOW", hide_env_values = true, default_value = "168h", value_parser = time::duration, value_name = "TIME")]
    dedupe_window: Duration,
    /// Whether to hand runs straight to workers that have room.
    #[arg(
        long,
        env = "PITON_DIRECT_GRANTS",
        hide_env_values = true,
        default_value = "on",
        value_name = "ON|OFF",
        hide_possible_values = true
    )]
    direct_grants: OnOff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnOff {
    On,
    Off,
}

impl Serve {
    /// Serves until SIGINT or SIGTERM, then drains; a second signal cuts that short.
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let (listen, health_listen) = (self.listen, self.health_listen);
        let options = self.options()?;
        let mut signals = Signals::listen()?;
        let listener = bind(listen, "--listen or PITON_LISTEN").await?;
        let health = bind(health_listen, "--health-listen or PITON_HEALTH_LISTEN").await?;
        let health_url = health.local_addr().map(|address| format!("http://{address}")).ok();
        let opening = Door::open(listener, Some(health), Access::Keys, options);
        let door = tokio::select! {
            opened = opening => opened.map_err(|error| failed(&error))?,
            () = signals.next() => return Ok(Exit::Done),
        };
        let url = format!("http://{}", door.address());
        console
            .screen
            .show(&json!({ "url": url, "health_url": health_url }), |_, _| format!("serving the API at {url}\n"))?;
        let _closing_says_why = signals.or(door.ended()).await;
        Box::pin(signals.unless_again(async { door.close().await.map_err(|error| failed(&error)) })).await
    }

    fn options(self) -> Result<SchedulerOptions, CliError> {
        let wrong = |sentence: &str| Err(CliError::new(Exit::Usage, sentence));
        if self.heartbeat.is_zero() || self.sweep.is_zero() {
            return wrong("--heartbeat and --sweep must be longer than nothing");
        }
        if self.lease < self.heartbeat * 4 || self.lease <= limits::LEASE_MARGIN * 2 {
            return wrong("--lease must outlive lost heartbeats: at least four of them, and more than 500 ms");
        }
        Ok(SchedulerOptions {
            nats_auth: self.nats.auth()?,
            nats_prefix: self.nats_prefix,
            lease: self.lease,
            heartbeat: self.heartbeat,
            sweep: self.sweep,
            patience: self.patience,
            dedupe_window: self.dedupe_window,
            direct_grants: match self.direct_grants {
                OnOff::On => DirectGrants::On,
                OnOff::Off => DirectGrants::Off,
            },
            ..SchedulerOptions::new(self.database_url, self.nats_url)
        })
    }
}

async fn bind(address: SocketAddr, option: &str) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| {
        CliError::new(Exit::Unavailable, format!("cannot listen on {address}: {error}"))
            .advise(format!("{option} chooses another address"))
    })
}

/// The words for a scheduler that did not start.
pub(super) fn failed(error: &DoorError) -> CliError {
    let advice = match error {
        DoorError::Startup(StartupError::Prefix(_)) => "a prefix is made of letters, digits, `_` and `-`",
        DoorError::Startup(StartupError::Postgres(_)) => "check PITON_DATABASE_URL with `piton doctor`",
        DoorError::Startup(StartupError::Schema { .. }) => "run `piton migrate` once, before the schedulers start",
        DoorError::Startup(StartupError::Nats(_)) => "check PITON_NATS_URL and how to log in there with `piton doctor`",
        DoorError::Startup(StartupError::Stream(_)) => {
            "NATS needs JetStream (`nats-server -js`); `piton doctor` checks it"
        }
        DoorError::Startup(StartupError::Subscribe(_)) => "was NATS stopped just now? `piton doctor` checks it",
        DoorError::Serve(_) | DoorError::Died => "the log has more",
    };
    CliError::new(Exit::Unavailable, chain(error)).advise(advice)
}
