//! What the stream and its consumers are set to, and whether the server did so.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::{self, AckPolicy, DeliverPolicy, ReplayPolicy},
    stream::{self, DiscardPolicy, RetentionPolicy, StorageType},
};
use piton_shared::limits;

use super::WorkError;

/// What an installation may choose of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkOptions {
    /// Copies in a cluster, 1 to 5. Defaults to 1.
    pub replicas: usize,
    /// Tasks at most; more are refused as full. Defaults to [`limits::STREAM_TASKS`].
    pub max_tasks: i64,
    /// How long message ids are remembered. Defaults to [`limits::TASK_DUPLICATE_WINDOW`].
    pub duplicate_window: Duration,
    /// How long a consumer is kept that nobody pulls from. Defaults to [`limits::CONSUMER_IDLE`].
    pub consumer_idle: Duration,
}

impl Default for WorkOptions {
    fn default() -> Self {
        Self {
            replicas: 1,
            max_tasks: limits::STREAM_TASKS,
            duplicate_window: limits::TASK_DUPLICATE_WINDOW,
            consumer_idle: limits::CONSUMER_IDLE,
        }
    }
}

/// No bound per subject: the sweeper publishes a run anew before it deletes the older task. No age: a task
/// whose run is gone is refused at its claim and spent.
pub(super) fn stream(name: &str, subjects: String, options: WorkOptions) -> stream::Config {
    stream::Config {
        name: name.to_owned(),
        subjects: vec![subjects],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_messages: options.max_tasks,
        max_bytes: -1,
        max_messages_per_subject: -1,
        max_message_size: limits::TASK_BYTES,
        max_consumers: -1,
        max_age: Duration::ZERO,
        num_replicas: options.replicas,
        duplicate_window: options.duplicate_window,
        ..stream::Config::default()
    }
}

/// No back-off list: 2.9 refuses one beside unlimited deliveries.
pub(super) fn consumer(name: &str, filter: &str, options: WorkOptions) -> consumer::Config {
    consumer::Config {
        durable_name: Some(name.to_owned()),
        name: Some(name.to_owned()),
        filter_subject: filter.to_owned(),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: limits::TASK_ACK_WAIT,
        max_deliver: -1,
        replay_policy: ReplayPolicy::Instant,
        max_ack_pending: limits::TASK_ACK_PENDING,
        max_waiting: limits::TASK_PULLS,
        num_replicas: options.replicas,
        inactive_threshold: options.consumer_idle,
        ..consumer::Config::default()
    }
}

/// A field, what it has to be, and what it is.
type Field = (&'static str, String, String);

macro_rules! fields {
    ($wanted:ident, $found:ident: $($field:ident),+ $(,)?) => {
        vec![$((stringify!($field), format!("{:?}", $wanted.$field), format!("{:?}", $found.$field))),+]
    };
}

pub(super) fn stream_fields(wanted: &stream::Config, found: &stream::Config) -> Vec<Field> {
    fields!(wanted, found: subjects, retention, storage, discard, max_messages, max_bytes,
        max_messages_per_subject, max_message_size, max_consumers, max_age, num_replicas,
        duplicate_window, discard_new_per_subject, no_ack, sealed, deny_delete, deny_purge)
}

pub(super) fn consumer_fields(wanted: &consumer::Config, found: &consumer::Config) -> Vec<Field> {
    fields!(wanted, found: durable_name, filter_subject, filter_subjects, deliver_subject,
        deliver_policy, ack_policy, ack_wait, max_deliver, max_ack_pending, max_waiting, backoff,
        headers_only, inactive_threshold)
}

pub(super) fn check(name: String, fields: Vec<Field>, refusal: Option<String>) -> Result<(), WorkError> {
    match (fields.into_iter().find(|(_, wanted, found)| wanted != found), refusal) {
        (Some((field, wanted, found)), refusal) => Err(WorkError::Differs { name, field, wanted, found, refusal }),
        (None, Some(reason)) => Err(WorkError::Refused { name, reason }),
        (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_field_that_differs_is_named() {
        let wanted = stream("piton-runs", "piton.run.>".to_owned(), WorkOptions::default());
        let mut found = wanted.clone();
        let name = || "the stream s".to_owned();
        assert_eq!(check(name(), stream_fields(&wanted, &found), None), Ok(()));
        found.retention = RetentionPolicy::Limits;
        let differs = check(name(), stream_fields(&wanted, &found), Some("no".to_owned()));
        let text = differs.expect_err("it differs").to_string();
        assert_eq!(text, "the stream s has retention Limits and needs WorkQueue (the server: no)");
    }

    #[test]
    fn a_consumer_without_its_filter_is_noticed() {
        let wanted = consumer("c", "piton.run.a.b.any.*", WorkOptions::default());
        let mut found = wanted.clone();
        found.filter_subject = String::new();
        let fields = consumer_fields(&wanted, &found);
        assert!(matches!(check("c".to_owned(), fields, None), Err(WorkError::Differs { field: "filter_subject", .. })));
    }
}
