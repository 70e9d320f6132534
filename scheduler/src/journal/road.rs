//! The roads of appends: most take the cheapest, and none waits for one that takes another.

use piton_shared::message::append::Append;

use super::apart::goes_apart;
use crate::store::{Appending, Burden, Fault, FirstPass, Store, StoreError, burden};

/// How an append is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Road {
    /// Beside others that bring rows and ends alone.
    Plain,
    /// By the statement that can write everything.
    Whole,
    /// In a transaction that waits for its locks.
    Apart,
}

/// The road of an append.
pub(super) fn road(append: &Append) -> Road {
    if goes_apart(append) {
        return Road::Apart;
    }
    match burden(append) {
        Burden::Rows | Burden::End => Road::Plain,
        Burden::Any => Road::Whole,
    }
}

/// Which statement is asked first.
#[derive(Debug, Clone, Copy)]
pub(super) enum First {
    /// The cheapest that can write them.
    Cheapest,
    /// The one that can write everything.
    Whole,
}

/// Writes appends in one commit.
pub(super) async fn first_pass(store: &Store, first: First, appends: &[Appending]) -> Result<FirstPass, StoreError> {
    let cheap = match first {
        First::Whole => return store.append(appends).await,
        First::Cheapest if appends.iter().all(|one| burden(&one.append) == Burden::Rows) => {
            store.append_rows(appends).await
        }
        First::Cheapest => store.append_plain(appends).await,
    };
    match cheap {
        // A row stands there already: the statement that looks first says whose it is.
        Err(error) if error.fault() == Fault::Taken => store.append(appends).await,
        pass @ (Ok(_) | Err(_)) => pass,
    }
}
