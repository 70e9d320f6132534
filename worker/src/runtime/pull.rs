//! Taking tasks from a queue, of runs or of dispatched work, as many as there are free slots.

use std::{sync::Arc, time::Duration};

use piton_transport::{PullError, Puller, Reconnect};
use tokio::sync::Semaphore;

use super::{claim, lease::LeaseState, member::Member, solitude::Solitude, work_kind::WorkKind};

/// How long one pull waits at the server.
const EXPIRES: Duration = Duration::from_secs(5);
/// The waits after pulls that brought nothing because they could not.
const AGAIN: Reconnect = Reconnect { initial: Duration::from_millis(50), max: Duration::from_secs(1) };

/// Pulls from one consumer until the worker drains or its registration is over.
pub(super) async fn serve<T: WorkKind>(member: Arc<Member>, consumer: String) {
    let mut failures = 0;
    while !member.draining.is_cancelled() {
        open(&member).await;
        match T::open(&member.door.bus, consumer.as_str()).await {
            Ok(mut puller) => {
                pull(&member, &mut puller, &mut failures).await;
                puller.close().await;
            }
            Err(error) => {
                failures += 1;
                tracing::debug!(%error, consumer, "failed to open a pull");
                pause(&member, failures).await;
            }
        }
    }
}

async fn pull<T: WorkKind>(member: &Arc<Member>, puller: &mut Puller<T>, failures: &mut usize) {
    let mut solitude = member.holdings.solitude();
    while !member.draining.is_cancelled() {
        tokio::select! {
            biased;
            () = member.draining.cancelled() => return,
            () = ready(member, T::slots(member)) => {}
        }
        let free = T::slots(member).available_permits();
        let closed = async {
            // An error means that the registration is gone, and with it this task before long.
            let _ = solitude.wait_for(|solitude| *solitude != Solitude::Open).await;
        };
        let cancel = async {
            tokio::select! {
                () = member.draining.cancelled() => {}
                () = closed => {}
            }
        };
        match puller.pull(free, EXPIRES, cancel).await {
            Ok(tasks) => {
                *failures = 0;
                if !tasks.is_empty() {
                    member.tasks.spawn(claim::claim(Arc::clone(member), tasks));
                }
                // What comes after this is for others: the pull is taken back.
                if member.holdings.kept_for() != Solitude::Open {
                    return;
                }
            }
            Err(error) => {
                *failures += 1;
                tracing::debug!(%error, consumer = puller.consumer(), "failed to pull");
                if let PullError::Missing { .. } = error {
                    // A scheduler makes it anew when the worker registers again.
                    member.door.home.lost.notify_one();
                }
                pause(member, *failures).await;
            }
        }
    }
}

/// Returns when the worker is kept for nobody.
async fn open(member: &Member) {
    let mut solitude = member.holdings.solitude();
    tokio::select! {
        () = member.draining.cancelled() => {}
        _ = solitude.wait_for(|solitude| *solitude == Solitude::Open) => {}
    }
}

/// Returns when there is room for one more and a lease to execute it under.
async fn ready(member: &Member, slots: &Semaphore) {
    let mut lease = member.lease.watch();
    // An error means that the lease is gone, and with it this task before long.
    let held = lease.wait_for(|view| view.state == LeaseState::Held).await.is_ok();
    if !held {
        member.over.cancelled().await;
    }
    // Neither ever closes; the permit is not kept, because others may need it more.
    drop(slots.acquire().await);
}

async fn pause(member: &Member, failures: usize) {
    tokio::select! {
        () = member.draining.cancelled() => {}
        () = tokio::time::sleep(AGAIN.delay(failures)) => {}
    }
}
