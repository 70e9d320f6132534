//! What can go wrong with a query, and whether asking again may help.

use std::{
    borrow::Cow,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use piton_shared::message::{Answer, Refusal};

/// A query failed.
#[derive(Debug, thiserror::Error)]
#[error("query `{query}` failed")]
pub struct StoreError {
    /// The query's file name.
    pub query: &'static str,
    #[source]
    source: sqlx::Error,
}

/// Whether asking again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Postgres is away, restarting, full or out of locks; nothing is known to be wrong with the request.
    Passing,
    /// What is to be written stands there already, by somebody whom the statement could not see yet: look again.
    Taken,
    /// A value that Postgres can never take: the row itself is bad.
    BadRow,
    /// Our own mistake: a statement and the schema disagree.
    Bug,
}

/// When a connection was last found to be broken, or a statement to be prepared for another schema, in milliseconds since the
/// first use; 0: never.
static OUTDATED: AtomicU64 = AtomicU64::new(0);
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Whether a connection of this age may be broken, or have statements that were prepared for another schema: it is not used
/// again. After a restart of Postgres one request or loop finds out for all pools.
pub(super) fn is_outdated(age: Duration) -> bool {
    let found = OUTDATED.load(Ordering::Relaxed);
    found > 0 && age >= BEGAN.elapsed().saturating_sub(Duration::from_millis(found))
}

impl StoreError {
    pub(crate) fn new(query: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| {
            let error = Self { query, source };
            if error.is_of_the_connection() {
                let now = u64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(u64::MAX);
                OUTDATED.store(now.saturating_add(1), Ordering::Relaxed);
            }
            error
        }
    }

    /// Whether no statement can go on over this connection, nor over others that were opened before: the server has closed
    /// them, or a migration has changed what a prepared statement answers ("cached plan must not change result type").
    fn is_of_the_connection(&self) -> bool {
        let closed = matches!(self.source, sqlx::Error::Io(_) | sqlx::Error::Protocol(_));
        closed || self.code().is_some_and(|code| ["0A000", "57P01", "57P02", "57P03"].contains(&code.as_str()))
    }

    /// The SQLSTATE, if the database answered.
    pub(crate) fn code(&self) -> Option<String> {
        self.source.as_database_error().and_then(sqlx::error::DatabaseError::code).map(Cow::into_owned)
    }

    /// Whether what failed may lie in the rows that were written, whatever the class says: it may be well without some of them.
    /// It does not lie in them where the connection broke, the server is closing or read-only, or a lock or the time ran out.
    pub(crate) fn may_lie_in_rows(&self) -> bool {
        let of_the_server = |code: &str| ["08", "25", "55", "57", "58"].iter().any(|class| code.starts_with(class));
        self.code().is_some_and(|code| !of_the_server(&code))
    }

    /// What a failpoint says in place of Postgres.
    #[cfg(feature = "failpoints")]
    pub(crate) fn busy(query: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self { query, source: sqlx::Error::Io(error) }
    }

    /// A chunk of items that leaves out some before it.
    pub(crate) fn gap(batch: &str, first: u32) -> Self {
        let gap = format!("items of {batch} from {first} on came before those in front of them");
        Self { query: "batch_add", source: sqlx::Error::InvalidArgument(gap) }
    }

    /// What cannot be written, and what to do about it.
    pub(crate) fn refused(query: &'static str, why: String) -> Self {
        Self { query, source: sqlx::Error::InvalidArgument(why) }
    }

    /// What the database said, for the one who sent the bad value.
    pub fn reason(&self) -> String {
        self.source.to_string()
    }

    /// What whoever asked is answered: not now, or never with this value.
    pub fn answer<T>(&self) -> Answer<T> {
        match self.fault() {
            Fault::BadRow => Answer::Refused(Refusal::Invalid(self.reason())),
            Fault::Taken | Fault::Passing | Fault::Bug => Answer::Unavailable { reason: self.to_string() },
        }
    }

    /// Whether Postgres ended the statement because it took longer than it may.
    pub fn is_out_of_time(&self) -> bool {
        self.code().is_some_and(|code| code == "57014")
    }

    /// Sorts the error by its SQLSTATE class (Postgres manual, appendix A).
    pub fn fault(&self) -> Fault {
        if let sqlx::Error::Database(error) = &self.source {
            if error.code().as_deref() == Some("23505") {
                return Fault::Taken;
            }
            let class = error.code().and_then(|code| code.get(..2).map(str::to_owned));
            return match class.as_deref() {
                Some("22" | "23" | "54") => Fault::BadRow,
                Some("08" | "0A" | "25" | "40" | "53" | "55" | "57" | "58") => Fault::Passing,
                Some(_) | None => Fault::Bug,
            };
        }
        if matches!(self.source, sqlx::Error::InvalidArgument(_)) {
            return Fault::BadRow;
        }
        let ours = matches!(
            self.source,
            sqlx::Error::Configuration(_)
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::TypeNotFound { .. }
                | sqlx::Error::RowNotFound
                | sqlx::Error::Encode(_)
                | sqlx::Error::Decode(_)
        );
        // Whatever else the library says is about the connection: worth another try.
        if ours { Fault::Bug } else { Fault::Passing }
    }
}
