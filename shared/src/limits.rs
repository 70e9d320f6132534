//! Every bound of Piton in one place, with its unit and what happens at it.

use std::time::Duration;

/// Bytes of a name (org, queue, build, workflow, function, step): longer ones are refused where they are given.
pub const NAME_BYTES: usize = 128;
/// Bytes of a step key, scopes included: a call nested deeper parks the run with that reason.
pub const STEP_KEY_BYTES: usize = 1024;
/// Bytes of one encoded payload (input, result): larger ones are refused at encode, naming the call.
pub const PAYLOAD_BYTES: usize = 440 * 1024;
/// Levels of nesting in a payload: deeper ones are refused before they can exhaust a stack.
pub const PAYLOAD_DEPTH: usize = 128;
/// Bytes of one message between scheduler and worker, below NATS' default `max_payload` of 1 MiB.
/// Batches are cut so that they stay under it.
pub const MESSAGE_BYTES: usize = 960 * 1024;
/// Requests that one connection to NATS has under way at once; the next waits, within its own timeout.
pub const REQUESTS_IN_FLIGHT: usize = 4096;
/// Messages of one subscription that wait to be read; the next is dropped, counted and logged.
/// Whoever sent it asks again: nothing that matters travels by core NATS alone.
pub const SUBSCRIPTION_MESSAGES: usize = 16 * 1024;
/// Tasks whose publish waits for its acknowledgement at once; the next of the batch waits for one of them.
pub const PUBLISH_WINDOW: usize = 1024;
/// How long the server may take to acknowledge a published task, and to answer about streams and consumers.
pub const STREAM_ANSWER: Duration = Duration::from_secs(5);
/// Tasks in the stream of all queues together; the next is refused as full and stays in the database.
pub const STREAM_TASKS: i64 = 1_000_000;
/// Bytes of one task with its headers: a task only names its run.
pub const TASK_BYTES: i32 = 16 * 1024;
/// How long the stream remembers the message ids by which it drops repeated publishes.
pub const TASK_DUPLICATE_WINDOW: Duration = Duration::from_mins(2);
/// How long a pulled task waits for its acknowledgement before it is delivered again. It only bridges pull
/// and claim; whether a worker lives is its lease's concern.
pub const TASK_ACK_WAIT: Duration = Duration::from_secs(30);
/// Tasks of one consumer that are delivered and not acknowledged: more than all workers pull at once, or
/// they would hold each other up.
pub const TASK_ACK_PENDING: i64 = 50_000;
/// Pulls that may wait at one consumer, one a worker and queue.
pub const TASK_PULLS: i64 = 8192;
/// How long a consumer is kept that nobody pulls from; tasks stay in the stream, and the next worker of its queue has it
/// made anew.
pub const CONSUMER_IDLE: Duration = Duration::from_hours(7 * 24);
/// Queues that one worker listens on at most: each has up to four consumers, which a registration makes.
pub const WORKER_QUEUES: usize = 64;
/// The longest that anything durable waits: a sleep, a deadline, the delay of a start, a timeout, the delay before another
/// try. Ten years.
pub const WAIT: Duration = Duration::from_hours(10 * 366 * 24);
/// Deliveries of a task that no worker can read, after which it is dropped and left to the sweep.
pub const UNREADABLE_DELIVERIES: u64 = 20;
/// How long such a task waits for its next delivery, at most.
pub const UNREADABLE_WAIT: Duration = Duration::from_secs(30);
/// Tasks of one pull at most.
pub const PULL_TASKS: usize = 1000;

/// Bytes of a failure's message; the rest is cut off, with a note.
pub const FAILURE_MESSAGE_BYTES: usize = 8 * 1024;
/// Causes kept of a failure's chain.
pub const FAILURE_CHAIN: usize = 16;
/// Bytes of a text that a function says about its progress; the rest is cut off.
pub const PROGRESS_BYTES: usize = 1024;
/// Calls a workflow may have open at once; one more parks the run with that reason.
pub const OPEN_CALLS: usize = 100_000;
/// Polls in a row in which a workflow wakes itself and neither asks nor takes anything: then it parks.
pub const IDLE_POLLS: u32 = 10_000;

