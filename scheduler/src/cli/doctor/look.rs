//! Looks at what Piton stands on.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use piton_devstack::{PostgresBinaries, nats_binary};
use piton_transport::{Bus, BusOptions, ConnectError, NatsAuth};
use serde_json::Value;

use super::check::Check;
use crate::{
    cli::{Console, error::chain, screen::text},
    store::{Schema, Store, StoreError, StoreOptions},
};

/// The oldest Postgres that will do, as Postgres counts.
const OLDEST_POSTGRES: u32 = 140_000;
/// A difference of clocks that is worth a word. Nothing breaks by it: leases and timers go by the database's clock.
const SKEW: Duration = Duration::from_secs(1);
/// How long NATS may take to connect and to answer.
const NATS: Duration = Duration::from_secs(3);

/// The servers that `piton dev` would start.
pub(super) async fn programs() -> Vec<Check> {
    let advice = "only `piton dev` and the tests need it";
    let postgres = match PostgresBinaries::find().await {
        Ok(found) => Check::ok("postgres program", format!("{} ({})", found.version, found.postgres.display())),
        Err(error) => Check::note("postgres program", error.to_string(), advice),
    };
    let nats = match nats_binary().await {
        Ok((path, version)) => Check::ok("nats program", format!("{version} ({})", path.display())),
        Err(error) => Check::note("nats program", error.to_string(), advice),
    };
    vec![postgres, nats]
}

pub(super) async fn database(url: Option<&str>) -> Vec<Check> {
    let Some(url) = url else {
        return vec![Check::note("database", "not looked at", "set PITON_DATABASE_URL or --database-url")];
    };
    let store = match Store::connect(&StoreOptions::new(url)).await {
        Ok(store) => store,
        Err(error) => {
            let advice = "is Postgres running, and are host, user, password and database of the URL right?";
            return vec![Check::problem("database", chain(&error), advice)];
        }
    };
    let checks = vec![version(&store).await, schema(&store).await, clock(&store).await];
    store.close().await;
    checks
}

fn unanswered(name: &'static str, error: &StoreError) -> Check {
    Check::problem(name, chain(error), "the database answers, but not to this; its log has more")
}

async fn version(store: &Store) -> Check {
    match store.server_version().await {
        Ok(Some(version)) if version < OLDEST_POSTGRES => {
            let found = format!("Postgres {}.{}", version / 10_000, version % 10_000);
            Check::problem("database", found, "Piton needs Postgres 14 or newer")
        }
        Ok(Some(version)) => Check::ok("database", format!("Postgres {}.{}", version / 10_000, version % 10_000)),
        Ok(None) => Check::ok("database", "Postgres of a version that it does not say"),
        Err(error) => unanswered("database", &error),
    }
}

async fn schema(store: &Store) -> Check {
    match store.schema().await {
        Ok(Schema::Current) => Check::ok("schema", "up to date"),
        Ok(Schema::Behind { missing }) => {
            Check::problem("schema", format!("migrations missing: {missing}"), "run `piton migrate`")
        }
        Ok(Schema::Ahead { version }) => Check::problem(
            "schema",
            format!("migration {version} is unknown to this build"),
            "a newer build has migrated it: use that build or a newer one",
        ),
        Ok(Schema::Torn { version }) => Check::problem(
            "schema",
            format!("migration {version} broke off, or was changed after it was applied"),
            "restore the database, or ask for help with the log of the migration",
        ),
        Err(error) => unanswered("schema", &error),
    }
}

async fn clock(store: &Store) -> Check {
    let asked = Instant::now();
    let told = store.database_time().await;
    let took = asked.elapsed();
    match told {
        Ok(theirs) => {
            let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(took / 2);
            let skew = Duration::from_millis(theirs).abs_diff(ours);
            let found =
                format!("{} ms from the database's, answered in {:.1} ms", skew.as_millis(), took.as_secs_f64() * 1e3);
            if skew > SKEW {
                let advice =
                    "leases and timers go by the database's clock, so nothing breaks; times in logs will not agree";
                Check::problem("clock", found, advice)
            } else {
                Check::ok("clock", found)
            }
        }
        Err(error) => unanswered("clock", &error),
    }
}

pub(super) async fn nats(url: Option<&str>, auth: NatsAuth) -> Vec<Check> {
    let Some(url) = url else {
        return vec![Check::note("NATS", "not looked at", "set PITON_NATS_URL or --nats-url")];
    };
    let options = BusOptions { auth, connect_within: NATS, ..BusOptions::new(url, "piton-doctor") };
    let bus = match Bus::connect(options).await {
        Ok(bus) => bus,
        Err(error) => {
            let advice = match error {
                ConnectError::Unreachable { .. } => {
                    "is NATS running, and is the URL right? runs are accepted without it, and wait"
                }
                ConnectError::Refused { .. } => {
                    "is it the right user, token, NKey or credentials file? all options begin with --nats or PITON_NATS"
                }
                ConnectError::Options { .. } => "mend that option",
            };
            return vec![Check::problem("NATS", chain(&error), advice)];
        }
    };
    vec![Check::ok("NATS", "reachable"), jetstream(&bus).await]
}

/// Asks without making anything.
async fn jetstream(bus: &Bus) -> Check {
    let advice = "start NATS with JetStream: `nats-server -js -sd FOLDER`";
    match bus.request_raw("$JS.API.INFO", Vec::new(), NATS, None).await {
        Err(error) => Check::problem("JetStream", chain(&error), advice),
        Ok(answer) => {
            let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
            match answer.get("error") {
                Some(error) => Check::problem("JetStream", text(error, "description"), advice),
                None => Check::ok("JetStream", "enabled"),
            }
        }
    }
}

pub(super) async fn server(console: &Console) -> Check {
    let advice = "PITON_URL or --url say where it is; `piton dev` and `piton serve` start one";
    let url = &console.url;
    let answer = match console.client() {
        Ok(client) => client.get("/health/ready").await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) if text(&answer, "status") == "ready" => Check::ok("server", format!("ready at {url}")),
        Ok(answer) => Check::problem("server", text(&answer, "detail"), "the lines above say more"),
        Err(error) => match error.json() {
            body if !text(&body, "status").is_empty() => {
                Check::problem("server", text(&body, "detail"), "the lines above say more")
            }
            _ => Check::note("server", error.text().lines().next().unwrap_or("").replacen("error: ", "", 1), advice),
        },
    }
}
