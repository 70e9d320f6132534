//! The behaviours. Each takes whatever stack it is given.

pub(crate) mod batches;
pub(crate) mod beside;
pub(crate) mod ends;
pub(crate) mod events;
pub(crate) mod parks;
pub(crate) mod state;
pub(crate) mod steps;
pub(crate) mod time;
