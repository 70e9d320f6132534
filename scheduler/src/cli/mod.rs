//! The command line: `piton`.
//!
//! Each command is a file: its arguments, what it does, and how it shows the answer. What is shown is made by pure
//! functions of the API's JSON, so that the words are tested without a server.

mod batch;
mod client;
mod commands;
mod completions;
mod database;
mod definition;
mod dev;
mod doctor;
mod error;
mod event;
mod exit;
mod explain;
mod follow;
mod key;
mod migrate;
mod nats;
mod new;
mod openapi;
mod org;
mod patch;
mod run;
mod schedule;
mod screen;
mod serve;
mod signal;
mod state;
mod trigger;
mod webhook;
mod worker;

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand};
use piton_telemetry::{Telemetry, TelemetryError, TelemetryOptions};
use reqwest::Url;

pub use error::CliError;
pub use exit::Exit;

use client::Client;
use screen::{Colour, Form, Screen};

/// Durable workflows as ordinary Rust functions.
#[derive(Debug, Parser)]
#[command(
    name = "piton",
    version,
    after_help = exit::EXIT_CODES,
    after_long_help = exit::EXIT_CODES,
    propagate_version = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct Global {
    /// Where the server is. The API key is read from `PITON_API_KEY`.
    #[arg(
        long,
        global = true,
        help_heading = "Everywhere",
        env = "PITON_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:7070",
        value_name = "URL"
    )]
    url: Url,
    /// Print the API's own JSON.
    #[arg(long, global = true, help_heading = "Everywhere")]
    json: bool,
    /// Print without colours, as with `NO_COLOR`.
    #[arg(long, global = true, help_heading = "Everywhere")]
    no_color: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a private Postgres and NATS and a scheduler on this machine, for trying out and developing.
    Dev(dev::Dev),
    /// Make a small project with one workflow, to be changed.
    New(new::New),
    /// Run a scheduler on a Postgres and a NATS that are there.
    Serve(serve::Serve),
    /// Bring the database's schema up to date.
    Migrate(migrate::Migrate),
    /// Check what Piton stands on, and say what to do about problems.
    Doctor(doctor::Doctor),
    /// Say why an error happens and what to do about it.
    Error(explain::Explain),
    /// Print the description of the API, as OpenAPI.
    Openapi,
    /// Print what makes a shell complete these commands.
    Completions(completions::Completions),
    /// Start, look at, follow and stop runs.
    #[command(subcommand)]
    Run(run::Run),
    /// Run a function over many items.
    #[command(subcommand)]
    Batch(batch::Batch),
    /// Publish events, look at what they started, publish them again.
    #[command(subcommand)]
    Event(event::Event),
    /// Make, look at, change, pause and remove triggers: which events start which workflows.
    #[command(subcommand)]
    Trigger(trigger::Trigger),
    /// Make, look at and try out addresses for webhooks.
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Make, look at, change, pause and trigger schedules: workflows that start by the clock.
    #[command(subcommand)]
    Schedule(schedule::Schedule),
    /// Look at sessions.
    #[command(subcommand)]
    Session(state::Session),
    /// Look at the workflows and functions that workers have.
    #[command(subcommand)]
    Definition(definition::Definition),
    /// Look at workers.
    #[command(subcommand)]
    Worker(worker::Worker),
    /// Create, list and revoke API keys.
    #[command(subcommand)]
    Key(key::Key),
    /// Create, list, disable and enable orgs: the tenants of an installation.
    #[command(subcommand)]
    Org(org::Org),
}

/// What commands work with.
struct Console {
    screen: Screen,
    url: Url,
}

impl Console {
    fn client(&self) -> Result<Client, CliError> {
        Client::new(self.url.clone())
    }
}

impl Command {
    /// What is logged unless `PITON_LOG` says otherwise; none for commands whose output is their whole word.
    fn logs(&self) -> Option<&'static str> {
        match self {
            Self::Serve(_) => Some("info,async_nats=warn"),
            Self::Dev(_) => Some("warn"),
            Self::New(_)
            | Self::Migrate(_)
            | Self::Doctor(_)
            | Self::Error(_)
            | Self::Openapi
            | Self::Completions(_)
            | Self::Run(_)
            | Self::Batch(_)
            | Self::Schedule(_)
            | Self::Event(_)
            | Self::Trigger(_)
            | Self::Session(_)
            | Self::Definition(_)
            | Self::Webhook(_)
            | Self::Worker(_)
            | Self::Key(_)
            | Self::Org(_) => None,
        }
    }

    async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::Dev(dev) => Box::pin(dev.run(console)).await,
            Self::New(new) => new.run(console),
            Self::Serve(serve) => Box::pin(serve.run(console)).await,
            Self::Migrate(migrate) => migrate.run(console).await,
            Self::Doctor(doctor) => doctor.run(console).await,
            Self::Error(explain) => explain.run(console),
            Self::Openapi => openapi::run(),
            Self::Completions(completions) => completions.run(),
            Self::Run(run) => run.run(console).await,
            Self::Batch(batch) => batch.run(console).await,
            Self::Schedule(schedule) => schedule.run(console).await,
            Self::Event(event) => event.run(console).await,
            Self::Trigger(trigger) => trigger.run(console).await,
            Self::Session(session) => session.run(console).await,
            Self::Definition(definition) => definition.run(console).await,
            Self::Webhook(webhook) => Box::pin(webhook.run(console)).await,
            Self::Worker(worker) => worker.run(console).await,
            Self::Key(key) => key.run(console).await,
            Self::Org(org) => org.run(console).await,
        }
    }
}

/// Runs the command line, from its arguments to its exit code. The TLS provider must have been installed.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to do when the words about the usage cannot be printed either.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(Exit::Usage.into(), ExitCode::from);
        }
    };
    let form = if cli.global.json { Form::Json } else { Form::People };
    let colour = if cli.global.no_color { Colour::Off } else { Colour::On };
    let console = Console { screen: Screen::of_stdout(form, colour), url: cli.global.url };
    let exit = start(cli.command, &console).unwrap_or_else(|error| {
        match form {
            Form::People => eprint!("{}", error.text()),
            Form::Json if error.text().is_empty() => {}
            Form::Json => eprintln!("{:#}", error.json()),
        }
        error.exit()
    });
    exit.into()
}

fn start(command: Command, console: &Console) -> Result<Exit, CliError> {
    let telemetry = command.logs().map(telemetry).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::caused(Exit::Unavailable, &error))?;
    let done = runtime.block_on(command.run(console));
    drop(runtime);
    // Blocks, and so comes after the runtime.
    telemetry.into_iter().for_each(Telemetry::shutdown);
    done
}

fn telemetry(filter: &str) -> Result<Telemetry, CliError> {
    let wrong = |error: TelemetryError| {
        CliError::caused(Exit::Usage, &error)
            .advise("PITON_LOG, PITON_LOG_FORMAT and OTEL_EXPORTER_OTLP_ENDPOINT say it")
    };
    let options = TelemetryOptions::from_env_or("piton-scheduler", filter).map_err(wrong)?;
    piton_telemetry::init(&options).map_err(wrong)
}

#[cfg(test)]
mod tests;
