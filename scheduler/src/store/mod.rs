//! Postgres: the only place that speaks SQL. One query a file under `sql/`; methods are named after them.

mod apart;
mod append;
mod batch;
mod claim;
mod connection;
mod control;
mod declaration;
mod definition;
mod error;
mod event;
mod finish;
mod give;
mod intake;
mod journal;
mod key;
mod lease;
mod org;
mod outside;
mod progress;
mod ready;
mod run;
pub mod schedule;
mod schema;
mod served;
mod state;
mod step;
pub mod trigger;
mod value;
mod webhook;

pub use apart::{Apart, WrittenApart};
pub use append::{Appending, Burden, FirstPass, Look, Mine, Wrote, burden};
pub use batch::{
    BatchId, BatchLook, BatchRow, Ends, NewBatch, Release, ReleasedItem, RunPaused, Sealed, Settled, Slot,
    StartedBatch, Turn, Turned, Wanted,
};
pub use claim::{Granted, OpenCallRow};
pub use connection::{Store, StoreOptions};
pub use control::{KillOutcome, PauseOutcome, ResumeOutcome, StateLook};
pub use declaration::Declaration;
pub use definition::{BuildRow, DefinitionCursor, DefinitionRow, ListedRow};
pub use error::{Fault, StoreError};
pub use event::{
    Accepting, Came, CameOf, CameTo, EventFilter, EventOutcome, EventResult, EventRow, Looking, Matched, OwedEvent,
    Refused, Taking,
};
pub use finish::{Finish, FinishPass, Finishing};
pub use give::{DueStep, GrantedStep};
pub use intake::{Accepted, KeyHolder, NewRun, Placement};
pub use journal::Seen;
pub use key::{KeyFound, KeyRow, NewKey, Noted};
pub use lease::{Back, Beat, Ended, LeaseTerms, Poisoned, WorkerRow};
pub use org::{OrgRow, OrgState};
pub use outside::{CancelOutcome, Told};
pub use progress::{News, Standing};
pub use ready::{Depth, HeldRow, Published, Room, Slots};
pub use run::{RunFilter, RunRow, StepRow, TryRow, WaitRow};
pub use schedule::{ScheduleOrigin, ScheduleRow, ScheduleState};
pub use schema::Schema;
pub use served::{Needed, Served, ServedReader};
pub use state::StateRow;
pub use step::{Executing, Offer};
pub use trigger::{Change, Changed, Listens, NewTrigger, OrgTriggers, Source, TriggerRow, TriggerState};
pub use webhook::{
    DeliveryFilter, DeliveryRow, EndpointChange, EndpointRow, LookedUp, NewDelivery, NewEndpoint, NewSecret,
    SecretAdded, SecretRow,
};
