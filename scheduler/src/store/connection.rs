//! Connections to Postgres.

use std::{net::IpAddr, str::FromStr, sync::Arc, time::Duration};

use piton_shared::limits;

use sqlx::{
    Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use tokio::sync::Semaphore;

use super::error::{StoreError, is_outdated};

/// How long a connection for lists may take to answer once its caller is done with it; then it is closed.
const PING: Duration = Duration::from_millis(100);

/// How to reach Postgres.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// A connection URL.
    pub url: String,
    /// Connections for the hot statements. Defaults to 7: one each for intake, appends, finishes, events and the two kinds of claims, one spare.
    pub hot_connections: u32,
    /// Connections for what no caller of the API waits for: lease ends, timers, schedules, sweeps. Defaults to 6.
    pub calm_connections: u32,
    /// Connections for callers of the API, lists apart. Defaults to 5.
    pub caller_connections: u32,
    /// Connections for lists that callers of the API read. Defaults to [`limits::LISTS`].
    pub list_connections: u32,
    /// How long to wait for a connection before saying that the database is away. Defaults to 2 s.
    pub acquire_timeout: Duration,
}

impl StoreOptions {
    /// The defaults for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            hot_connections: 7,
            calm_connections: 6,
            caller_connections: 5,
            list_connections: u32::try_from(limits::LISTS).unwrap_or(u32::MAX),
            acquire_timeout: Duration::from_secs(2),
        }
    }

    /// What every connection is opened with: the plans that a test pins are those of these settings.
    pub fn connection(&self) -> Result<PgConnectOptions, StoreError> {
        let connect = PgConnectOptions::from_str(&self.url).map_err(StoreError::new("connect"))?;
        let stands = limits::TRANSACTION_STANDS.as_millis().to_string();
        Ok(connect.application_name("piton-scheduler").statement_cache_capacity(256).options([
            ("synchronous_commit", "on"),
            // Statements are prepared once and their plans have no choice to make (see append.sql): planning
            // them for every execution would cost more than running them.
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_bitmapscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("jit", "off"),
            ("idle_in_transaction_session_timeout", stands.as_str()),
            ("lock_timeout", stands.as_str()),
            ("statement_timeout", "30s"),
            ("tcp_keepalives_idle", "10"),
            ("tcp_user_timeout", stands.as_str()),
        ]))
    }

    /// What a connection for lists is opened with. A list is read in the order of an index, no further than its page
    /// needs, and never sorted; one that takes too long, or whose caller has gone away, is ended by Postgres.
    pub fn list_connection(&self) -> Result<PgConnectOptions, StoreError> {
        Ok(self.connection()?.options([
            ("enable_sort", "off"),
            ("enable_hashagg", "off"),
            ("max_parallel_workers_per_gather", "0"),
            ("lock_timeout", "0"),
            ("statement_timeout", &format!("{}ms", limits::LIST_TIME.as_millis())),
            ("client_connection_check_interval", "250ms"),
        ]))
    }
}

/// Why the connection may carry passwords and payloads as plaintext over a network, if it may. Postgres' default, `prefer`,
/// falls back to plaintext whenever the server, or whoever answers in its place, offers nothing else.
fn plaintext(connect: &PgConnectOptions) -> Option<String> {
    let host = connect.get_host();
    let here = connect.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let word = match connect.get_ssl_mode() {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => return None,
    };
    (!here).then(|| format!("sslmode={word} lets connections to `{host}` be plaintext"))
}

/// Postgres, by its roles. Each role has connections of its own, so that none waits behind another: group commits (hot),
/// control loops (calm), heartbeats (lease), callers of the API, their lists, the look-up of API keys, and the question
/// whether Postgres answers.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) hot: PgPool,
    pub(super) calm: PgPool,
    pub(super) lease: PgPool,
    pub(super) keys: PgPool,
    pub(super) pulse: PgPool,
    callers: PgPool,
    lists: PgPool,
    /// Turns at changing schedules.
    pub(super) schedule_turns: Arc<Semaphore>,
}

pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

