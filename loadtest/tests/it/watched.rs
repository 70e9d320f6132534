//! A worker that is watched over HTTP: what it says of itself in each state of its life.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use piton::{Connected, WorkerOptions, prelude::*};
use piton_loadtest::until;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Notify, oneshot},
};

use crate::rig::{Data, Rig, SOON};

/// Opened by the test.
struct Latch(Notify);

#[function]
async fn wait_for_the_latch(latch: Resource<Latch>) -> Result<u32> {
    latch.0.notified().await;
    Ok(7)
}

#[workflow]
async fn latched(ctx: &WorkflowContext) -> Result<u32> {
    Ok(ctx.step(wait_for_the_latch()).await?)
}

/// Sends a request as it stands and reads the answer to its end.
async fn said(address: SocketAddr, request: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    tokio::time::timeout(SOON, stream.read_to_string(&mut answer)).await.context("no end of the answer")??;
    Ok(answer)
}

async fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    said(address, &format!("GET {path} HTTP/1.1\r\nhost: worker\r\n\r\n")).await
}

async fn until_it_is(address: SocketAddr, status: u16, word: &str) -> anyhow::Result<()> {
    until(&format!("the word {word}"), SOON, async || {
        let answer = get(address, "/health/ready").await?;
        let is =
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(&format!("\"status\":\"{word}\""));
        Ok(is.then_some(()))
    })
    .await
}

async fn connect(nats_url: String, address: SocketAddr, latch: &Arc<Latch>) -> Result<Connected, piton::ConnectError> {
    let options = WorkerOptions { url: nats_url, ..WorkerOptions::default() };
    let builder = Worker::builder().options(options).metrics_address(address);
    builder.shared_resource(Arc::clone(latch)).register(wait_for_the_latch).register(latched).connect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_says_how_it_is_and_what_it_counts() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 0, 0).await?;
    let latch = Arc::new(Latch(Notify::new()));
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let worker = connect(rig.nats.url(), any, &latch).await?;
    let address = worker.metrics_address().context("it was told to listen")?;
    let (stop, stopped) = oneshot::channel::<()>();
    let working = tokio::spawn(worker.run_until(async {
        let _ = stopped.await;
    }));

    until_it_is(address, 503, "unregistered").await?;
    assert!(get(address, "/health/live").await?.starts_with("HTTP/1.1 200 "));
    rig.cluster.start_scheduler().await?;
    until_it_is(address, 200, "ready").await?;
    let metrics = get(address, "/metrics").await?;
    assert!(metrics.contains("text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("\npiton_worker_run_slots 1000\n"), "{metrics}");
    let unknown = get(address, "/metric").await?;
    assert!(unknown.starts_with("HTTP/1.1 404 ") && unknown.contains("/health/ready"), "{unknown}");
    let posted = said(address, "POST /metrics HTTP/1.1\r\nhost: worker\r\ncontent-length: 0\r\n\r\n").await?;
    assert!(posted.starts_with("HTTP/1.1 405 ") && posted.contains("allow: GET, HEAD"), "{posted}");
    let nonsense = said(address, "nonsense\r\n\r\n").await?;
    assert!(nonsense.starts_with("HTTP/1.1 400 "), "{nonsense}");

    let taken = connect(rig.nats.url(), address, &latch).await.err().context("the address is in use")?;
    assert!(taken.to_string().contains("PITON_METRICS_ADDRESS"), "{taken}");

    // One that says nothing keeps nobody else from being answered, nor the worker from ending.
    let silent = TcpStream::connect(address).await?;
    let run = rig.begin("latched", json!(null)).await?;
    until("the step to begin", SOON, async || {
        let metrics = get(address, "/metrics").await?;
        Ok(metrics.contains("\npiton_worker_running_steps 1\n").then_some(()))
    })
    .await?;
    assert!(stop.send(()).is_ok(), "it works");
    until_it_is(address, 503, "draining").await?;
    latch.0.notify_one();
    tokio::time::timeout(SOON, working).await.context("it ends")???;
    assert_eq!(rig.completed(&run).await?["result"], 7);
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    drop(silent);
    rig.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_schedulers_is_not_ready() -> anyhow::Result<()> {
    let mut rig = Rig::start(Data::Throwaway, 1, 0).await?;
    let latch = Arc::new(Latch(Notify::new()));
    let worker = connect(rig.nats.url(), ([127, 0, 0, 1], 0).into(), &latch).await?;
    let address = worker.metrics_address().context("it was told to listen")?;
    let (stop, stopped) = oneshot::channel::<()>();
    let working = tokio::spawn(worker.run_until(async {
        let _ = stopped.await;
    }));
    until_it_is(address, 200, "ready").await?;
    let scheduler = rig.cluster.take_scheduler(0).context("it runs")?;
    scheduler.kill9().await?;
    until_it_is(address, 503, "lapsed").await?;
    assert!(stop.send(()).is_ok(), "it works");
    tokio::time::timeout(SOON, working).await.context("it ends")???;
    rig.stop().await
}

/// Where a function that blocks keeps its thread until the test lets it go on.
#[derive(Default)]
struct Block {
    begun: Notify,
    open: std::sync::Mutex<bool>,
    opened: std::sync::Condvar,
}

#[function]
async fn block(here: Resource<Block>) -> Result<()> {
    here.begun.notify_one();
    let open = here.open.lock().expect("no test panics with it");
    let waited = here.opened.wait_while(open, |open| !*open);
    drop(waited.expect("no test panics with it"));
    Ok(())
}

#[workflow]
async fn blocks(ctx: &WorkflowContext) -> Result<()> {
    Ok(ctx.step(block()).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_threads_are_all_blocked_still_says_how_it_is() -> anyhow::Result<()> {
    let rig = Rig::start(Data::Throwaway, 1, 0).await?;
    let here = Arc::new(Block::default());
    let options = WorkerOptions { url: rig.nats.url(), ..WorkerOptions::default() };
    let builder = Worker::builder().options(options).metrics_address(SocketAddr::from(([127, 0, 0, 1], 0)));
    let builder = builder.shared_resource(Arc::clone(&here)).register(block).register(blocks);
    let (stop, stopped) = oneshot::channel::<()>();
    let (listens, address) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let working = std::thread::spawn(move || {
        runtime.block_on(async {
            let worker = builder.connect().await?;
            let _ = listens.send(worker.metrics_address());
            let stopped = async {
                let _ = stopped.await;
            };
            anyhow::Ok(worker.run_until(stopped).await?)
        })
    });
    let address = address.await?.context("it was told to listen")?;
    let run = rig.begin("blocks", json!(null)).await?;
    tokio::time::timeout(SOON, here.begun.notified()).await.context("it begins")?;
    assert!(get(address, "/health/live").await?.starts_with("HTTP/1.1 200 "));
    assert!(get(address, "/metrics").await?.contains("\npiton_worker_running_steps 1\n"));
    *here.open.lock().expect("no test panics with it") = true;
    here.opened.notify_all();
    rig.completed(&run).await?;
    assert!(stop.send(()).is_ok(), "it works");
    tokio::task::spawn_blocking(|| working.join()).await?.map_err(|_| anyhow::anyhow!("it panicked"))??;
    rig.stop().await
}
