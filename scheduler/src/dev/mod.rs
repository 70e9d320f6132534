//! A whole Piton on one machine: servers of its own and schedulers in this process.

mod banner;
mod beside;
mod door;
mod port;
mod stack;

pub use banner::Places;
pub use beside::{Beside, BesideError};
pub use door::{Door, DoorError};
pub use stack::{Dev, DevError, DevOptions};
