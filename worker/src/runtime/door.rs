//! Asking schedulers: the one this worker is at home with, and any other when that one is silent.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use piton_shared::{
    ids::SchedulerId,
    message::{Answer, Refusal},
    name::Org,
    subject::Method,
};
use piton_telemetry::metrics::{RequestOutcome, Retried, WorkerMetrics};
use piton_transport::{Bus, Reconnect, RequestError};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Notify;

use super::clock::steady;

/// The waits between tries while nobody serves a request.
const AGAIN: Reconnect = Reconnect { initial: Duration::from_millis(25), max: Duration::from_secs(1) };

/// Tries after which it is said that nobody serves a request.
const LOUD: usize = 4;

/// The scheduler that a worker is at home with: the one that registered it last.
#[derive(Debug, Default)]
pub(super) struct Home {
    scheduler: Mutex<Option<SchedulerId>>,
    /// It fell silent, or the queues are gone: register again, with the same id.
    pub(super) lost: Notify,
}

impl Home {
    pub(super) fn set(&self, scheduler: SchedulerId) {
        *self.scheduler.lock() = Some(scheduler);
    }

    fn get(&self) -> Option<SchedulerId> {
        *self.scheduler.lock()
    }

    fn lose(&self, silent: SchedulerId) {
        let mut scheduler = self.scheduler.lock();
        if *scheduler == Some(silent) {
            *scheduler = None;
            self.lost.notify_one();
        }
    }
}

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unserved {
    /// Not now. Whether it was done is not known; every request may be repeated.
    #[error("{0}")]
    Unavailable(String),
    /// No answer. The same holds.
    #[error(transparent)]
    Silent(RequestError),
    /// It cannot be sent as it is.
    #[error(transparent)]
    Unsendable(RequestError),
    /// It will never be served.
    #[error(transparent)]
    Refused(Refusal),
}

impl Unserved {
    /// Whether the same request may be served later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Silent(_) => true,
            Self::Unsendable(_) | Self::Refused(_) => false,
        }
    }

    /// What is so, in a few words for the log.
    fn why(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "a scheduler answers that it cannot do this now",
            Self::Silent(RequestError::NoResponders { .. }) => "no scheduler serves this",
            Self::Silent(RequestError::Disconnected { .. }) => "NATS is away",
            Self::Silent(
                RequestError::TimedOut { .. }
                | RequestError::Busy { .. }
                | RequestError::Envelope { .. }
                | RequestError::TooLarge { .. }
                | RequestError::Subject { .. },
            ) => "no scheduler has answered in time",
            Self::Unsendable(_) | Self::Refused(_) => "the request is not served",
        }
    }
}

/// Asks schedulers. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub(super) bus: Bus,
    pub(super) org: Org,
    pub(super) home: Arc<Home>,
    pub(super) metrics: WorkerMetrics,
}

