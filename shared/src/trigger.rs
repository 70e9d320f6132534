//! What starts a workflow by itself, as it is declared beside the workflow or made by the API.

mod binding;
mod pattern;
mod schema;
mod selector;

use serde::{Deserialize, Serialize};

pub use self::{
    binding::{Unbound, bind},
    pattern::{NamePattern, PatternError, check_name},
    selector::{Brought, Selector},
};
use crate::journal::Payload;

/// One thing that starts a workflow.
///
/// All event and webhook triggers that are declared on one workflow are alternatives: an event that several of them match
/// starts it once, by the first of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// An event, whoever published it; also one that a webhook brought.
    Event(EventTrigger),
    /// A verified webhook.
    Webhook(WebhookTrigger),
    /// The clock.
    Cron(CronTrigger),
}

/// Starts a workflow with an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventTrigger {
    /// Which names: `user.signed_up`; a segment `*` stands for any one segment, a last segment `**` for one or more.
    pub pattern: String,
    /// A CEL expression over `event` that must be true, if there is one.
    pub filter: Option<String>,
    /// Where the run's input comes from.
    pub input: InputRule,
}

/// Starts a workflow with a verified delivery of a webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookTrigger {
    /// Whose webhooks.
    pub provider: Provider,
    /// The endpoint's name, where only one is meant.
    pub endpoint: Option<String>,
    /// The provider's own name of the event, as a pattern; all of them if there is none.
    pub event: Option<String>,
    /// A CEL expression over `event` that must be true, if there is one.
    pub filter: Option<String>,
    /// Where the run's input comes from.
    pub input: InputRule,
}

/// Starts a workflow by the clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CronTrigger {
    /// The schedule's name; the workflow's own if there is none.
    pub name: Option<String>,
    /// Five fields, or six with seconds first.
    pub expression: String,
    /// The IANA name of its time zone.
    pub time_zone: String,
    /// What happens when it fires while the run before goes on.
    pub overlap: Overlap,
    /// What happens to firings that were missed.
    pub catch_up: CatchUp,
    /// Each firing is put off by a random time up to this many milliseconds.
    pub jitter_millis: u64,
    /// The input of its runs.
    pub input: Payload,
}

/// Where the input of a run comes from that an event starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputRule {
    /// Each parameter is looked up by its name in the event's data; a single parameter that takes an object gets all of it.
    #[default]
    ByName,
    /// The event with all that is known of it: of a webhook also its headers and its body as it came.
    Envelope,
    /// A CEL expression over `event` that makes the input.
    Expression(String),
}

/// Who sends a webhook, and so how it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Stripe.
    Stripe,
    /// GitHub.
    Github,
    /// Slack.
    Slack,
    /// Whoever follows Standard Webhooks; Svix does.
    Standard,
    /// Whoever signs by HMAC in some headers.
    Hmac,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 5] = [Self::Stripe, Self::Github, Self::Slack, Self::Standard, Self::Hmac];

    /// Its word: also the first segment of the names of its events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Github => "github",
            Self::Slack => "slack",
            Self::Standard => "standard",
            Self::Hmac => "hmac",
        }
    }
}

/// What happens when a schedule fires while its last run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Another run starts beside it.
    #[default]
    Allow,
    /// This firing is left out, and that is on record.
    Skip,
    /// It starts when that run has ended; of several that wait, one.
    Queue,
    /// That run is asked to cancel, and this one starts.
    Cancel,
}

impl Overlap {
    /// Every policy.
    pub const ALL: [Self; 4] = [Self::Allow, Self::Skip, Self::Queue, Self::Cancel];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::Cancel => "cancel",
        }
    }
}

/// What happens to firings that were missed while no scheduler ran, or the schedule could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// They are left out.
    Skip,
    /// One run starts for all of them.
    #[default]
    One,
    /// Each starts its run, the oldest first, at most [`crate::limits::CATCH_UP`] of them.
    All,
}

impl CatchUp {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Skip, Self::One, Self::All];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::One => "one",
            Self::All => "all",
        }
    }
}
