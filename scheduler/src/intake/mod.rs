//! Accepting runs: one commit for all that are asked for at a time.

mod clock;
mod commit;
mod placing;

pub use clock::RunClock;
pub use commit::{Intake, IntakeHandle};
pub use placing::Placing;
