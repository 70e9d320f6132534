//! A machine that has nothing left to read an expression on.

use piton_scheduler::{event::Matching, store::Listens};
use piton_shared::trigger::{EventTrigger, InputRule};
use serde_json::json;
use tokio::process::Command;

use super::event;
use crate::cluster::Cluster;

/// Room beyond what the process has now: for whatever goes on, and not for the stack of a thread that reads expressions.
const ROOM: u64 = 48 * 1024 * 1024;

/// Bounds the memory that this process may address. The test needs a process of its own, as nextest gives it.
async fn bound(most: &str) {
    let mut command = Command::new("prlimit");
    command.args(["--pid", &std::process::id().to_string(), &format!("--as={most}:")]);
    assert!(command.status().await.expect("util-linux is there").success());
}

/// Bytes that this process addresses.
fn addressed() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("it is there");
    1024 * line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
}

#[tokio::test]
async fn an_event_whose_triggers_cannot_be_read_now_is_owed() {
    let cluster = Cluster::new("event_threadless").await;
    let filter = Some("event.data.total > 3".into());
    let trigger = EventTrigger { pattern: "order.*".into(), filter, input: InputRule::ByName };
    cluster.db.listens("order", Listens::Event(trigger)).await;
    let engine = cluster.schedulers[0].engine();
    bound(&(addressed() + ROOM).to_string()).await;
    let published = engine.publish(vec![event("order.paid", &json!({"total": 7}))]).await.expect("accepted");
    assert!(matches!(published[0].matching, Matching::Owed), "{published:?}");
    bound("unlimited").await;
    assert_eq!(cluster.db.came_of(published[0].event).await, ["order"], "nothing was remembered of the filter");
    assert_eq!(cluster.db.owed().await, 0);
    drop(engine);
    cluster.finish().await;
}
