use std::io::{BufRead as _, BufReader};

use piton_devstack::{Postgres, PostgresOptions, testing::TestNats};
use serde_json::json;

use super::{Running, done, half_a_request, piton, until_deaf};
use crate::{api::PATIENCE, database::Database};

/// The arguments of a server on ports that are free.
fn serving<'a>(database_url: &'a str, nats_url: &'a str) -> [&'a str; 10] {
    let free = "127.0.0.1:0";
    let (on, health) = ("--listen", "--health-listen");
    ["serve", "--json", on, free, health, free, "--database-url", database_url, "--nats-url", nats_url]
}

#[tokio::test]
async fn a_server_wants_keys_and_drains() {
    let database = Database::new("command_serve").await;
    let nats = TestNats::start().await.expect("NATS starts");
    let (database_url, nats_url) = (&*database.url, nats.url());

    let checked = done(piton(["migrate", "--database-url", database_url])).await;
    assert_eq!((checked.code, &*checked.out), (Some(0), "the schema is up to date\n"), "{}", checked.err);
    let minted = done(piton(["key", "create", "first", "--scope", "admin", "--json", "--database-url", database_url]))
        .await
        .json();
    let key = minted["key"].as_str().expect("a key");

    let serve = serving(database_url, &nats_url);
    let server = Running::start(piton(serve)).await;
    let refused = done(server.piton(["run", "list"])).await;
    assert_eq!(refused.code, Some(4));
    assert!(refused.err.contains("PITON_API_KEY"), "{}", refused.err);

    let with_key = async |arguments: &[&str]| {
        let mut command = piton(arguments);
        command.env("PITON_API_KEY", key).env("PITON_URL", server.url());
        done(command).await
    };
    let started =
        with_key(&["run", "start", "order", "--input", "{\"a\": 1}", "--key", "k", "--tag", "vip", "--json"]).await;
    let id = started.json()["id"].as_str().expect("an id").to_owned();
    let repeated = with_key(&["run", "start", "order", "--input", "{\"a\": 1}", "--key", "k", "--json"]).await;
    assert_eq!(repeated.json()["id"], id);
    let conflict = with_key(&["run", "start", "order", "--input", "{\"a\": 2}", "--key", "k", "--json"]).await;
    assert_eq!(conflict.code, Some(4));
    assert!(conflict.err.contains("idempotency_conflict"), "{}", conflict.err);

    let waiting = with_key(&["run", "start", "order", "--wait=50ms"]).await;
    assert_eq!(waiting.code, Some(6), "{}", waiting.err);
    assert_eq!(with_key(&["run", "resume", &id]).await.code, Some(4));
    let (watch, cancel) = (["run", "watch", &id], ["run", "cancel", &id, "--reason", "enough"]);
    let (watched, cancelled) = tokio::join!(with_key(&watch), with_key(&cancel));
    assert_eq!((watched.code, cancelled.code), (Some(1), Some(0)), "{}{}", watched.err, cancelled.err);
    assert!(watched.out.contains("enough"), "{}", watched.out);
    assert_eq!(with_key(&["run", "kill", &id]).await.code, Some(4));
    assert_eq!(with_key(&["worker", "list"]).await.code, Some(0));

    let mut doctor = piton(["doctor", "--json", "--database-url", database_url, "--nats-url", &nats_url]);
    doctor.env("PITON_URL", server.url());
    let report = done(doctor).await;
    assert_eq!(report.code, Some(0), "{}", report.out);
    let ok = |name: &str| {
        let checks = report.json()["checks"].as_array().expect("a list").clone();
        checks.iter().any(|check| check["name"] == name && check["verdict"] == "ok")
    };
    for name in ["database", "schema", "clock", "NATS", "JetStream", "server"] {
        assert!(ok(name), "{name}: {}", report.out);
    }

    let revoked = with_key(&["key", "revoke", minted["id"].as_str().expect("an id"), "--json"]).await;
    assert_eq!(revoked.json()["revoked"], json!(true));
    assert_eq!(server.stop("-TERM").await, Some(0));
    nats.stop().await.expect("NATS stops");
    database.finish().await;
}

#[tokio::test]
async fn a_server_waits_for_postgres_and_wants_its_schema() {
    let mut postgres = Postgres::start(PostgresOptions::throwaway()).await.expect("Postgres starts");
    let nats = TestNats::start().await.expect("NATS starts");
    let (database_url, nats_url) = (postgres.url(), nats.url());
    let serve = serving(&database_url, &nats_url);
    let empty = done(piton(serve)).await;
    assert_eq!(empty.code, Some(5));
    assert!(empty.err.contains("run `piton migrate`"), "{}", empty.err);
    assert_eq!(done(piton(["migrate", "--database-url", &database_url])).await.code, Some(0));

    postgres.kill9().await.expect("Postgres dies");
    let (reading, writing) = std::io::pipe().expect("a pipe");
    let mut command = piton(serve);
    command.stderr(writing);
    let (waits, waiting) = tokio::sync::oneshot::channel();
    // Reads to the end, or the server could not write its log.
    let log = std::thread::spawn(move || {
        let mut waits = Some(waits);
        for line in BufReader::new(reading).lines().map_while(Result::ok) {
            if line.contains("waiting for Postgres") {
                waits.take().map(|waits| waits.send(()));
            }
        }
    });
    let starting = Running::start(command);
    let returning = async {
        let waits = tokio::time::timeout(PATIENCE, waiting).await.expect("it says so in time");
        waits.expect("it says so before it ends");
        postgres.restart().await.expect("Postgres comes back");
    };
    let (server, ()) = tokio::join!(starting, returning);
    assert_eq!(server.stop("-TERM").await, Some(0));
    log.join().expect("the log reads");
    nats.stop().await.expect("NATS stops");
    postgres.stop().await.expect("Postgres stops");
}

#[tokio::test]
async fn a_second_signal_ends_a_server_at_once() {
    let database = Database::new("command_serve_twice").await;
    let nats = TestNats::start().await.expect("NATS starts");
    let (database_url, nats_url) = (&*database.url, nats.url());
    let serve = serving(database_url, &nats_url);
    let key = done(piton(["key", "create", "first", "--scope", "admin", "--json", "--database-url", database_url]))
        .await
        .json();
    for (first, second) in [("-INT", "-INT"), ("-TERM", "-INT"), ("-INT", "-TERM")] {
        let server = Running::start(piton(serve)).await;
        let url = server.url().to_owned();
        let held = half_a_request(&url, key["key"].as_str()).await;
        server.signal(first).await;
        until_deaf(&url).await;
        assert_eq!(server.stop(second).await, Some(5), "{first}, {second}");
        drop(held);
    }
    nats.stop().await.expect("NATS stops");
    database.finish().await;
}
