//! The engine held against workflows of every kind.

mod beside;
mod faults;
mod histories;
mod scripts;
mod time;
mod trials;
mod triggers;
