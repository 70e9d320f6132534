//! What a scheduler is told.

use std::{fmt, time::Duration};

use piton_shared::limits;
use piton_transport::{NatsAuth, shown_url};

/// What a scheduler is told. Its `Debug` shows no secret.
#[derive(Clone)]
pub struct SchedulerOptions {
    /// Where Postgres is, as a URL.
    pub database_url: String,
    /// Where NATS is, as a URL.
    pub nats_url: String,
    /// How to log in there, beside what the URL says. Defaults to nothing.
    pub nats_auth: NatsAuth,
    /// The prefix of every subject; tells installations on one NATS apart. Defaults to `piton`.
    pub nats_prefix: String,
    /// How long a worker is taken to live after a heartbeat. Defaults to [`limits::LEASE`].
    pub lease: Duration,
    /// How often workers say that they live. Defaults to [`limits::HEARTBEAT`].
    pub heartbeat: Duration,
    /// How often to look for what is overdue. Defaults to [`limits::SWEEP`].
    pub sweep: Duration,
    /// How long a publish may stay unclaimed before it is looked into. Defaults to 2 s.
    pub patience: Duration,
    /// How long idempotency keys are remembered. Defaults to [`limits::DEDUPE_WINDOW`].
    pub dedupe_window: Duration,
    /// How long the answer to a publish waits for the matching. Defaults to [`limits::MATCHING_AWAITED`].
    pub matching_awaited: Duration,
    /// Whether to hand runs straight to workers that have room. Defaults to yes.
    pub direct_grants: DirectGrants,
}

/// Whether runs are handed straight to workers that have room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectGrants {
    /// They are: a run is inserted already held.
    On,
    /// Every run takes the road over the stream.
    Off,
}

impl SchedulerOptions {
    /// The defaults for a database and a NATS.
    pub fn new(database_url: impl Into<String>, nats_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            nats_url: nats_url.into(),
            nats_auth: NatsAuth::default(),
            nats_prefix: "piton".into(),
            lease: limits::LEASE,
            heartbeat: limits::HEARTBEAT,
            sweep: limits::SWEEP,
            patience: Duration::from_secs(2),
            dedupe_window: limits::DEDUPE_WINDOW,
            matching_awaited: limits::MATCHING_AWAITED,
            direct_grants: DirectGrants::On,
        }
    }
}

impl fmt::Debug for SchedulerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerOptions")
            .field("nats_url", &shown_url(&self.nats_url))
            .field("nats_auth", &self.nats_auth)
            .field("nats_prefix", &self.nats_prefix)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
