//! Postgres: the only place that speaks SQL. One query a file under `sql/`; methods are named after them.

mod apart;
mod append;
mod batch;
mod claim;
mod connection;
mod control;
mod error;
mod intake;
mod key;
mod lease;
mod outside;
mod ready;
mod run;
mod schema;
mod state;
mod value;

pub use apart::{Apart, WrittenApart};
pub use append::{Appending, FirstPass, Look, Mine, Rows, Whole};
pub use batch::{
    BatchId, BatchLook, BatchRow, Counts, DroppedItem, Ends, ItemEnd, NewBatch, Paused, Release, ReleasedItem, Sealed,
    Settled, Slot, StartedBatch, Turn, Turned, Wanted,
};
pub use claim::{Granted, OpenCallRow};
pub use connection::{Store, StoreOptions};
pub use control::{KillOutcome, StateLook};
pub use error::{Fault, StoreError};
pub use intake::{Accepted, KeyHolder, NewRun, Placement};
pub use key::{KeyFound, KeyRow};
pub use lease::{Beat, WorkerRow};
pub use outside::{CancelOutcome, Told};
pub use ready::{Depth, HeldRow, Published, Slots};
pub use run::{RunFilter, RunRow, TryRow, WaitRow};
pub use schema::Schema;
pub use state::StateRow;
