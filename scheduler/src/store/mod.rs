//! Postgres: the only place that speaks SQL. One query a file under `sql/`; methods are named after them.

mod append;
mod claim;
mod connection;
mod control;
mod error;
mod finish;
mod give;
mod intake;
mod key;
mod lease;
mod outside;
mod ready;
mod run;
mod schema;
mod step;
mod value;

pub use append::{Appending, FirstPass, Look, Mine, Wrote};
pub use claim::{Granted, OpenCallRow};
pub use connection::{Store, StoreOptions};
pub use control::{KillOutcome, PauseOutcome, ResumeOutcome, StateLook};
pub use error::{Fault, StoreError};
pub use finish::{Finish, FinishPass, Finishing};
pub use give::{DueStep, GrantedStep};
pub use intake::{Accepted, KeyHolder, NewRun, Placement};
pub use key::{KeyFound, KeyRow};
pub use lease::{Beat, Ended, WorkerRow};
pub use outside::{CancelOutcome, Told};
pub use ready::{Depth, HeldRow, Published, Slots};
pub use run::{RunFilter, RunRow, StepRow, TryRow, WaitRow};
pub use schema::Schema;
pub use step::{Executing, Offer};
