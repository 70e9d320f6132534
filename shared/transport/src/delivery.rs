//! What the server sends to a pull: tasks, and words about the pull itself.

use std::time::Duration;

use async_nats::{Message, StatusCode, Subject, jetstream};
use piton_shared::message::{
    envelope::{self, EnvelopeError},
    task::RunTask,
};

use crate::{bus::Bus, error::SendError, work::Work};

/// A task that was delivered. Unless it is acknowledged or given back it is delivered again after
/// [`piton_shared::limits::TASK_ACK_WAIT`].
#[derive(Debug)]
pub struct Delivery<T = RunTask> {
    /// The task. What cannot be read may be one of a newer build, for another worker.
    pub task: Result<T, EnvelopeError>,
    /// Its number in the stream.
    pub sequence: u64,
    /// How often it was delivered, this time included. Starts anew when the consumer is made anew: it says
    /// nothing about whether somebody holds the run.
    pub delivered_count: u64,
    reply: Subject,
    bus: Bus,
}

impl<T> Delivery<T> {
    /// Takes it off the queue. Handed to the connection and not waited for: if it is lost the task comes
    /// again, and its claim is refused.
    pub async fn ack(&self) -> Result<(), SendError> {
        self.bus.publish_raw(&self.reply, b"+ACK".to_vec()).await
    }

    /// Lets it be delivered again after a while.
    pub async fn give_back_after(&self, delay: Duration) -> Result<(), SendError> {
        let body = format!("-NAK {{\"delay\": {}}}", delay.as_nanos());
        self.bus.publish_raw(&self.reply, body.into_bytes()).await
    }

    /// Lets it be delivered again at once, to whoever pulls next.
    pub async fn give_back(&self) -> Result<(), SendError> {
        self.bus.publish_raw(&self.reply, b"-NAK".to_vec()).await
    }
}

/// A message on a puller's inbox, understood.
#[derive(Debug)]
pub(crate) enum Heard<T> {
    Task(Delivery<T>),
    Heartbeat,
    Ended,
    Missing,
    Refused(String),
    /// Of an earlier pull, or nothing of ours.
    Stale,
}

/// What the server may say about a pull; the numbers are those of its protocol.
pub(crate) fn hear<T: Work>(bus: &Bus, inbox: &str, pull: u64, message: Message) -> Heard<T> {
    if let Some(status) = message.status.filter(|status| *status != StatusCode::OK) {
        let of_this_pull = message
            .subject
            .strip_prefix(inbox)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|number| number.parse() == Ok(pull));
        let reason = message.description.unwrap_or_default();
        return if of_this_pull { about_the_pull(status, &reason) } else { Heard::Stale };
    }
    let message = jetstream::Message { message, context: bus.jetstream().clone() };
    let place = message.info().map(|info| (info.stream_sequence, info.delivered));
    match (place, &message.reply) {
        (Ok((sequence, delivered)), Some(reply)) => Heard::Task(Delivery {
            task: envelope::open(&message.payload),
            sequence,
            delivered_count: u64::try_from(delivered).unwrap_or(0),
            reply: reply.clone(),
            bus: bus.clone(),
        }),
        (Ok(_) | Err(_), _) => Heard::Stale,
    }
}

fn about_the_pull<T>(status: StatusCode, reason: &str) -> Heard<T> {
    match status {
        StatusCode::IDLE_HEARTBEAT => Heard::Heartbeat,
        StatusCode::TIMEOUT | StatusCode::NOT_FOUND => Heard::Ended,
        StatusCode::NO_RESPONDERS => Heard::Missing,
        _ if reason.eq_ignore_ascii_case("consumer deleted") => Heard::Missing,
        _ if reason.eq_ignore_ascii_case("leadership change") => Heard::Ended,
        _ => Heard::Refused(format!("{status} {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_about_a_pull() {
        let hear = |code: u16, reason: &str| {
            let status = StatusCode::from_u16(code).expect("a status of the protocol");
            format!("{:?}", about_the_pull::<RunTask>(status, reason))
        };
        assert_eq!(hear(100, "Idle Heartbeat"), "Heartbeat");
        assert_eq!(hear(404, "No Messages"), "Ended");
        assert_eq!(hear(408, "Request Timeout"), "Ended");
        assert_eq!(hear(409, "Consumer Deleted"), "Missing");
        assert_eq!(hear(503, ""), "Missing");
        assert_eq!(hear(409, "Exceeded MaxWaiting"), r#"Refused("409 Exceeded MaxWaiting")"#);
    }
}
