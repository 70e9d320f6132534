//! A stream of tasks, as a worker uses it.

use std::{marker::PhantomData, pin::pin, time::Duration};

use async_nats::{
    Subscriber,
    jetstream::consumer::{Consumer, pull},
};
use futures::StreamExt as _;
use piton_shared::{
    limits,
    message::{dispatch::StepTask, task::RunTask},
};
use tokio::time::Instant;

use crate::{
    bus::Bus,
    delivery::{Delivery, Heard, hear},
    work::{Work, WorkError, consumer_info},
};

/// How often the server says that a pull still waits there, at most.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// What a heartbeat may be late.
const SLACK: Duration = Duration::from_millis(500);
/// How long [`Puller::close`] waits for what is on its way.
const CLOSE: Duration = Duration::from_secs(1);

/// A pull brought nothing because it could not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PullError {
    /// The consumer or its stream is gone, because NATS was wiped for instance: a scheduler has to make
    /// them anew, which it does when a worker registers.
    #[error("the consumer {consumer} does not exist")]
    Missing {
        /// Its name.
        consumer: String,
    },
    /// The server does not serve the pull now; pull again after a while.
    #[error("the pull from {consumer} was refused: {reason}")]
    Refused {
        /// Its name.
        consumer: String,
        /// In the server's words.
        reason: String,
    },
    /// There is no connection, or it was lost while waiting.
    #[error("no connection to NATS")]
    Disconnected,
}

/// Pulls the tasks of one consumer. Dropped, it may leave one task unacknowledged until
/// [`limits::TASK_ACK_WAIT`] has passed; [`Puller::close`] gives it back at once.
#[derive(Debug)]
pub struct Puller<T = RunTask> {
    bus: Bus,
    stream: String,
    consumer: String,
    inbox: String,
    subscriber: Subscriber,
    pulls: u64,
    open: Option<Open>,
    /// The consumer as it was last seen, and how often the connection had been lost by then.
    seen: Option<(u64, Consumer<pull::Config>)>,
    kind: PhantomData<fn() -> T>,
}

/// A pull that the server has not ended yet.
#[derive(Debug)]
struct Open {
    number: u64,
    left: usize,
    losses: u64,
    quiet_after: Duration,
    heard: Instant,
}

impl Puller<RunTask> {
    /// Prepares to pull runs from a consumer that a scheduler has named. Nothing is asked of the server yet.
    pub async fn open(bus: &Bus, consumer: impl Into<String>) -> Result<Self, PullError> {
        Self::on(bus, consumer.into()).await
    }
}

impl Puller<StepTask> {
    /// Likewise for dispatched work.
    pub async fn open_steps(bus: &Bus, consumer: impl Into<String>) -> Result<Self, PullError> {
        Self::on(bus, consumer.into()).await
    }
}

impl<T: Work> Puller<T> {
    async fn on(bus: &Bus, consumer: String) -> Result<Self, PullError> {
        let inbox = bus.client().new_inbox();
        let subscriber = bus.client().subscribe(format!("{inbox}.*")).await;
        Ok(Self {
            stream: T::stream(bus.subjects()),
            consumer,
            subscriber: subscriber.map_err(|_| PullError::Disconnected)?,
            bus: bus.clone(),
            inbox,
            pulls: 0,
            open: None,
            seen: None,
            kind: PhantomData,
        })
    }

    /// The consumer it pulls from.
    pub fn consumer(&self) -> &str {
        &self.consumer
    }