/// Bytes of an HTTP request's body: 413 beyond.
pub const REQUEST_BODY_BYTES: usize = 4 * 1024 * 1024;
/// How long a request may wait for a run's end; then 202 with a link.
pub const REQUEST_WAIT: Duration = Duration::from_secs(30);
/// Items of one batch at most; the next one parks the run with that reason.
pub const BATCH_ITEMS: u32 = 10_000_000;
/// Items of a batch that are under way at once when the call names no number.
pub const BATCH_CONCURRENCY: u32 = 10;
/// Items of a batch that may be under way at once.
pub const BATCH_CONCURRENCY_MAX: u32 = 10_000;
/// Items of a batch that travel in one append; the rest follows once these are written.
pub const BATCH_CHUNK_ITEMS: usize = 512;
/// Bytes of the items of a batch that travel in one append, each with [`BATCH_ITEM_OVERHEAD`]: room for one payload of any
/// size, and as much again for the rows beside them.
pub const BATCH_CHUNK_BYTES: usize = 448 * 1024;
/// Bytes that an item takes in a message besides its input and its id.
pub const BATCH_ITEM_OVERHEAD: usize = 64;
/// Bytes of an item's id.
pub const BATCH_ITEM_ID_BYTES: usize = 256;
/// Results of a batch that a worker reads at once.
pub const BATCH_RESULTS_PAGE: u32 = 512;
/// Bytes of the name of a value of state.
pub const STATE_NAME_BYTES: usize = 256;
/// Rows of a page when the caller names no number.
pub const PAGE_DEFAULT: u32 = 50;
/// Rows of a page at most; more is refused.
pub const PAGE_MAX: u32 = 500;
/// Lists that a scheduler reads at once; one more waits.
pub const LISTS: usize = 4;
/// Lists of one org that a scheduler reads at once; one more waits, so that one org leaves the others some.
pub const LISTS_OF_ORG: usize = 2;
/// Lists of one org that wait for their turn; one more is told to come back (503).
pub const LISTS_WAITING: usize = 32;
/// How long a list waits for its turn; then its caller is told to come back (503).
pub const LIST_PATIENCE: Duration = Duration::from_secs(2);
/// How long the statement of a list may take; then its caller is told to narrow it (504).
pub const LIST_TIME: Duration = Duration::from_secs(5);
/// Bytes of an idempotency key or a session id.
pub const CALLER_KEY_BYTES: usize = 256;
/// Tags of a run.
pub const TAGS: usize = 32;
/// Definitions of one page that a worker sends.
pub const DEFINITIONS_PAGE: usize = 8;
/// Bytes of the JSON Schema of an input or of a result: a larger one is replaced by `true`, with a warning.
pub const SCHEMA_BYTES: usize = 32 * 1024;
/// Bytes of a definition's description: the rest is cut off.
pub const DESCRIPTION_BYTES: usize = 4 * 1024;
/// How long what a build's workers said of a definition is kept after they said it last, once another build has replaced it.
pub const DEFINITION_KEPT: Duration = Duration::from_hours(30 * 24);
/// Builds of one definition that inputs are checked against: of older ones nothing is refused.
pub const DEFINITION_BUILDS: i64 = 32;
/// Triggers of one workflow that may be declared beside it.
pub const TRIGGERS_DECLARED: usize = 64;
/// Bytes of the name of an event, and of a pattern of such names.
pub const EVENT_NAME_BYTES: usize = 256;
/// Bytes of an expression.
pub const EXPRESSION_BYTES: usize = 4 * 1024;
/// Events of one publish.
pub const EVENTS_PUBLISHED: usize = 500;
/// Events matched with triggers in one turn and written in one transaction; each may start a run for every trigger.
pub const EVENTS_LOOKED: usize = 64;
/// How long a turn of matching may compute before it is the turn of other orgs. What is unfinished goes on in the org's next turn.
pub const MATCHING_TURN: Duration = Duration::from_millis(100);
/// Turns of matching under way in a scheduler; an org has one at most.
pub const MATCHING_TURNS: usize = 2;
/// Events of one org that wait for their turn in a scheduler. Those beyond it are owed, and a sweep brings them.
pub const EVENTS_WAITING: usize = 2048;
/// Events of all orgs together that wait for their turn in a scheduler. Those beyond it are owed, and a sweep brings them.
pub const ALL_EVENTS_WAITING: usize = 65_536;
/// Orgs whose owed events a sweep looks for at a time; the next sweep goes on with the next orgs.
pub const ORGS_SWEPT: usize = 256;
/// How long the answer to a publish waits for the matching of its events; what is not matched by then is `owed`.
pub const MATCHING_AWAITED: Duration = Duration::from_millis(100);
/// Publishes a group commit lets wait, of up to [`EVENTS_PUBLISHED`] events each; beyond that callers are told to come back (503).
pub const PUBLISHES_WAITING: usize = 1024;
/// Triggers of an org that may be made by the API, beside those that are declared.
pub const TRIGGERS_MADE: usize = 1000;
/// How long events and what they started are kept.
pub const EVENTS_KEPT: Duration = Duration::from_hours(7 * 24);
/// Bytes of a webhook's body: 413 beyond.
pub const WEBHOOK_BODY_BYTES: usize = 1024 * 1024;
/// How far the time that a webhook was signed at may lie from now, unless its endpoint says otherwise.
pub const WEBHOOK_TOLERANCE: Duration = Duration::from_mins(5);
/// Secrets of one endpoint that are good at once.
pub const WEBHOOK_SECRETS: usize = 8;
/// Bytes of a webhook's secret at least: who has seen one delivery can try out shorter ones until one fits. Longer than any
/// provider's is refused too.
pub const WEBHOOK_SECRET_BYTES: std::ops::RangeInclusive<usize> = 16..=512;
/// How long a webhook waits for its answer once its body is there; then its provider is told to come back. Slack waits 3 s.
pub const WEBHOOK_ANSWER: Duration = Duration::from_millis(2500);
/// The largest tolerance that an endpoint can have.
pub const WEBHOOK_TOLERANCE_MAX: Duration = Duration::from_hours(24);
/// Patterns of events that an endpoint can have.
pub const WEBHOOK_PATTERNS: usize = 64;
/// Refused deliveries of an endpoint that a scheduler puts on record in an hour; more are only counted.
pub const WEBHOOK_REFUSED_KEPT: u32 = 60;
/// Verified deliveries of an endpoint that start nothing, and that a scheduler puts on record in an hour; more are only
/// counted.
pub const WEBHOOK_OTHERS_KEPT: u32 = 600;
/// Missed firings of a schedule that are caught up at most, the newest.
pub const CATCH_UP: usize = 100;
/// Missed firings of a schedule that are counted; of more it is only known that there were as many.
pub const MISSED_COUNTED: usize = 1000;
/// How late a firing may be and still be on time. One that is later was missed: what is done about it says the catch-up policy.
pub const FIRING_GRACE: Duration = Duration::from_secs(10);
/// Bytes of a cron expression.
pub const CRON_BYTES: usize = 256;
/// The longest time that firings of a schedule may be put off.
pub const JITTER: Duration = Duration::from_hours(24);
/// Schedules that one commit fires; the rest comes with the next, at once.
pub const SCHEDULES_FIRED: i64 = 50;
/// How long a scheduler does not look for schedules that others made, and for runs that ended and that a firing waits for.
pub const SCHEDULE_POLL: Duration = Duration::from_secs(1);
/// How long it is kept what a schedule fired.
pub const FIRINGS_KEPT: Duration = Duration::from_hours(30 * 24);
/// Schedules of an org.
pub const SCHEDULES: i64 = 10_000;
/// Firings to come that are computed for one request.
pub const FIRINGS_AHEAD: usize = 100;
/// How long a start's idempotency key is remembered.
pub const DEDUPE_WINDOW: Duration = Duration::from_hours(7 * 24);

