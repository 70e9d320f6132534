//! Batches: their items, how they stand, and what becomes of both. Whatever changes a batch holds its run's lock, so
//! a lock of its own would guard nothing.

mod add;
mod end;
mod finish;
mod look;
mod read;
mod release;
mod settle;
mod start;
mod turn;

pub(super) use self::add::add;
pub use self::{
    finish::{Counts, ItemEnd},
    look::{BatchId, BatchLook, Ends, Paused, Sealed, Settled},
    read::BatchRow,
    release::{Release, ReleasedItem, Slot},
    settle::DroppedItem,
    start::{NewBatch, StartedBatch},
    turn::{Turn, Turned, Wanted},
};