    /// Waits for tasks, at most `expires` long and until `cancel` is done, and returns what lies there, at
    /// most `max` (and at most [`limits::PULL_TASKS`]): one round trip, and no wait for more once there is
    /// one. Empty when there was none in time.
    ///
    /// After a cancelled pull its rest stays open at the server: what comes is returned by the next one, or
    /// given back by [`Puller::close`]. The same holds when the returned future is dropped before any task
    /// arrived; dropped later, tasks wait for [`limits::TASK_ACK_WAIT`].
    pub async fn pull(
        &mut self,
        max: usize,
        expires: Duration,
        cancel: impl Future<Output = ()>,
    ) -> Result<Vec<Delivery<T>>, PullError> {
        let max = max.clamp(1, limits::PULL_TASKS);
        let mut cancel = pin!(cancel);
        let link = self.bus.link().clone();
        if self.open.as_ref().is_some_and(|open| open.losses != link.losses()) {
            self.open = None;
        }
        if self.open.is_none() {
            self.begin(max, expires).await?;
        }
        let mut tasks = Vec::new();
        while let Some(open) = &mut self.open {
            let heard = tokio::select! {
                biased;
                message = self.subscriber.next() => match message {
                    Some(message) => hear(&self.bus, &self.inbox, open.number, message),
                    None => return self.end(tasks, PullError::Disconnected),
                },
                () = link.lost_after(open.losses) => {
                    return self.end(tasks, PullError::Disconnected);
                }
                () = &mut cancel => return Ok(tasks),
                () = tokio::time::sleep_until(open.heard + open.quiet_after) => {
                    // 2.9 says nothing at all when the consumer is gone.
                    self.open = None;
                    self.seen = None;
                    if tasks.is_empty() {
                        self.look().await?;
                    }
                    return Ok(tasks);
                }
            };
            open.heard = Instant::now();
            match heard {
                Heard::Task(task) => {
                    tasks.push(task);
                    open.left -= 1;
                    if open.left == 0 {
                        self.open = None;
                    }
                    if tasks.len() == max {
                        break;
                    }
                }
                Heard::Heartbeat | Heard::Stale => {}
                Heard::Ended => self.open = None,
                Heard::Missing => return self.end(tasks, self.missing()),
                Heard::Refused(reason) => {
                    let consumer = self.consumer.clone();
                    return self.end(tasks, PullError::Refused { consumer, reason });
                }
            }
        }
        Ok(tasks)
    }

    /// Ends the subscription and gives back what was delivered and not returned yet, so that another worker
    /// gets it at once.
    pub async fn close(mut self) {
        let closing = async {
            if self.subscriber.drain().await.is_err() {
                return;
            }
            while let Some(message) = self.subscriber.next().await {
                if let Heard::Task(task) = hear::<T>(&self.bus, &self.inbox, self.pulls, message) {
                    task.give_back().await.ok();
                }
            }
            self.bus.flush().await.ok();
        };
        tokio::time::timeout(CLOSE, closing).await.ok();
    }

    async fn begin(&mut self, max: usize, expires: Duration) -> Result<(), PullError> {
        let losses = self.bus.link().losses();
        // A server that came back may have come back empty.
        let seen = match self.seen.take() {
            Some((at, consumer)) if at == losses => consumer,
            Some(_) | None => self.look().await?,
        };
        let heartbeat = (expires / 3).min(HEARTBEAT);
        // "No wait" with an end: wait for the first, then take what lies there. Seen on 2.9 to 2.15.
        let request = pull::BatchConfig {
            batch: max,
            expires: Some(expires),
            no_wait: true,
            idle_heartbeat: heartbeat,
            ..pull::BatchConfig::default()
        };
        let number = self.pulls + 1;
        let reply = format!("{}.{number}", self.inbox).into();
        let asked = self.bus.link().while_up(seen.request_batch(request, reply)).await;
        asked
            .map_err(|_| PullError::Disconnected)?
            .map_err(|error| PullError::Refused { consumer: self.consumer.clone(), reason: error.to_string() })?;
        self.pulls = number;
        self.seen = Some((losses, seen));
        self.open = Some(Open { number, left: max, losses, quiet_after: heartbeat * 2 + SLACK, heard: Instant::now() });
        Ok(())
    }

    /// Looks whether the consumer is there.
    async fn look(&self) -> Result<Consumer<pull::Config>, PullError> {
        let found = consumer_info(&self.bus, &self.stream, &self.consumer).await;
        let refused =
            |error: WorkError| PullError::Refused { consumer: self.consumer.clone(), reason: error.to_string() };
        let info = found.map_err(|error| match error {
            WorkError::NoStream { .. } | WorkError::NoConsumer { .. } => self.missing(),
            WorkError::Disconnected => PullError::Disconnected,
            WorkError::Differs { .. }
            | WorkError::Refused { .. }
            | WorkError::NoJetStream
            | WorkError::TimedOut { .. } => refused(error),
        })?;
        Ok(Consumer::new(pull::Config::default(), info, self.bus.jetstream().clone()))
    }

    fn missing(&self) -> PullError {
        PullError::Missing { consumer: self.consumer.clone() }
    }

    /// The pull is over by `why`: what it had brought is returned first.
    fn end(&mut self, tasks: Vec<Delivery<T>>, why: PullError) -> Result<Vec<Delivery<T>>, PullError> {
        self.open = None;
        self.seen = None;
        if tasks.is_empty() { Err(why) } else { Ok(tasks) }
    }
}
