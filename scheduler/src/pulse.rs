//! Whether Postgres answers: asked on a connection of its own, once for all who want to know at a time.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::{engine::Reachable, store::Store};

/// How long Postgres may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions that wait for the same answer; one more waits for room.
const ASKED: usize = 64;

type Ask = oneshot::Sender<Reachable>;

/// Where to ask whether Postgres answers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pulse {
    asks: mpsc::Sender<Ask>,
}

impl Pulse {
    /// A handle, and the questions that come through it.
    pub fn new() -> (Self, mpsc::Receiver<Ask>) {
        let (asks, asked) = mpsc::channel(ASKED);
        (Self { asks }, asked)
    }

    /// Whether Postgres answers now; a scheduler that stops does not ask it any more.
    pub async fn ask(&self) -> Reachable {
        let (reply, answer) = oneshot::channel();
        if self.asks.send(reply).await.is_err() {
            return Reachable::No;
        }
        answer.await.unwrap_or(Reachable::No)
    }
}

/// Answers questions until every handle is gone.
pub async fn feel(store: Store, mut asked: mpsc::Receiver<Ask>) {
    let mut asks = Vec::new();
    while asked.recv_many(&mut asks, ASKED).await > 0 {
        let answers = tokio::time::timeout(PATIENCE, store.answers()).await;
        let reachable = if matches!(answers, Ok(Ok(()))) { Reachable::Yes } else { Reachable::No };
        for ask in asks.drain(..) {
            // Whoever asked and went away needs no answer.
            let _ = ask.send(reachable);
        }
    }
}
