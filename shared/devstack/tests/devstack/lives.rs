//! One server: it starts, stops, and comes back with what it had.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use piton_devstack::testing::{TestNats, TestPostgres, database_name};
use piton_devstack::{Error, Nats, NatsOptions, Postgres, PostgresOptions, Tcp};

use crate::watch::{is_gone, processes_in};

#[tokio::test]
async fn a_throwaway_postgres_leaves_nothing() {
    let postgres = Postgres::start(PostgresOptions::throwaway()).await.expect("it starts");
    let (pid, folder) = (postgres.pid().expect("it runs"), postgres.folder().to_owned());
    assert!(postgres.socket_folder().join(".s.PGSQL.5432").exists());
    assert_eq!(postgres.tcp_url_of("x"), None);
    postgres.stop().await.expect("it stops");
    assert!(is_gone(pid) && !folder.exists());
    assert_eq!(processes_in(&folder), []);
}

#[tokio::test]
async fn a_dropped_postgres_leaves_nothing_either() {
    let postgres = Postgres::start(PostgresOptions::throwaway()).await.expect("it starts");
    let folder = postgres.folder().to_owned();
    drop(postgres);
    crate::watch::until("the folder goes", || !folder.exists()).await;
    crate::watch::until("the processes go", || processes_in(&folder).is_empty()).await;
}

#[tokio::test]
async fn a_durable_postgres_comes_back_with_its_password_and_port() {
    let root = readable_folder();
    let options = PostgresOptions { tcp: Tcp::AnyPort, ..PostgresOptions::durable(root.path().join("cluster")) };
    let mut postgres = Postgres::start(options.clone()).await.expect("it starts");
    let (address, tcp) = (postgres.url(), postgres.tcp_url_of("postgres"));
    let password = fs::metadata(postgres.folder().join("password")).expect("there is a password");
    assert_eq!(password.permissions().mode() & 0o777, 0o600);
    postgres.restart().await.expect("it restarts");
    assert_eq!((postgres.url(), postgres.tcp_url_of("postgres")), (address, tcp));
    let password = postgres.password().to_owned();
    postgres.stop().await.expect("it stops");

    let again = Postgres::start(options).await.expect("it starts again");
    assert_eq!(again.password(), password);
    again.stop().await.expect("it stops again");
}

#[tokio::test]
async fn a_long_and_strange_path_is_no_trouble() {
    let root = readable_folder();
    let data = root.path().join("a folder, with \"quotes\" & more").join("long".repeat(40));
    let postgres = Postgres::start(PostgresOptions::durable(data)).await.expect("it starts");
    let sockets = postgres.socket_folder().to_owned();
    assert!(!sockets.starts_with(postgres.folder()));
    postgres.stop().await.expect("it stops");
    assert!(!sockets.exists());
}

#[tokio::test]
async fn a_second_postgres_on_a_folder_is_refused_by_name() {
    let root = readable_folder();
    let options = PostgresOptions::durable(root.path().join("cluster"));
    let first = Postgres::start(options.clone()).await.expect("it starts");
    let second = Postgres::start(options).await.expect_err("the folder is taken");
    assert!(matches!(second, Error::AlreadyRunning { pid, .. } if pid == first.pid()), "{second}");
    assert!(second.to_string().contains("kill -INT"), "{second}");
    first.stop().await.expect("it stops");
}

#[tokio::test]
async fn what_postgres_says_last_is_in_the_error() {
    let root = readable_folder();
    let options = PostgresOptions { max_connections: 0, ..PostgresOptions::durable(root.path().join("cluster")) };
    let error = Postgres::start(options).await.expect_err("no such number");
    assert!(error.to_string().contains("max_connections"), "{error}");
}

#[tokio::test]
async fn nats_keeps_its_port_and_its_streams_until_it_is_wiped() {
    let mut nats = TestNats::start().await.expect("it starts");
    let (url, pid) = (nats.url(), nats.pid());
    let streams = nats.folder().join("jetstream");
    assert!(streams.is_dir());
    let stream = streams.join("a-stream");
    fs::create_dir(&stream).expect("the folder can be written");

    nats.kill9().await.expect("it dies");
    assert!(is_gone(pid.expect("it ran")));
    nats.restart().await.expect("it restarts");
    assert_ne!(nats.pid(), pid);
    assert_eq!(nats.url(), url);
    assert!(stream.exists());

    nats.wipe().await.expect("it is wiped");
    assert_eq!(nats.url(), url);
    assert!(streams.is_dir() && !stream.exists());

    let folder = nats.folder().to_owned();
    nats.stop().await.expect("it stops");
    assert!(!folder.exists());
    assert_eq!(processes_in(&folder), []);
}

#[tokio::test]
async fn nats_takes_the_port_it_is_given_or_says_who_has_not() {
    let first = TestNats::start().await.expect("it starts");
    let port = first.address().port();
    let taken = Nats::start(NatsOptions { port: Some(port), ..NatsOptions::throwaway() }).await;
    let error = taken.expect_err("the port is taken");
    assert!(error.to_string().contains("in use"), "{error}");
    first.stop().await.expect("it stops");
    let second = Nats::start(NatsOptions { port: Some(port), ..NatsOptions::throwaway() }).await;
    let second = second.expect("the port is free again");
    assert_eq!(second.address().port(), port);
    second.stop().await.expect("it stops");
}

#[tokio::test]
async fn tests_of_a_process_share_one_postgres() {
    let (first, second) = tokio::join!(TestPostgres::shared(), TestPostgres::shared());
    let (first, second) = (first.expect("it starts"), second.expect("it is there"));
    assert_eq!(first.url(), second.url());
    let name = database_name("lives");
    assert!(first.url_of(&name).contains(&name));
}

/// Below the folder for temporary files, and open to the account that the servers run as.
pub(crate) fn readable_folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir();
    folder.expect("the folder for temporary files can be written")
}
