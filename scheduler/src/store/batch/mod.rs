//! Batches: their items, how they stand, and what becomes of both. Whatever changes a batch holds its run's lock, so
//! a lock of its own would guard nothing.

mod add;
mod end;
mod finish;
mod look;
mod poison;
mod read;
mod release;
mod settle;
mod start;
mod turn;

pub(super) use self::{add::add, finish::finish, poison::fail_poisoned};
pub use self::{
    look::{BatchId, BatchLook, Ends, RunPaused, Sealed, Settled},
    read::BatchRow,
    release::{Release, ReleasedItem, Slot},
    start::{NewBatch, StartedBatch},
    turn::{Turn, Turned, Wanted},
};
