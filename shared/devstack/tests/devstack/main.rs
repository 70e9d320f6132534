//! The servers, for real: what is promised about their lives and deaths.

mod chaos;
mod lives;
mod proxied;
mod stacks;
mod watch;
