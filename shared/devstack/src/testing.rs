//! Servers for the integration tests of other crates.
//!
//! Tests make their own databases, by SQL, from a template of their own: names come from [`database_name`], addresses
//! from [`TestPostgres::url_of`]. Run a whole test run under `with-postgres` and all its processes share one Postgres;
//! without it each process starts one.

use std::env;
use std::ops::{Deref, DerefMut};

use tokio::sync::OnceCell;

use crate::error::Error;
use crate::nats::{Nats, NatsOptions};
use crate::postgres::{Postgres, PostgresOptions};
use crate::scratch;

/// The address of a maintenance database in which tests may make databases.
pub const TEST_POSTGRES: &str = "PITON_TEST_POSTGRES";

static SHARED: OnceCell<TestPostgres> = OnceCell::const_new();

/// The Postgres that the tests of this process share.
#[derive(Debug)]
pub struct TestPostgres {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Given(String),
    /// Its watchdog stops it when the process ends.
    Private(Box<Postgres>),
}

impl TestPostgres {
    /// The one that [`TEST_POSTGRES`] names, or else a throw-away one, which goes with this process.
    ///
    /// # Errors
    /// As of [`Postgres::start`].
    pub async fn shared() -> Result<&'static Self, Error> {
        SHARED
            .get_or_try_init(async || {
                let source = match env::var(TEST_POSTGRES) {
                    Ok(url) if !url.is_empty() => Source::Given(url),
                    Ok(_) | Err(_) => Source::Private(Box::new(Postgres::start(PostgresOptions::throwaway()).await?)),
                };
                Ok(Self { source })
            })
            .await
    }

    /// The address of the maintenance database.
    pub fn url(&self) -> String {
        match &self.source {
            Source::Given(url) => url.clone(),
            Source::Private(postgres) => postgres.url(),
        }
    }

    /// The address of a database on the same server, whether it exists or not.
    pub fn url_of(&self, database: &str) -> String {
        match &self.source {
            Source::Given(url) => with_database(url, database),
            Source::Private(postgres) => postgres.url_of(database),
        }
    }
}

/// A name that no other database has: the label in small letters, digits and underscores, at most 40 of them, then
/// something random. Needs no quotes in SQL.
pub fn database_name(label: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }
    };
    let label: String = label.chars().map(plain).take(40).collect();
    format!("t_{label}_{}", scratch::random_hex(6))
}

/// The URL with another database in its path.
fn with_database(url: &str, database: &str) -> String {
    let (address, parameters) = url.find('?').map_or((url, ""), |at| url.split_at(at));
    let authority = address.find("://").map_or(0, |at| at + "://".len());
    let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
    format!("{}/{database}{parameters}", &address[..end])
}

/// A NATS for one test, with everything that [`Nats`] can do.
#[derive(Debug)]
pub struct TestNats(Nats);

impl TestNats {
    /// A throw-away one, with an empty `JetStream`.
    ///
    /// # Errors
    /// As of [`Nats::start`].
    pub async fn start() -> Result<Self, Error> {
        Nats::start(NatsOptions::throwaway()).await.map(Self)
    }

    /// As [`Nats::stop`]; dropping it stops it too, a little later.
    ///
    /// # Errors
    /// As of [`Nats::stop`].
    pub async fn stop(self) -> Result<(), Error> {
        self.0.stop().await
    }
}

impl Deref for TestNats {
    type Target = Nats;

    fn deref(&self) -> &Nats {
        &self.0
    }
}

impl DerefMut for TestNats {
    fn deref_mut(&mut self) -> &mut Nats {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{database_name, with_database};

    #[test]
    fn only_the_database_of_an_address_changes() {
        for (url, expected) in [
            ("postgres://u:p@h:1/postgres", "postgres://u:p@h:1/x"),
            ("postgres://u@h/postgres?host=/a/b", "postgres://u@h/x?host=/a/b"),
            ("postgres://h", "postgres://h/x"),
            ("postgresql://h?sslmode=disable", "postgresql://h/x?sslmode=disable"),
        ] {
            assert_eq!(with_database(url, "x"), expected);
        }
    }

    #[test]
    fn names_are_plain_short_and_different() {
        let label = "store::runs::Größe".repeat(9);
        let [first, second] = [(), ()].map(|()| database_name(&label));
        assert_ne!(first, second);
        assert!(first.len() < 63 && first.starts_with("t_store__runs__gr"), "{first}");
        assert!(first.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{first}");
    }
}
