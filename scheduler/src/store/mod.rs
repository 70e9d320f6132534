//! Postgres: the only place that speaks SQL. One query a file under `sql/`; methods are named after them.

mod append;
mod claim;
mod connection;
mod control;
mod error;
mod intake;
mod journal;
mod key;
mod lease;
mod outside;
mod ready;
mod run;
mod schema;
mod value;

pub use append::{Appending, FirstPass, Look, Mine, Rows, Whole};
pub use claim::{Granted, OpenCallRow};
pub use connection::{Store, StoreOptions};
pub use control::{KillOutcome, StateLook};
pub use error::{Fault, StoreError};
pub use intake::{Accepted, KeyHolder, NewRun, Placement};
pub use journal::Seen;
pub use key::{KeyFound, KeyRow};
pub use lease::{Beat, WorkerRow};
pub use outside::{CancelOutcome, Told};
pub use ready::{Depth, HeldRow, Published, Slots};
pub use run::{RunFilter, RunRow, TryRow, WaitRow};
pub use schema::Schema;
