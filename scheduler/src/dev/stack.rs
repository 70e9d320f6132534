//! Starting and stopping the whole, in order.

use std::{io, num::NonZeroU8, path::PathBuf};

use piton_devstack::{Stack, StackOptions, Tcp, default_root};
use sqlx::{Postgres, migrate::MigrateDatabase};

use super::{
    banner::Places,
    door::{Door, DoorError},
    port,
};
use crate::{
    api::Access,
    server::SchedulerOptions,
    store::{Store, StoreError, StoreOptions},
};

/// The database within the private Postgres.
const DATABASE: &str = "piton";

/// How the stack is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevOptions {
    /// Where its data lives. Defaults to a folder of the user's; two stacks side by side want two.
    pub data: Option<PathBuf>,
    /// The port of the first scheduler's API. Defaults to 7070, or any when that is taken.
    pub port: Option<u16>,
    /// The port of Postgres. Defaults to 7072, or any when that is taken.
    pub postgres_port: Option<u16>,
    /// The port of NATS. Defaults to 7071, or any when that is taken.
    pub nats_port: Option<u16>,
    /// How many schedulers run, each with an API of its own. Defaults to 1.
    pub schedulers: NonZeroU8,
}

impl Default for DevOptions {
    fn default() -> Self {
        Self { data: None, port: None, postgres_port: None, nats_port: None, schedulers: NonZeroU8::MIN }
    }
}

/// Why the stack is not there.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// A server of its own: the text says what to do.
    #[error(transparent)]
    Stack(#[from] piton_devstack::Error),
    /// The API's port.
    #[error("cannot listen on port {port} of this machine")]
    Port {
        /// Which; 0 for any.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// The database could not be made.
    #[error("failed to make the database")]
    Database(#[source] sqlx::Error),
    /// The schema could not be made.
    #[error("failed to bring the schema up to date")]
    Schema(#[source] StoreError),
    /// A scheduler.
    #[error(transparent)]
    Door(#[from] DoorError),
}

impl DevOptions {
    /// Where the data lives, or will.
    pub fn root(&self) -> Result<PathBuf, DevError> {
        match &self.data {
            Some(data) => Ok(data.clone()),
            None => Ok(default_root()?),
        }
    }

    /// Deletes the data. Refused while the stack runs, and for a folder that is no stack's.
    pub async fn reset(&self) -> Result<(), DevError> {
        Ok(Stack::reset(self.root()?).await?)
    }
}

/// A running stack. Dropped, it leaves nothing behind either, but in no order.
pub struct Dev {
    // Before the servers, so that a drop ends schedulers first.
    doors: Vec<Door>,
    stack: Stack,
    places: Places,
}

impl Dev {
    /// Starts everything, and makes what is missing. What was started is stopped again when the rest fails.
    pub async fn start(options: &DevOptions) -> Result<Self, DevError> {
        let stack = servers(options).await?;
        let mut doors = Vec::new();
        match open(&stack, options, &mut doors).await {
            Ok(()) => {
                let places = places(&stack, &doors);
                Ok(Self { doors, stack, places })
            }
            Err(error) => {
                stop(doors, stack).await?;
                Err(error)
            }
        }
    }

    /// Where everything is.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Waits until the API of a scheduler is not served any more though nobody stopped it; [`stop`](Self::stop) then says why.
    pub async fn ended(&self) {
        // There is one at least.
        futures::future::select_all(self.doors.iter().map(|door| Box::pin(door.ended()))).await;
    }

    /// Stops the schedulers, then the servers. The data stays.
    pub async fn stop(self) -> Result<(), DevError> {
        stop(self.doors, self.stack).await
    }
}

/// The servers, on the usual ports where they are free. Free is what they were a moment ago: when another stack was
/// faster they take any port, unless one was asked for.
async fn servers(options: &DevOptions) -> Result<Stack, DevError> {
    let wanted = StackOptions {
        postgres: port::prefer(options.postgres_port, port::POSTGRES).await.map_or(Tcp::AnyPort, Tcp::Port),
        nats_port: port::prefer(options.nats_port, port::NATS).await,
        ..StackOptions::new(options.root()?)
    };
    let usual = options.postgres_port.is_none() && options.nats_port.is_none();
    match Stack::start(wanted).await {
        Err(piton_devstack::Error::Ended { .. }) if usual => {
            let any = StackOptions { postgres: Tcp::AnyPort, nats_port: None, ..StackOptions::new(options.root()?) };
            Ok(Stack::start(any).await?)
        }
        started => Ok(started?),
    }
}

async fn open(stack: &Stack, options: &DevOptions, doors: &mut Vec<Door>) -> Result<(), DevError> {
    let database = stack.postgres().url_of(DATABASE);
    migrate(&database).await?;
    for number in 0..options.schedulers.get() {
        let (asked, usual) = if number == 0 { (options.port, port::API) } else { (None, 0) };
        let listener =
            port::listen(asked, usual).await.map_err(|source| DevError::Port { port: asked.unwrap_or(0), source })?;
        let options = SchedulerOptions::new(&*database, stack.nats().url());
        doors.push(Door::open(listener, None, Access::OpenOnLoopback, options).await?);
    }
    Ok(())
}

async fn migrate(database: &str) -> Result<(), DevError> {
    if !Postgres::database_exists(database).await.map_err(DevError::Database)? {
        Postgres::create_database(database).await.map_err(DevError::Database)?;
    }
    let store = Store::connect(&StoreOptions::new(database)).await.map_err(DevError::Schema)?;
    let migrated = store.migrate().await;
    store.close().await;
    migrated.map_err(DevError::Schema)
}

fn places(stack: &Stack, doors: &[Door]) -> Places {
    let postgres = stack.postgres();
    Places {
        urls: doors.iter().map(|door| format!("http://{}", door.address())).collect(),
        nats_url: stack.nats().url(),
        database_url: postgres.tcp_url_of(DATABASE).unwrap_or_else(|| postgres.url_of(DATABASE)),
        data: stack.root().to_owned(),
    }
}

async fn stop(doors: Vec<Door>, stack: Stack) -> Result<(), DevError> {
    let closed = futures::future::join_all(doors.into_iter().map(Door::close)).await;
    stack.stop().await?;
    closed.into_iter().collect::<Result<(), _>>()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_stack_whose_api_has_died_ends_and_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let two = NonZeroU8::new(2).expect("it is not zero");
        let any = Some(0);
        let options = DevOptions {
            data: Some(folder.path().join("stack")),
            port: any,
            postgres_port: any,
            nats_port: any,
            schedulers: two,
        };
        let stack = Dev::start(&options).await.expect("it starts");
        assert_eq!(stack.ended().now_or_never(), None, "both are served");
        stack.doors[1].serving.abort();
        tokio::time::timeout(Duration::from_secs(20), stack.ended()).await.expect("it is noticed");
        let stopped = stack.stop().await;
        assert!(matches!(stopped, Err(DevError::Door(DoorError::Died))), "{stopped:?}");
    }
}