impl Door {
    /// Asks once: the scheduler at home, and any if that one is silent. The timeout is for each.
    pub(super) async fn ask<Q, A>(&self, method: Method, question: &Q, timeout: Duration) -> Result<A, Unserved>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        self.ask_since(method, question, timeout).await.map(|(answer, _)| answer)
    }

    /// As [`Door::ask`]. Returns also a moment of the steady clock just before the request was sent that was answered.
    pub(super) async fn ask_since<Q, A>(
        &self,
        method: Method,
        question: &Q,
        timeout: Duration,
    ) -> Result<(A, Duration), Unserved>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        if let Some(home) = self.home.get() {
            let subject = self.bus.subjects().ask_at(home, &self.org, method);
            match self.ask_on(&subject, method, question, timeout).await {
                Err(Unserved::Silent(RequestError::NoResponders { .. } | RequestError::TimedOut { .. })) => {
                    self.home.lose(home);
                }
                answered => return answered,
            }
        }
        self.ask_any_since(method, question, timeout).await
    }

    /// Asks once, whichever scheduler hears it.
    pub(super) async fn ask_any<Q, A>(&self, method: Method, question: &Q, timeout: Duration) -> Result<A, Unserved>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        self.ask_any_since(method, question, timeout).await.map(|(answer, _)| answer)
    }

    async fn ask_any_since<Q, A>(
        &self,
        method: Method,
        question: &Q,
        timeout: Duration,
    ) -> Result<(A, Duration), Unserved>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        let subject = self.bus.subjects().ask(&self.org, method);
        self.ask_on(&subject, method, question, timeout).await
    }

    /// Asks until it is served or refused, with growing waits. Cancel it by dropping.
    pub(super) async fn insist<Q, A>(&self, method: Method, question: &Q, timeout: Duration) -> Result<A, Unserved>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        self.insist_since(method, question, timeout).await.map(|(answer, _)| answer)
    }

    /// As [`Door::insist`]. Returns also a moment of the steady clock before the request was sent that was answered.
    pub(super) async fn insist_since<Q, A>(
        &self,
        method: Method,
        question: &Q,
        timeout: Duration,
    ) -> Result<(A, Duration), Unserved>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        let mut tries = 0;
        let mut last = None;
        loop {
            // The scheduler at home may be the only one that cannot serve it now.
            let served = match last {
                Some(Unserved::Unavailable(_)) if tries % 2 == 1 => self.ask_any_since(method, question, timeout).await,
                Some(_) | None => self.ask_since(method, question, timeout).await,
            };
            match served {
                Err(unserved) if unserved.may_pass() => {
                    tries += 1;
                    self.metrics.retries.at(Retried::Request).inc();
                    // One line for each doubling.
                    if tries >= LOUD && tries.is_power_of_two() {
                        let error = &unserved as &dyn std::error::Error;
                        tracing::warn!(error, method = method.as_str(), tries, "{}: it is tried again", unserved.why());
                    }
                    tokio::time::sleep(AGAIN.delay(tries)).await;
                    last = Some(unserved);
                }
                served => return served,
            }
        }
    }

    async fn ask_on<Q, A>(
        &self,
        subject: &str,
        method: Method,
        question: &Q,
        timeout: Duration,
    ) -> Result<(A, Duration), Unserved>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        let sent = steady();
        let trace = piton_telemetry::trace::current_traceparent();
        let answered = self.bus.request::<Q, Answer<A>>(subject, question, timeout, trace.as_deref()).await;
        let (outcome, served) = match answered {
            Ok(Answer::Done(answer)) => (RequestOutcome::Done, Ok((answer, sent))),
            Ok(Answer::Refused(refusal)) => (RequestOutcome::Refused, Err(Unserved::Refused(refusal))),
            Ok(Answer::Unavailable { reason }) => (RequestOutcome::Unavailable, Err(Unserved::Unavailable(reason))),
            Err(error) => {
                let outcome = outcome_of(&error);
                let unserved = match &error {
                    RequestError::NoResponders { .. }
                    | RequestError::TimedOut { .. }
                    | RequestError::Busy { .. }
                    | RequestError::Disconnected { .. } => Unserved::Silent(error),
                    RequestError::Envelope { .. } | RequestError::TooLarge { .. } | RequestError::Subject { .. } => {
                        Unserved::Unsendable(error)
                    }
                };
                (outcome, Err(unserved))
            }
        };
        self.metrics.requests.at(method).at(outcome).inc();
        served
    }
}

fn outcome_of(error: &RequestError) -> RequestOutcome {
    match error {
        RequestError::NoResponders { .. } => RequestOutcome::NoResponders,
        RequestError::TimedOut { .. } | RequestError::Busy { .. } => RequestOutcome::TimedOut,
        RequestError::Disconnected { .. } => RequestOutcome::Disconnected,
        RequestError::Envelope { .. } | RequestError::TooLarge { .. } | RequestError::Subject { .. } => {
            RequestOutcome::Refused
        }
    }
}