/// How often a worker says that it lives.
pub const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long a worker is taken to live after a heartbeat, by the database's clock.
pub const LEASE: Duration = Duration::from_millis(2500);
/// How long a worker's row is kept after its end. What its runs were told keeps its id.
pub const WORKER_KEPT: Duration = Duration::from_hours(7 * 24);
/// How long a worker whose heartbeats nobody acknowledges hopes to go on with what it holds. Then it begins anew under
/// another id: schedulers may have forgotten the old one, and would take it for a new worker's.
pub const WORKER_HOPES: Duration = Duration::from_hours(24);
/// How long a transaction of a scheduler may stand still, wait for a lock, or wait for its peer to take what was sent: what a
/// scheduler that froze had locked is free again before the leases end that others could not renew meanwhile.
pub const TRANSACTION_STANDS: Duration = Duration::from_millis(1500);
/// What a worker takes off its lease for the drift of clocks and its own delays.
pub const LEASE_MARGIN: Duration = Duration::from_millis(250);
/// How long a grant may be begun, counted by the worker's clock from when it sent the heartbeat that the grant names, or the
/// claim that was answered. The worker claims a later one again, under the same attempt or hold. With heartbeats further
/// apart than this most direct grants are claimed again.
pub const GRANT_VALID: Duration = Duration::from_millis(1500);
/// How long after its grant, by the database's clock, a worker is asked whether it knows what it is said to hold. What it does
/// not know goes to others, so no grant may be good for as long.
pub const HOLD_ASKED: Duration = Duration::from_secs(2);
/// The longest wait between two tries to reach NATS again, before it is spread. While workers look for NATS no lease is ended.
pub const RECONNECT_WAIT: Duration = Duration::from_millis(500);
/// How often a scheduler looks for what is overdue.
pub const SWEEP: Duration = Duration::from_millis(250);
/// How long a run stays in its worker's memory after it began to wait.
pub const SUSPEND_GRACE: Duration = Duration::from_millis(500);
/// Waits up to this long between tries are kept in memory; longer ones become timers.
pub const RETRY_IN_MEMORY: Duration = Duration::from_secs(5);
/// How long a worker that was told to stop lets its functions finish.
pub const DRAIN: Duration = Duration::from_secs(30);
/// Runs a worker holds at once.
pub const RUN_SLOTS: u32 = 1000;
/// Functions a worker executes at once.
pub const STEP_SLOTS: u32 = 100;
/// Ends of its worker's lease in a row after which a run is parked, if it was alone the last time. From the last but one on a
/// run is a suspect: few of them are together, and the last one is alone. Of work that was given away: after which its run is
/// parked, or the item of a batch fails.
pub const STRIKES: u32 = 3;
/// Published runs a queue holds at least before the rest waits in the backlog.
pub const QUEUE_DEPTH: u32 = 64;

