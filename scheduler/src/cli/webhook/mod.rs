//! `piton webhook …`

mod add;
mod deliveries;
mod options;
mod repeats;
mod sample;
mod secret;
mod send;
mod show;

use clap::Subcommand;

use super::{CliError, Console, Exit};

#[derive(Debug, Subcommand)]
pub(super) enum Webhook {
    /// Make an address that a provider can be given, and say what to do next.
    Add(add::Add),
    /// List webhooks.
    List,
    /// Show a webhook: its address, its secrets by their last characters, what it takes.
    Show(show::Named),
    /// Take nothing for now: providers are told to come back, so that nothing is lost.
    Pause(show::Named),
    /// Take deliveries again.
    Resume(show::Named),
    /// Remove a webhook with its secrets.
    Remove(show::Named),
    /// Change secrets without a gap: add the new one, then remove the old.
    #[command(subcommand)]
    Secret(secret::Secret),
    /// List what arrived, refused deliveries too.
    Deliveries(deliveries::Deliveries),
    /// Show a delivery, and what came of it.
    Delivery(deliveries::Delivery),
    /// Send a delivery as the provider would, signed with your secret.
    Send(send::Send),
}

impl Webhook {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::Add(add) => add.run(console).await,
            Self::List => show::list(console).await,
            Self::Show(named) => named.show(console).await,
            Self::Pause(named) => named.turn(console, "paused").await,
            Self::Resume(named) => named.turn(console, "active").await,
            Self::Remove(named) => named.remove(console).await,
            Self::Secret(secret) => secret.run(console).await,
            Self::Deliveries(deliveries) => deliveries.run(console).await,
            Self::Delivery(delivery) => delivery.run(console).await,
            Self::Send(send) => send.run(console).await,
        }
    }
}

fn path(named: &str) -> String {
    format!("/v1/webhooks/{}", crate::api::escape(named))
}
