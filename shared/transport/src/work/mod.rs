//! Streams of tasks, as schedulers use them: one of run tasks, one of dispatched work.
//!
//! A work queue: a task leaves it when it is acknowledged or deleted. Only fields that nats-server 2.9 knows
//! are used, and what the server made of them is read back, because 2.9 drops what it does not know in silence.

mod api;
mod configuration;
mod kind;
mod look;
mod publish;

pub use configuration::WorkOptions;
pub use kind::Work;
pub use look::{Progress, Stored, StreamIdentity};
pub use publish::{PublishError, Task};

pub(crate) use api::ApiError;
use std::marker::PhantomData;

use async_nats::jetstream::{consumer, stream};
use piton_shared::{
    message::{dispatch::StepTask, task::RunTask},
    name::{Build, Org, Queue},
};
use serde::Serialize;

use crate::bus::Bus;

/// The stream could not be used as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// It does not exist (any more): [`WorkStream::ensure`] makes it.
    #[error("the stream {stream} does not exist")]
    NoStream {
        /// Its name.
        stream: String,
    },
    /// The consumer does not exist (any more): [`WorkStream::ensure_consumer`] makes it.
    #[error("the consumer {consumer} of the stream {stream} does not exist")]
    NoConsumer {
        /// The stream's name.
        stream: String,
        /// The consumer's name.
        consumer: String,
    },
    /// The server has another setting and will not, or cannot, change it.
    #[error("{name} has {field} {found} and needs {wanted}{}", because(refusal.as_deref()))]
    Differs {
        /// Of which stream or consumer.
        name: String,
        /// The first field that differs.
        field: &'static str,
        /// What it has to be.
        wanted: String,
        /// What it is.
        found: String,
        /// What the server said when it was asked to change it.
        refusal: Option<String>,
    },
    /// The server says no.
    #[error("the server refuses {name}: {reason}")]
    Refused {
        /// Which stream or consumer.
        name: String,
        /// In the server's words.
        reason: String,
    },
    /// The server has `JetStream` turned off, for this account at least.
    #[error("JetStream is not enabled on this NATS server: start it with -js")]
    NoJetStream,
    /// No answer in time.
    #[error("no answer about {name} in time")]
    TimedOut {
        /// Which stream or consumer.
        name: String,
    },
    /// There is no connection, or it was lost while waiting.
    #[error("no connection to NATS")]
    Disconnected,
}

fn because(refusal: Option<&str>) -> String {
    refusal.map(|reason| format!(" (the server: {reason})")).unwrap_or_default()
}

/// A handle to a stream of tasks. It goes by name: one made before the server was wiped works again
/// after another [`WorkStream::ensure`], whoever calls it.
#[derive(Debug)]
pub struct WorkStream<T = RunTask> {
    bus: Bus,
    name: String,
    options: WorkOptions,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for WorkStream<T> {
    fn clone(&self) -> Self {
        let Self { bus, name, options, kind } = self;
        Self { bus: bus.clone(), name: name.clone(), options: *options, kind: *kind }
    }
}

#[derive(Serialize)]
struct CreateConsumer<'a> {
    stream_name: &'a str,
    config: &'a consumer::Config,
}

impl WorkStream<RunTask> {
    /// Makes the stream of run tasks, or changes it to these options, and checks what the server made of it. Repeating
    /// it changes nothing.
    pub async fn ensure(bus: &Bus, options: WorkOptions) -> Result<Self, WorkError> {
        Self::make(bus, options).await
    }
}

impl WorkStream<StepTask> {
    /// Likewise the stream of dispatched work.
    pub async fn ensure_steps(bus: &Bus, options: WorkOptions) -> Result<Self, WorkError> {
        Self::make(bus, options).await
    }
}

impl<T: Work> WorkStream<T> {
    async fn make(bus: &Bus, options: WorkOptions) -> Result<Self, WorkError> {
        let name = T::stream(bus.subjects());
        let shown = format!("the stream {name}");
        let this = Self { bus: bus.clone(), name, options, kind: PhantomData };
        let wanted = configuration::stream(&this.name, T::stream_subjects(bus.subjects()), options);
        let update = format!("STREAM.UPDATE.{}", this.name);
        let mut made = api::ask::<_, stream::Info>(bus, &update, &wanted).await;
        if matches!(made, Err(ApiError::NoStream)) {
            let create = format!("STREAM.CREATE.{}", this.name);
            made = api::ask(bus, &create, &wanted).await;
        }
        let (found, refusal) = match made {
            Ok(info) => (info.config, None),
            Err(ApiError::Refused(reason)) => {
                // The field that it will not change says more than the server's number.
                let info = format!("STREAM.INFO.{}", this.name);
                match api::ask::<_, stream::Info>(bus, &info, &api::Nothing {}).await {
                    Ok(info) => (info.config, Some(reason)),
                    Err(_) => {
                        return Err(WorkError::Refused { name: shown, reason });
                    }
                }
            }
            Err(error) => return Err(error.about_stream(&this.name)),
        };
        configuration::check(shown, configuration::stream_fields(&wanted, &found), refusal)?;
        Ok(this)
    }

    /// Makes the stream again, as it was made before: NATS came back empty.
    pub async fn restore(&self) -> Result<(), WorkError> {
        Self::make(&self.bus, self.options).await.map(drop)
    }

    /// Makes the consumer of a queue (and build), or changes it, checks what the server made of it, and
    /// returns its name. Repeating it changes nothing.
    pub async fn ensure_consumer(&self, org: &Org, queue: &Queue, build: Option<&Build>) -> Result<String, WorkError> {
        let name = T::consumer(org, queue, build);
        let filter = T::consumer_filter(self.bus.subjects(), org, queue, build);
        let shown = format!("the consumer {name}");
        let wanted = configuration::consumer(&name, &filter, self.options);
        let subject = format!("CONSUMER.CREATE.{}.{name}.{filter}", self.name);
        let body = CreateConsumer { stream_name: &self.name, config: &wanted };
        let made = api::ask::<_, consumer::Info>(&self.bus, &subject, &body).await;
        let (found, refusal) = match made {
            Ok(info) => (info.config, None),
            Err(ApiError::Refused(reason)) => match self.consumer_info(&name).await {
                Ok(info) => (info.config, Some(reason)),
                Err(_) => {
                    return Err(WorkError::Refused { name: shown, reason });
                }
            },
            Err(error) => return Err(error.about_consumer(&self.name, &name)),
        };
        configuration::check(shown, configuration::consumer_fields(&wanted, &found), refusal)?;
        Ok(name)
    }

    async fn consumer_info(&self, name: &str) -> Result<consumer::Info, WorkError> {
        consumer_info(&self.bus, &self.name, name).await
    }
}

/// Looks a consumer up: also how a [`crate::Puller`] learns whether it is still there.
pub(crate) async fn consumer_info(bus: &Bus, stream: &str, consumer: &str) -> Result<consumer::Info, WorkError> {
    let subject = format!("CONSUMER.INFO.{stream}.{consumer}");
    let info = api::ask(bus, &subject, &api::Nothing {}).await;
    info.map_err(|error: ApiError| error.about_consumer(stream, consumer))
}