impl Store {
    /// Connects; fails when Postgres cannot be reached within the acquire timeout.
    pub async fn connect(options: &StoreOptions) -> Result<Self, StoreError> {
        let (connect, list) = (options.connection()?, options.list_connection()?);
        if let Some(why) = plaintext(&connect) {
            tracing::warn!(why, "the database may be reached without encryption; add sslmode=verify-full to its URL");
        }
        let pool = |connections: u32| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(options.acquire_timeout)
                .test_before_acquire(false)
                .before_acquire(|_, about| Box::pin(async move { Ok(!is_outdated(about.age)) }))
                .idle_timeout(None)
                .max_lifetime(Duration::from_hours(1))
        };
        let hot =
            pool(options.hot_connections).connect_with(connect.clone()).await.map_err(StoreError::new("connect"))?;
        let calm = pool(options.calm_connections).connect_lazy_with(connect.clone());
        let lease = pool(2).connect_lazy_with(connect.clone());
        let keys = pool(1).connect_lazy_with(connect.clone());
        let pulse = pool(1).connect_lazy_with(connect.clone());
        let callers = pool(options.caller_connections).connect_lazy_with(connect);
        let lists = pool(options.list_connections)
            // A statement that was given up is still being executed: Postgres ends it when the connection is gone.
            .after_release(|connection, _| {
                Box::pin(async { Ok(matches!(tokio::time::timeout(PING, connection.ping()).await, Ok(Ok(())))) })
            })
            .connect_lazy_with(list);
        let schedule_turns = Arc::new(Semaphore::new(limits::SCHEDULE_CHANGES));
        Ok(Self { hot, calm, lease, keys, pulse, callers, lists, schedule_turns })
    }

    /// The same database for callers of the API: whatever is asked of this store takes no connection from group commits,
    /// control loops and heartbeats.
    #[must_use]
    pub fn for_callers(&self) -> Self {
        let callers = &self.callers;
        Self { hot: callers.clone(), calm: callers.clone(), lease: callers.clone(), ..self.clone() }
    }

    /// The same database for lists: a statement may take [`limits::LIST_TIME`], and ends when its caller goes away.
    #[must_use]
    pub fn for_lists(&self) -> Self {
        let lists = &self.lists;
        Self { hot: lists.clone(), calm: lists.clone(), lease: lists.clone(), ..self.clone() }
    }

    /// Brings the schema up to date. Safe to run from several processes at once: each waits up to a minute for the one before it.
    ///
    /// On a connection of its own. A migration may take as long as it needs and reads tables whole, which the settings for the
    /// scheduler's statements forbid.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let connect = PgConnectOptions::clone(&self.calm.connect_options()).options([
            ("statement_timeout", "0"),
            ("lock_timeout", "60s"),
            ("enable_seqscan", "on"),
            ("enable_bitmapscan", "on"),
            ("enable_hashjoin", "on"),
            ("enable_mergejoin", "on"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(self.calm.options().get_acquire_timeout())
            .connect_lazy_with(connect);
        let migrated = MIGRATIONS.run(&pool).await;
        pool.close().await;
        migrated.map_err(|error| StoreError::new("migrate")(sqlx::Error::Migrate(Box::new(error))))
    }

    /// Closes every connection, letting statements under way finish.
    pub async fn close(&self) {
        for pool in [&self.hot, &self.calm, &self.lease, &self.keys, &self.pulse, &self.callers, &self.lists] {
            pool.close().await;
        }
    }

    /// Whether Postgres answers, on a connection that nothing else uses.
    pub async fn answers(&self) -> Result<(), StoreError> {
        sqlx::query(include_str!("sql/database_time.sql"))
            .execute(&self.pulse)
            .await
            .map(drop)
            .map_err(StoreError::new("database_time"))
    }

    /// The database's clock, in milliseconds since the epoch.
    pub async fn database_time(&self) -> Result<u64, StoreError> {
        let millis: i64 = sqlx::query_scalar(include_str!("sql/database_time.sql"))
            .fetch_one(&self.calm)
            .await
            .map_err(StoreError::new("database_time"))?;
        Ok(u64::try_from(millis).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_over_a_network_is_noticed() {
        let found = |url: &str| plaintext(&StoreOptions::new(url).connection().expect("a URL")).is_some();
        for warned in ["", "?sslmode=prefer", "?sslmode=disable", "?sslmode=allow"] {
            assert!(found(&format!("postgres://u:p@db.example/piton{warned}")), "{warned}");
        }
        for fine in ["?sslmode=require", "?sslmode=verify-ca", "?sslmode=verify-full"] {
            assert!(!found(&format!("postgres://u:p@db.example/piton{fine}")), "{fine}");
        }
        for here in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(!found(&format!("postgres://u:p@{here}/piton")), "{here}");
        }
        assert!(!found("postgres:///piton?host=/var/run/postgresql"));
    }
}
