//! Bounds of the HTTP door that nobody else needs; those that others share are in [`piton_shared::limits`].

use std::time::Duration;

/// Connections open at once; one more is closed at once. One peer has at most half of them.
pub(super) const CONNECTIONS: usize = 4096;
/// Connections to the health listener open at once; one more is closed at once.
pub(super) const HEALTH_CONNECTIONS: usize = 256;
/// How long a client of the health listener may take to send a request's head, and how long its connection may be idle.
pub(super) const HEALTH_HEAD: Duration = Duration::from_secs(5);

/// How long the parts of a request may take, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How long a client may take to send a request's head, and how long a connection may be idle: it is closed beyond.
    /// Defaults to 30 s.
    pub head: Duration,
    /// How long a client may take to send a request's body: 408 beyond. Defaults to 20 s.
    pub body: Duration,
    /// How long a provider may take to send a webhook's body, which nobody has vouched for yet: 408 beyond. Defaults to 5 s.
    pub hook_body: Duration,
    /// How long an answer may take, waiting that was asked for apart: 504 beyond. Defaults to 15 s.
    pub answer: Duration,
    /// How many requests of each kind may be under way: 503 beyond. Defaults to a number for each kind.
    pub requests: Option<usize>,
    /// How many connections may be open: one more is closed at once, and one peer has at most half of them. Defaults to 4096.
    pub connections: usize,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            body: Duration::from_secs(20),
            hook_body: Duration::from_secs(5),
            answer: Duration::from_secs(15),
            requests: None,
            connections: CONNECTIONS,
        }
    }
}

// Of the places for requests and streams one org takes at most three quarters, so that others always find some.

/// Requests under way that only read or change; one more is told to come back (503).
pub(super) const BRIEF_REQUESTS: usize = 512;
/// Requests under way that may wait for a run; one more is told to come back (503).
pub(super) const WAITING_REQUESTS: usize = 4096;
/// Requests under way that need no key: health, figures, the reference; one more is told to come back (503).
pub(super) const OPEN_REQUESTS: usize = 64;
/// Followers of runs at once; one more is told to come back (503).
pub(super) const STREAMS: usize = 512;
/// How long a follower is served by one request; then it comes back where it was.
pub(super) const STREAM_LONGEST: Duration = Duration::from_mins(15);
/// How long a stream may say nothing: then it says that it is there.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Between two looks at a run that somebody follows: at first, and at most after several without news.
pub(super) const PROGRESS_REST: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// Rows of a journal that a follower is told before the next are read.
pub(super) const PROGRESS_ROWS: u32 = 32;
/// How long connections may take to finish after the scheduler was told to stop.
pub(super) const DRAIN: Duration = Duration::from_secs(10);
/// What a client is told to wait before it asks again.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a key that was seen to be good is taken to be good. A revoked key works for at most so long.
pub const KEY_MEMORY: Duration = Duration::from_secs(3);
/// Keys remembered at once.
pub(super) const KEYS_REMEMBERED: usize = 1024;
/// Keys whose use waits to be written down; more is dropped, and noted by a later request.
pub(super) const KEY_USES_WAITING: usize = 256;
/// How long a key can be good at most, if it expires at all: ten years.
pub(super) const KEY_LIFETIME: Duration = piton_shared::limits::WAIT;
/// Keys of an org that are listed: the newest.
pub(super) const KEYS_LISTED: u32 = 1000;
/// Workers of an org that are listed.
pub(super) const WORKERS_LISTED: u32 = 1000;
/// Webhooks of an org that are listed.
pub(super) const WEBHOOKS_LISTED: u32 = 1000;
/// Deliveries of webhooks under way; one more is told to come back (503). Whoever knows an address may send
/// some, so one endpoint takes at most half of them.
pub(super) const HOOK_REQUESTS: usize = 128;
/// How long a provider is told to wait while an endpoint is paused.
pub(super) const PAUSED_RETRY: Duration = Duration::from_mins(5);
/// Journal rows that an export reads from the database at once.
pub(super) const JOURNAL_READ: u32 = 128;
/// Failed tries, and waits, that a page of the journal shows of a run.
pub(super) const JOURNAL_SIDE_ROWS: u32 = 500;
/// Bytes of a tag, a reason, a key's name.
pub(super) const TEXT_BYTES: usize = 256;
/// Bytes of a request id that is taken over from the caller.
pub(super) const REQUEST_ID_BYTES: usize = 128;
/// How long a kill waits for the worker's word when the caller names no time.
pub(super) const KILL_CONFIRM: Duration = Duration::from_secs(5);
/// Rows of a page of the journal at most; each may have an input and a result of the largest size.
pub(super) const JOURNAL_PAGE_MAX: u32 = 100;
/// Bytes of payloads in an exported run; a larger one is refused. Its journal's pages show it in parts.
pub(super) const EXPORT_BYTES: usize = 32 * 1024 * 1024;
/// Journals, state and results read, and batches taken, at once: they may be large. One more is told to come back (503).
pub(super) const JOURNAL_REQUESTS: usize = 16;
/// Wrong fields that one answer names.
pub(super) const FAULTS: usize = 50;
/// Values of a page of state at most; each may have the largest size of a payload.
pub(super) const STATE_PAGE_MAX: u32 = 100;
/// Definitions of a page at most; each may have the largest description and many triggers.
pub(super) const DEFINITIONS_PAGE_MAX: u32 = 100;
/// Items of a batch that one request brings at most.
pub(super) const REQUEST_ITEMS: usize = 100_000;
/// Tries that a caller may ask for beyond the first.
pub(super) const RETRIES: u32 = 1000;
/// Bytes of the results that a page of a batch shows; it ends after the result that passes them.
pub(super) const RESULT_BYTES: usize = 8 * 1024 * 1024;
