//! Whether the connection stands, as its events tell.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

use async_nats::Event;
use tokio::sync::watch;

/// Whether NATS can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusState {
    /// Messages go out and come in.
    Connected,
    /// The connection was lost and is being made anew, without end.
    Disconnected,
    /// The connection was lost and will not come back: the server refuses the credentials now. Only a new
    /// [`crate::Bus`] helps.
    Closed,
}

/// The sending side: fed by the client's events.
#[derive(Debug)]
pub(crate) struct LinkEvents {
    state: watch::Sender<BusState>,
    losses: watch::Sender<u64>,
    dropped: Arc<AtomicU64>,
    held: Weak<()>,
}

/// The reading side, shared by everything that uses the connection.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    state: watch::Receiver<BusState>,
    losses: watch::Receiver<u64>,
    dropped: Arc<AtomicU64>,
    /// Whether anybody uses the connection still.
    _held: Arc<()>,
}

/// The connection was not there, or was lost meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost;

pub(crate) fn link() -> (LinkEvents, Link) {
    let (state_sender, state) = watch::channel(BusState::Connected);
    let (losses_sender, losses) = watch::channel(0);
    let dropped = Arc::new(AtomicU64::new(0));
    let held = Arc::new(());
    let events = LinkEvents {
        state: state_sender,
        losses: losses_sender,
        dropped: Arc::clone(&dropped),
        held: Arc::downgrade(&held),
    };
    (events, Link { state, losses, dropped, _held: held })
}

impl LinkEvents {
    pub(crate) fn take(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.set(BusState::Connected);
            }
            Event::Disconnected => {
                self.lost(BusState::Disconnected);
                tracing::warn!("lost the connection to NATS");
            }
            // Nobody is left who could miss it: it was closed because everybody let go of it. Who only watches its state
            // does not count.
            Event::Closed if self.held.strong_count() == 0 => tracing::debug!("closed the connection to NATS"),
            Event::Closed => {
                self.lost(BusState::Closed);
                tracing::error!("the connection to NATS is closed for good");
            }
            Event::SlowConsumer(subscription) => {
                let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
                // One line for each doubling: a flood of messages must not become a flood of lines.
                if dropped.is_power_of_two() {
                    tracing::warn!(dropped, subscription, "messages are not read fast enough and dropped");
                }
            }
            Event::LameDuckMode => tracing::info!("this NATS server is about to shut down"),
            Event::Draining => tracing::debug!("draining the connection to NATS"),
            Event::ServerError(error) => tracing::warn!(%error, "NATS reports an error"),
            Event::ClientError(error) => tracing::warn!(%error, "the NATS client reports an error"),
        }
    }

    fn set(&self, state: BusState) {
        if self.state.send_replace(state) != state && state == BusState::Connected {
            tracing::info!("connected to NATS again");
        }
    }

    fn lost(&self, state: BusState) {
        self.set(state);
        self.losses.send_modify(|losses| *losses += 1);
    }
}

impl Link {
    pub(crate) fn state(&self) -> watch::Receiver<BusState> {
        self.state.clone()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How often the connection was lost so far.
    pub(crate) fn losses(&self) -> u64 {
        *self.losses.borrow()
    }

    pub(crate) fn check(&self) -> Result<(), Lost> {
        match *self.state.borrow() {
            BusState::Connected => Ok(()),
            BusState::Disconnected | BusState::Closed => Err(Lost),
        }
    }

    /// Returns once the connection was lost more often than `losses` times.
    pub(crate) async fn lost_after(&self, losses: u64) {
        let mut watch = self.losses.clone();
        // The sender lives in the client's callback; when it is gone so is the connection.
        watch.wait_for(|now| *now > losses).await.ok();
    }

    /// Runs `work` as long as the connection that is there now stands.
    pub(crate) async fn while_up<T>(&self, work: impl Future<Output = T>) -> Result<T, Lost> {
        let losses = self.losses();
        self.check()?;
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.lost_after(losses) => Err(Lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_under_way_ends_with_the_connection() {
        let (events, link) = link();
        let waiting = link.while_up(std::future::pending::<()>());
        let losing = async { events.take(&Event::Disconnected) };
        assert_eq!(tokio::join!(waiting, losing).0, Err(Lost));
        assert_eq!(link.while_up(async {}).await, Err(Lost));
        events.take(&Event::Connected);
        assert_eq!(link.while_up(async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn a_loss_is_seen_even_if_the_connection_is_back_at_once() {
        let (events, link) = link();
        let waiting = link.while_up(std::future::pending::<()>());
        let blinking = async {
            events.take(&Event::Disconnected);
            events.take(&Event::Connected);
        };
        assert_eq!(tokio::join!(waiting, blinking).0, Err(Lost));
    }

    #[test]
    fn a_connection_that_everybody_let_go_of_is_not_lost() {
        let (events, link) = link();
        let watching = link.state();
        drop(link);
        events.take(&Event::Closed);
        assert_eq!(*watching.borrow(), BusState::Connected);
    }

    #[test]
    fn one_that_is_used_and_closed_is_lost() {
        let (events, link) = link();
        events.take(&Event::Closed);
        assert_eq!(*link.state().borrow(), BusState::Closed);
    }

    #[test]
    fn dropped_messages_are_counted() {
        let (events, link) = link();
        for _ in 0..3 {
            events.take(&Event::SlowConsumer(1));
        }
        assert_eq!(link.dropped(), 3);
    }
}
