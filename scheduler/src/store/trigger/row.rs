//! A trigger's row.

use piton_shared::{
    name::{Build, Org, Queue},
    time::Timestamp,
    trigger::{EventTrigger, InputRule, Trigger, WebhookTrigger},
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::store::{event::provider, value};

/// A trigger as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerRow {
    /// The trigger.
    pub id: Uuid,
    /// Whose.
    pub org: Org,
    /// What it starts.
    pub workflow: String,
    /// Who made it.
    pub source: Source,
    /// What it listens to.
    pub listens: Listens,
    /// Where its runs go.
    pub queue: Queue,
    /// The build they are bound to.
    pub build: Option<Build>,
    /// Whether it counts.
    pub state: TriggerState,
    /// The version of the org's triggers with which it last changed.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Who made a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It is declared beside its workflow.
    Declared {
        /// Among those declared there, from 0: the first that an event matches counts.
        place: u32,
    },
    /// It was made by the API, and stands for itself.
    Made,
}

/// Whether a trigger counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerState {
    /// It does.
    Active,
    /// It does not, until somebody resumes it.
    Paused,
}

impl TriggerState {
    /// Every state.
    pub const ALL: [Self; 2] = [Self::Active, Self::Paused];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }
}

/// What a trigger listens to.
#[derive(Debug, Clone, PartialEq)]
pub enum Listens {
    /// Events of whatever origin.
    Event(EventTrigger),
    /// What verified webhooks bring.
    Webhook(WebhookTrigger),
}

impl Listens {
    /// Of a declared trigger; none of the clock's, which are kept elsewhere.
    pub fn of(trigger: &Trigger) -> Option<Self> {
        match trigger {
            Trigger::Event(event) => Some(Self::Event(event.clone())),
            Trigger::Webhook(webhook) => Some(Self::Webhook(webhook.clone())),
            Trigger::Cron(_) => None,
        }
    }

    /// The expression that lets events through.
    pub fn filter(&self) -> Option<&str> {
        match self {
            Self::Event(event) => event.filter.as_deref(),
            Self::Webhook(webhook) => webhook.filter.as_deref(),
        }
    }

    /// Where the input of its runs comes from.
    pub fn input(&self) -> &InputRule {
        match self {
            Self::Event(event) => &event.input,
            Self::Webhook(webhook) => &webhook.input,
        }
    }

    /// The pattern of names, as it was written.
    pub fn pattern(&self) -> Option<&str> {
        match self {
            Self::Event(event) => Some(&event.pattern),
            Self::Webhook(webhook) => webhook.event.as_deref(),
        }
    }
}

impl TriggerRow {
    pub(super) fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        let name = |column| row.try_get::<String, _>(column);
        let build: Option<String> = row.try_get("build")?;
        Ok(Self {
            id: row.try_get("id")?,
            org: Org::new(name("org")?).map_err(value::decode_error)?,
            workflow: name("workflow")?,
            source: match row.try_get::<Option<i32>, _>("place")? {
                Some(place) => Source::Declared { place: place.unsigned_abs() },
                None => Source::Made,
            },
            listens: listens(row)?,
            queue: Queue::new(name("queue")?).map_err(value::decode_error)?,
            build: build.map(Build::new).transpose().map_err(value::decode_error)?,
            state: state(row.try_get("state")?)?,
            version: row.try_get("version")?,
            created_at: value::time(row, "created_at")?,
            updated_at: value::time(row, "updated_at")?,
        })
    }
}

fn listens(row: &PgRow) -> Result<Listens, sqlx::Error> {
    let filter = row.try_get("filter")?;
    let input = match row.try_get::<&str, _>("input_rule")? {
        "by_name" => InputRule::ByName,
        "envelope" => InputRule::Envelope,
        "expression" => InputRule::Expression(row.try_get("input_expression")?),
        word => return Err(value::unknown("rule for inputs", word)),
    };
    match row.try_get::<Option<&str>, _>("provider")? {
        None => Ok(Listens::Event(EventTrigger { pattern: row.try_get("pattern")?, filter, input })),
        Some(word) => Ok(Listens::Webhook(WebhookTrigger {
            provider: provider(word)?,
            endpoint: row.try_get("endpoint")?,
            event: row.try_get("pattern")?,
            filter,
            input,
        })),
    }
}

fn state(word: &str) -> Result<TriggerState, sqlx::Error> {
    let known = TriggerState::ALL.into_iter().find(|state| state.as_str() == word);
    known.ok_or_else(|| value::unknown("state of a trigger", word))
}

/// The columns in which what a trigger listens to is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) kind: &'static str,
    pub(super) pattern: Option<String>,
    pub(super) provider: Option<&'static str>,
    pub(super) endpoint: Option<String>,
    pub(super) filter: Option<String>,
    pub(super) input_rule: &'static str,
    pub(super) input_expression: Option<String>,
}

impl Columns {
    pub(super) fn of(listens: &Listens) -> Self {
        let (input_rule, input_expression) = match listens.input() {
            InputRule::ByName => ("by_name", None),
            InputRule::Envelope => ("envelope", None),
            InputRule::Expression(source) => ("expression", Some(source.clone())),
        };
        let (kind, provider, endpoint) = match listens {
            Listens::Event(_) => ("event", None, None),
            Listens::Webhook(webhook) => ("webhook", Some(webhook.provider.as_str()), webhook.endpoint.clone()),
        };
        Self {
            kind,
            pattern: listens.pattern().map(ToOwned::to_owned),
            provider,
            endpoint,
            filter: listens.filter().map(ToOwned::to_owned),
            input_rule,
            input_expression,
        }
    }
}

/// The columns in which it is kept who made a trigger.
pub(super) fn source_word(source: Source) -> (&'static str, Option<i32>) {
    match source {
        Source::Declared { place } => ("declared", Some(value::int(place))),
        Source::Made => ("made", None),
    }
}