/// Rows one commit takes at most; the rest goes with the next.
pub const COMMIT_ROWS: usize = 1024;
/// Bytes that weigh as much as a row where a commit's rows are counted: its statement stays below some megabytes.
pub const COMMIT_ROW_BYTES: usize = 16 * 1024;
/// Requests a group commit lets wait; beyond that callers are told to come back (503).
pub const COMMIT_WAITING: usize = 16 * 1024;
/// Journal rows of a page that a worker reads when it resumes a run.
pub const JOURNAL_PAGE: u32 = 512;
/// Runs of one claim, or of one message that hands runs back, at most.
pub const CLAIM_RUNS: usize = 1024;
/// Dispatched steps of one claim at most: their grants without inputs fit into a message.
pub const CLAIM_STEPS: usize = 512;
/// Rows a sweep takes of each kind; the rest comes with the next sweep.
pub const SWEEP_ROWS: i64 = 500;
/// Timers one commit fires; the rest comes with the next, at once. The statement compares what it fires with each other:
/// larger rounds take longer for each timer.
pub const FIRE_ROWS: i64 = 100;

/// Changes of schedules that a scheduler makes at once; more wait for their turn. They wait for locks, and other callers need
/// their connections.
pub const SCHEDULE_CHANGES: usize = 2;

// A lease must outlive several lost heartbeats, and the margin must leave something of it.
const _: () = assert!(LEASE.as_millis() >= 4 * HEARTBEAT.as_millis());
const _: () = assert!(TRANSACTION_STANDS.as_millis() + 2 * HEARTBEAT.as_millis() <= LEASE.as_millis());
const _: () = assert!(LEASE_MARGIN.as_millis() * 2 < LEASE.as_millis());
// A grant that survives one lost heartbeat is over before what it gave can be given to another, also where clocks drift.
const _: () = assert!(GRANT_VALID.as_millis() >= 3 * HEARTBEAT.as_millis());
const _: () = assert!(GRANT_VALID.as_millis() + LEASE_MARGIN.as_millis() <= HOLD_ASKED.as_millis());
// No worker may come back under an id that was forgotten.
const _: () = assert!(2 * WORKER_HOPES.as_secs() < WORKER_KEPT.as_secs());
// All workers together may pull what is pending, each at least something.
const _: () = assert!(TASK_ACK_PENDING as usize >= 10 * PULL_TASKS);
// A row carries an input and a result: both must fit into a message with room for what travels beside them.
const _: () = assert!(2 * PAYLOAD_BYTES + 64 * 1024 < MESSAGE_BYTES);
// A chunk holds any one item, and fits beside a row.
const _: () = assert!(PAYLOAD_BYTES + BATCH_ITEM_ID_BYTES + BATCH_ITEM_OVERHEAD <= BATCH_CHUNK_BYTES);
const _: () = assert!(BATCH_CHUNK_BYTES + PAYLOAD_BYTES + 64 * 1024 < MESSAGE_BYTES);
const _: () = assert!(PAGE_DEFAULT <= PAGE_MAX);
// One org's lists leave others some.
const _: () = assert!(LISTS_OF_ORG < LISTS);
